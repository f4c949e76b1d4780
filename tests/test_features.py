"""Useful, robust and brittle units: what is counted, what can never be, and how it is kept."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import UserError, checkpoints
from core.attacks import units
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import accuracy, constructed, features, halves
from core.experiments.features import COLUMNS, Features
from core.measures import ranks
from core.measures.features import COUNT, FIRST_HIDDEN, LAYERS, Purpose, answers, drives, purpose
from core.networks.digits import DigitCNN
from core.types import Images, Labels, generator


@pytest.fixture(scope="module")
def network() -> DigitCNN:
    return features.network("digit-cnn")[0]


@pytest.fixture(scope="module")
def some() -> tuple[Images, Labels]:
    test = datasets.load("mnist", "test")
    return test.images(slice(0, 40)), test.labels[:40]


@pytest.fixture(scope="module")
def what(network: DigitCNN) -> Purpose:
    test = datasets.load("mnist", "test").part(slice(0, 400))
    return purpose(features.seen(network, test), test.labels)


def test_usefulness_is_the_correlation_with_the_label_where_both_halves_weigh_the_same() -> None:
    rng = generator(0)
    y = torch.randint(10, (300,), generator=rng)
    f = torch.randn(300, 4, generator=rng) + torch.stack(
        [(y == 3) * 2.0, (y == 7) * -1.0, y.float(), torch.zeros(300)], 1
    )
    found = purpose(f, y)
    assert found.label[:2].tolist() == [3, 7]
    assert found.sign[:2].tolist() == [1, -1]
    for unit in range(4):
        inside = y == found.label[unit]
        weight = torch.where(inside, 1 / inside.sum(), 1 / (~inside).sum()).double().numpy()
        covariance = np.cov(f[:, unit].double().numpy(), np.where(inside, 1.0, -1.0), aweights=weight, ddof=0)
        rho = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        agreed = found.agreement(f, y)[:, unit].double().numpy()
        assert np.average(agreed, weights=weight) == pytest.approx(abs(rho), abs=1e-4)


def test_a_perfect_unit_is_of_usefulness_1_and_a_silent_one_of_none() -> None:
    y = torch.arange(10).repeat(20)
    f = torch.stack([(y == 4).float(), 1 - (y == 4).float(), torch.full((200,), 0.3)], 1)
    found = purpose(f, y)
    agreed = found.agreement(f, y)
    assert torch.allclose(agreed[:, :2], torch.ones(200, 2), atol=1e-4)  # right on every image
    assert not agreed[:, 2].any()


def test_answers_are_drives_after_relu_and_the_networks_own(network: DigitCNN, some: tuple[Images, Labels]) -> None:
    x, _ = some
    found = answers(network, x)
    stages = network.stages(x)
    assert found.shape == (40, COUNT) == (40, sum(LAYERS.values()))
    assert torch.allclose(found[:, FIRST_HIDDEN:], stages["hidden"], atol=1e-5)
    assert torch.allclose(found[:, :3], stages["relu1"].mean((2, 3)))
    assert torch.equal(found, drives(network, x).clamp(min=0))


@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.1])
def test_robust_usefulness_never_exceeds_usefulness_and_at_0_they_are_equal(
    network: DigitCNN, some: tuple[Images, Labels], what: Purpose, epsilon: float
) -> None:
    x, y = some[0][:4], some[1][:4]
    f = answers(network, x)
    side = what.side(y) * (torch.arange(COUNT) % 20 == 0)  # some units
    turned = units.worst(network, x, side, epsilon)
    before, after = what.agreement(f, y), what.agreement(turned, y)
    assert (after <= before).all()
    assert torch.equal(turned[side == 0], f[side == 0])
    if epsilon:
        assert (after < before - 0.05)[side != 0].float().mean() > 0.5  # it does attack
    else:
        assert torch.allclose(after, before, atol=1e-5)


def test_a_turned_image_stays_in_the_ball_and_does_what_is_said(network: DigitCNN, some: tuple[Images, Labels]) -> None:
    x, unit, side = some[0][:6], torch.tensor([0, 4, 8, 100, 200, 300]), torch.tensor([1.0, -1, 1, -1, 1, -1])
    z, answer = units.turned(network, x, unit, side, 0.1)
    assert (z - x).abs().max() <= 0.1 + 1e-6
    assert z.min() >= 0 <= 1 >= z.max()
    assert torch.allclose(answers(network, z)[torch.arange(6), unit], answer, atol=1e-4)


def test_rank_correlation_is_spearmans_and_groups_do_not_count() -> None:
    from scipy.stats import spearmanr

    rng = generator(1)
    a = torch.randn(60, generator=rng)
    b = (a + torch.randn(60, generator=rng)).round()  # with ties
    found = ranks.correlation(a, b)
    assert found.value == pytest.approx(spearmanr(a.numpy(), b.numpy()).statistic, abs=1e-6)
    assert found.low < found.value < found.high
    assert found.sign == 1
    assert ranks.correlation(a, -b).sign == -1
    group = torch.arange(60) // 30
    apart = torch.randn(60, generator=rng) + 10 * group
    assert ranks.correlation(torch.randn(60, generator=rng) + 10 * group, apart).value > 0.5
    assert ranks.correlation(torch.randn(60, generator=rng) + 10 * group, apart, group).sign == 0


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng, held = generator(2), 0
    for k in range(60):
        one, other = torch.randn(2, 80, generator=rng)
        held += ranks.correlation(one, other, draws=200, seed=k).sign == 0
    assert held >= 50


def measured(network: DigitCNN, part: Dataset, n: int, known: Features | None = None) -> Features:
    card = checkpoints.read("digit-cnn")
    *_, found = features.spread(network, known or features.begin(card, network, part, part), part, n)
    return found


def test_measuring_goes_on_where_it_stopped_and_counts_both_halves(
    network: DigitCNN, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "BATCH", 10)
    monkeypatch.setattr(units, "SHARES", (1.0,))
    part = datasets.load("mnist", "test").part(slice(0, 20))
    whole, first = measured(network, part, 20), measured(network, part, 10)
    again = measured(network, part, 20, first)
    assert (first.n, again.n, whole.n) == (10, 20, 20)
    assert torch.allclose(again.sums, whole.sums)
    own = (part.labels[:, None] == whole.label).sum(0)
    assert torch.equal(whole.counts[0], own.double())  # all of its class
    assert 0 < float(whole.counts[1].mean()) < 20 / features.REST + 1
    assert (whole.column("at worst") <= whole.column("useful") + 1e-9).all()
    assert (whole.column("FGSM")[whole.hidden] > 0).any()
    assert whole.hidden.min() >= FIRST_HIDDEN
    assert "hidden units" in whole.line
    assert "rank correlation" in features.verdict(whole)


def of(useful: torch.Tensor, left: torch.Tensor) -> Features:
    """A result with such figures."""
    card, test = checkpoints.read("digit-cnn"), datasets.load("mnist", "test")
    sums = torch.zeros(2, len(COLUMNS), COUNT, dtype=torch.float64)
    sums[:, 0], sums[:, 1] = useful * 10, left * 10
    sums[:, 2:] = torch.rand(2, 3, COUNT, generator=generator(5))
    ones = torch.ones(COUNT)
    return Features(
        **features.STORE.provenance([card], test, "float32"), epsilon=0.1, steps=(1.0,), attacks=("FGSM", "PGD"),
        label=torch.zeros(COUNT, dtype=torch.int64), sign=ones, mean=0 * ones, deviation=ones.clone(),
        counts=torch.full((2, COUNT), 10.0, dtype=torch.float64), sums=sums, squares=sums**2 / 10,
    )  # fmt: skip


def test_halves_are_by_robust_usefulness_and_a_network_that_keeps_one_holds_the_others_at_their_mean(
    network: DigitCNN, some: tuple[Images, Labels]
) -> None:
    left = torch.rand(COUNT, generator=generator(3), dtype=torch.float64)
    found = of(0.5 + left, left)
    robust, brittle = halves.half(found, "robust"), halves.half(found, "brittle")
    assert robust.sum() == brittle.sum() == 250
    assert not (robust & brittle).any()
    assert left[FIRST_HIDDEN:][robust].min() > left[FIRST_HIDDEN:][brittle].max()
    assert not torch.equal(halves.half(found, "drawn-0"), halves.half(found, "drawn-1"))
    mean = torch.rand(500, generator=generator(4))
    kept = halves.keep(network, robust, mean)
    hidden = torch.where(robust, network.stages(some[0])["hidden"], mean)
    assert torch.allclose(kept(some[0]), network.fc2(hidden), atol=1e-3)
    assert torch.equal(network.fc2.weight, features.network("digit-cnn")[0].fc2.weight)  # left as it is
    everything = halves.keep(network, torch.ones(500, dtype=torch.bool), mean)
    assert torch.allclose(everything(some[0]), network(some[0]), atol=1e-5)


def test_halves_ask_for_units_that_are_measured(shelf: Any) -> None:
    shelf.mkdir()
    for suffix in (".json", ".safetensors"):
        (shelf / f"digit-cnn{suffix}").write_bytes((Path(__file__).parents[1] / "checkpoints" / f"digit-cnn{suffix}").read_bytes())  # fmt: skip
    with pytest.raises(UserError, match="not all measured yet"):
        next(halves.measure("digit-cnn.robust", 10))
    with pytest.raises(UserError, match="There is no half"):
        next(halves.measure("digit-cnn.left", 10))
    with pytest.raises(UserError, match="There is no set"):
        next(constructed.measure("other", 10))


def test_sets_are_made_alike_or_misnamed(network: DigitCNN, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constructed, "CLIMB", 40)
    monkeypatch.setattr(constructed, "MISLEAD", replace(constructed.MISLEAD, steps=10, step=0.2))
    part = datasets.load("mnist", "test").part(slice(0, 24))
    alike = constructed.construct("standard", network, part)
    assert torch.equal(alike.labels, part.labels)
    start = datasets.shuffled(24, 0)
    near, far = (
        (drives(network, x.images()) - drives(network, part.images()))[:, FIRST_HIDDEN:].norm(dim=1).mean()
        for x in (alike, replace(part, pixels=part.pixels[start]))
    )
    assert near < 0.3 * far
    for how in ("random", "next"):
        made = constructed.construct(f"misnamed-{how}", network, part)
        assert (made.labels != part.labels).all()
        assert (made.images() - part.images()).abs().max() <= constructed.MISLEAD.epsilon + 1 / 255
        assert constructed.read(network, made, made.labels) > constructed.read(network, part, made.labels) + 30
    assert torch.equal(constructed.others(part.labels, "next"), (part.labels + 1) % 10)


def test_what_was_made_is_told_and_learned_from(network: DigitCNN, monkeypatch: pytest.MonkeyPatch, shelf: Any) -> None:
    monkeypatch.setattr(constructed, "CLIMB", 2)
    part = datasets.load("mnist", "test").part(slice(0, 64))
    card = checkpoints.Card("digit-cnn", "", "DigitCNN", "mnist", {}, 0, "", "abc", [])
    begun = constructed.begin("robust", [card], part)
    found, learned = constructed.trained("robust", begun, network, network, part)
    assert found.before.shape == found.after.shape == (constructed.SHOWN, 1, 28, 28)
    assert found.after_labels == tuple(part.labels[:10].tolist())
    assert not any(p.requires_grad for p in learned.parameters())
    *_, curve = islice(accuracy.swept(constructed.STORE, "robust", learned, found, part, constructed.ATTACK, 64), 2)
    constructed.STORE.put("robust", curve)
    assert torch.equal(constructed.STORE.read("robust").after, found.after)  # type: ignore[union-attr]
    assert curve.n == 64
    assert "of 64 test digits" in curve.line
    assert DigitCNN is type(learned)
