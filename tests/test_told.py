from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from core import UserError, models
from core.attacks import DAG
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import told, worst_curves
from core.experiments.told import Gain, Taught
from core.networks.unet import ConditionedUNet
from core.training import recipes
from core.types import generator

ABOUT: Any = dict(networks={}, data="CIFAR-10", seed=0, commits=(), precision="", device="cpu", version=1, variant="")


@pytest.fixture(scope="module")
def tiles() -> Dataset:
    few = datasets.sample("cifar10", "test").part(slice(0, 6))
    return replace(few, labels=torch.arange(6))


@pytest.fixture(scope="module")
def network() -> ConditionedUNet:
    model = ConditionedUNet(width=12)
    torch.nn.init.normal_(model.out.weight, std=0.1, generator=generator(0))
    torch.nn.init.normal_(model.labels.weight, std=0.3, generator=generator(1))
    return models.freeze(model)


def result(scores: Tensor, attacked: Tensor) -> Taught:
    return Taught(**ABOUT, n=len(scores), shows=torch.arange(scores.shape[2]) % 10, scores=scores, attacked=attacked)


def test_plain_and_told_differ_in_nothing_but_the_network() -> None:
    plain, other = (variant.recipe for variant in told.variants().values())
    assert other == recipes.RECIPES[told.RECIPE]
    assert replace(plain, architecture=other.architecture) == other
    assert plain.architecture == models.EXTENDED[other.architecture]


def test_a_network_is_given_nothing_then_what_is_there_then_something_else(
    network: ConditionedUNet, tiles: Dataset
) -> None:
    x, labels = tiles.images(), tiles.labels
    none, right, wrong = told.views(network, labels, 3)
    assert torch.equal(none(x), network(x))
    assert torch.equal(right(x), network(x, labels))
    given = [k for k in range(10) if torch.allclose(wrong(x)[0], network.given(torch.tensor([k]))(x)[0], atol=1e-5)]
    assert len(given) == 1
    assert given != [0]
    (plain,) = told.views(models.build("UNet", 0), labels, 3)
    assert plain(x).shape == x.shape


def test_scores_and_attacks_have_a_row_for_each_thing_it_is_given(
    network: ConditionedUNet, tiles: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in dict(DAG_STEPS=DAG(steps=2), STARTS=2, FIRST=1, CLIMB=dict(steps=2, step=0.5)).items():
        monkeypatch.setattr(worst_curves, name, value)
    recipe = told.variants()["told"].recipe
    scores = told.scored(network, recipe, tiles)
    assert scores.shape == (3, 6)
    assert (scores[0] != scores[1]).all()
    assert (scores[1] != scores[2]).all()
    attacked = told.attacked(network, recipe, tiles)
    assert attacked.shape == (2, 6, len(worst_curves.COLUMNS))
    assert (attacked[0] != attacked[1]).any()
    assert told.attacked(models.freeze(models.build("UNet", 0)), recipe, tiles).shape == (1, 6, 6)


def test_gains_are_image_by_image_and_training_by_training() -> None:
    images = 30 + torch.rand((1, 1, 400), generator=generator(0))
    trainings = torch.tensor([0.0, 0.01, -0.01]).view(3, 1, 1)
    plain = result(images + trainings, torch.zeros(3, 1, 20, 6))
    attacked = torch.zeros(3, 2, 20, 6)
    attacked[:, :, :, worst_curves.COLUMNS.index("white")] = 30
    attacked[:, 1, :, worst_curves.COLUMNS.index("L2PGD")] = -2
    given = torch.tensor([0.0, 0.2, -0.3]).view(1, 3, 1)
    other = result(images + trainings + given, attacked)
    found = told.gains(plain, other)
    assert found["the right label, beyond no label"].mean == pytest.approx(0.2, abs=1e-5)
    assert found["a wrong label, beyond no label"].mean == pytest.approx(-0.3, abs=1e-5)
    assert found["no label, beyond the plain network"].mean == pytest.approx(0, abs=1e-5)
    assert found["the right label, beyond no label"].images < 1e-5
    assert told.attacks(plain, other)["from the clean picture: the right label, beyond no label"].mean == 2
    rows = list(told.by_class(plain, other))
    assert [name for name, *_ in rows][:2] == ["airplane", "automobile"]
    assert all(means[2] - means[1] == pytest.approx(0.2, abs=1e-4) for _, means, _ in rows)
    once = Gain.of(other.psnr("the right label")[:1], plain.psnr())
    assert once.trainings == float("inf")


def test_it_is_told_in_the_document_once_it_is_measured(shelf: Any) -> None:
    assert "Not measured yet: `python -m core measure told`." in list(told.section())
    with pytest.raises(UserError, match="no such training 'longer': choose one of plain, told"):
        next(told.measure("longer", 1))
    some = torch.rand((2, 3, 50), generator=generator(0))
    told.STORE.put("plain", result(some[:, :1], torch.rand(2, 1, 20, 6)))
    assert told.current() is None
    told.STORE.put("told", result(some, torch.rand(2, 2, 20, 6)))
    text = "\n".join(told.section())
    assert "| the right label, beyond no label | " in text
    assert text.count("| truck | ") == 1
