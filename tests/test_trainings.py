from dataclasses import replace
from typing import Any

import pytest
import torch

from core import UserError, models
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import results, trainings
from core.training import pairs, recipes
from core.types import generator

ABOUT: Any = dict(networks={}, data="", seed=0, commits=(), precision="", device="cpu", version=1)


@pytest.fixture(scope="module")
def tiles() -> Dataset:
    return datasets.sample("cifar10", "train").part(slice(0, 128))


def test_each_variant_changes_one_thing_of_the_recipe() -> None:
    known = trainings.variants()
    assert all(results.KEY.fullmatch(key) for key in known)
    assert len({repr(variant) for variant in known.values()}) == len(known)
    assert recipes.record(known["recipe"].recipe) == recipes.record(recipes.RECIPES["n2n-gaussian-50"]) | {
        "epochs": trainings.EPOCHS
    }


def test_so_many_pairs_a_picture_come_again(tiles: Dataset) -> None:
    recipe = replace(trainings.variants()["recipe"].recipe, synthetic=0.0)
    feed = trainings.fixed(tiles, recipe, 2)
    epochs = [
        [torch.cat(both) for both in zip(*((x, y) for x, y, *_ in feed(k, generator(k))), strict=True)]
        for k in range(4)
    ]
    for k in (0, 1):
        assert all(torch.equal(one, other) for one, other in zip(epochs[k], epochs[k + 2], strict=True))
    assert not torch.equal(epochs[0][0], epochs[1][0])


def test_what_a_variant_leaves_out_is_left_out(tiles: Dataset) -> None:
    base = trainings.variants()["recipe"]
    model = models.build("DigitUNet", 0)
    assert trainings.fit(replace(base, averaged=False), model, tiles).averaged is None
    batch = next(iter(trainings.fit(replace(base, weighted=False), model, tiles).pairs(0, generator(0))))
    assert batch[2] == 1.0
    assert isinstance(next(iter(trainings.fit(base, model, tiles).pairs(0, generator(0))))[2], torch.Tensor)


def test_a_variant_is_trained_and_scored(tiles: Dataset) -> None:
    variant = trainings.variants()["recipe"]
    small = replace(variant, recipe=replace(variant.recipe, epochs=1, batch=64))
    test = datasets.sample("cifar10", "test").part(slice(0, 20))
    one, again, other = (trainings.score(small, seed, tiles, test) for seed in (0, 0, 1))
    assert one == again != other
    assert 10 < one < 40


def test_differences_are_of_the_same_seeds() -> None:
    base = trainings.Trained(**ABOUT, n=3, variant="", scores=torch.tensor([30.0, 30.5, 31.0]))
    better = trainings.Trained(**ABOUT, n=3, variant="", scores=torch.tensor([30.1, 30.6, 31.1]))
    mean, half = better.beyond(base)
    assert mean == pytest.approx(0.1, abs=1e-5)
    assert half < 1e-4
    assert trainings.Trained(**ABOUT, n=1, variant="", scores=base.scores[:1]).beyond(base)[1] == float("inf")


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(UserError, match="no training 'longer': choose one of recipe, "):
        next(trainings.measure("longer", 1))


def test_pairs_weigh_as_in_training(tiles: Dataset) -> None:
    x = tiles.images(slice(0, 4))
    assert pairs.weights(x, x).tolist() == pytest.approx([85.0] * 4)
