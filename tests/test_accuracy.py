import dataclasses
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core import checkpoints
from core.attacks import FGSM, PGD
from core.data.datasets import Dataset
from core.experiments import accuracy
from core.experiments.accuracy import Curve
from core.measures import metrics
from core.models import Classifier
from core.noise import Gaussian, SaltAndPepper
from core.types import generator


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(case: tuple[int, int]) -> None:
    hits, n = case
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    assert metrics.wilson(hits, n) == pytest.approx((interval.low, interval.high), abs=1e-6)


def test_a_trial_clips_once_and_asks_the_model_twice(cnn: Classifier, digits: Dataset) -> None:
    x, y = digits.images(slice(0, 5)), digits.labels[:5]
    trial = accuracy.trial(cnn, x, accuracy.bind(Gaussian(100.0), cnn, y, seed=3))
    assert torch.equal(trial.corrupted, Gaussian(100.0)(x, generator(3)).clamp(0, 1))
    assert torch.equal(trial.before, cnn(x))
    assert torch.equal(trial.after, cnn(trial.corrupted))


@pytest.mark.parametrize("thing", [SaltAndPepper(), FGSM()], ids=repr)
def test_a_sweep_counts_what_one_by_one_counts(thing: accuracy.Corruption, cnn: Classifier, digits: Dataset) -> None:
    small = dataclasses.replace(digits, pixels=digits.pixels[:120], labels=digits.labels[:120])
    levels = (0.0, 0.1, 0.4)
    *_, counts = accuracy.sweep(cnn, small, thing, levels, seed=0, batch=120)
    order = torch.randperm(120, generator=generator(0))
    x, y = small.images(order), small.labels[order]
    for table, z in zip(counts, accuracy.at_levels(thing, cnn, x, y, levels, seed=0), strict=True):
        answers = cnn(z).argmax(1)
        assert int(table.trace()) == int((answers == y).sum())
        for truth in range(10):
            assert table[truth].tolist() == torch.bincount(answers[y == truth], minlength=10).tolist()


def test_a_sweep_can_be_stopped_and_has_then_counted_every_image_once_per_level(
    cnn: Classifier, digits: Dataset
) -> None:
    sweep = accuracy.sweep(cnn, digits, FGSM(), (0.0, 0.1), seed=0, batch=50)
    next(sweep)
    counts = next(sweep)
    assert counts.sum((1, 2)).tolist() == [100, 100]


@pytest.fixture
def measured(cnn: Classifier, digits: Dataset) -> Curve:
    card = checkpoints.read("digit-cnn")
    *_, counts = accuracy.sweep(
        cnn, dataclasses.replace(digits, pixels=digits.pixels[:50], labels=digits.labels[:50]), FGSM(), (0.0, 0.1), 0
    )
    return accuracy.curve(card, digits, FGSM(), (0.0, 0.1), 0, counts)


def test_curves_come_back_as_they_were_kept(measured: Curve, shelf: Path) -> None:
    other = dataclasses.replace(measured, corruption=repr(PGD()))
    accuracy.keep(measured)
    accuracy.keep(other)
    assert accuracy.curves("digit-cnn") == [measured, other]
    assert measured.n == 50
    assert sum(measured.hits) <= 100


def test_fewer_images_never_replace_more_of_the_same_network(measured: Curve, shelf: Path) -> None:
    double = dataclasses.replace(
        measured, counts=tuple(tuple(tuple(2 * v for v in row) for row in t) for t in measured.counts)
    )
    accuracy.keep(double)
    accuracy.keep(measured)
    assert accuracy.curves("digit-cnn") == [double]
    retrained = dataclasses.replace(measured, sha256="0" * 64)
    accuracy.keep(retrained)
    assert accuracy.curves("digit-cnn") == [retrained]


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"network": 1}]'])
def test_an_unreadable_curve_file_is_no_curves(content: str, shelf: Path) -> None:
    (shelf / "curves").mkdir(parents=True)
    (shelf / "curves" / "digit-cnn.json").write_text(content)
    assert accuracy.curves("digit-cnn") == []


@pytest.mark.parametrize("name", ["digit-cnn", "digit-mlp", "digit-cnn-robust"])
def test_shipped_curves_are_of_the_shipped_weights_on_the_full_test_set(name: str) -> None:
    card = checkpoints.read(name)
    curves = accuracy.curves(name)
    full = [c for c in curves if c.data == "MNIST, 10,000 test images" and c.kind != "OnePixel"]  # that one is on 1,000
    assert {c.kind for c in full} == {"SaltAndPepper", "ReplaceGaussian", "FGSM", "PGD"}
    for c in full:
        assert (c.sha256, c.n, len(c.levels)) == (card.sha256, 10_000, 21)
        assert c.accuracy[0] == pytest.approx(100 * card.scores["accuracy"], abs=0.005)
