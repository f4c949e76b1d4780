"""Guarantees beside attacks: on a classifier of which the truth is known, on digits, and in what is kept."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.stats import binom

from core import checkpoints
from core.attacks import l2
from core.attacks.l2 import DDN
from core.data.datasets import Dataset
from core.experiments import certificate, voting
from core.experiments.certificate import BASES, FOUND, RADII, SIGMAS, STORE, Certified
from core.measures import metrics, smoothing
from core.networks.digits import Classifier
from core.types import generator
from tests.test_smoothing import brighter, halves

BRIGHT = torch.tensor([1])


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less effort."""
    monkeypatch.setattr(certificate, "BATCH", 4)
    monkeypatch.setattr(certificate, "ATTACK", DDN(steps=10))
    monkeypatch.setattr(certificate, "VERDICT", 100)
    monkeypatch.setattr(certificate, "VOTES", 100)


@pytest.fixture
def begun(digits: Dataset) -> Certified:
    card, shield = (checkpoints.read(name) for name in ("digit-cnn", "n2n-digits"))
    return certificate.begin(card, shield, digits)


@pytest.mark.parametrize("distance", [0.1, 0.5, 2.0])
def test_without_noise_the_attack_finds_the_shortest_way_out(distance: float) -> None:
    x, _ = halves(distance)
    z, length = certificate.unguarded(brighter, x, BRIGHT)
    assert float(length) == pytest.approx(distance, rel=0.01)
    assert float(metrics.l2(z, x)) == pytest.approx(float(length))
    assert int(brighter(z).argmax()) == 0
    assert 0 <= float(z.min()) <= float(z.max()) <= 1


@pytest.mark.parametrize("distance", [0.3, 0.8])
def test_under_noise_the_attack_finds_it_too_and_no_shorter_one(distance: float) -> None:
    """The vote of `brighter` changes exactly at the distance from its plane."""
    x, _ = halves(distance)
    z, length = certificate.broken(brighter, x, BRIGHT, 0.25, generator(0))
    assert distance < float(length) < distance + 0.2
    assert float(metrics.l2(z, x)) == pytest.approx(float(length))
    votes = smoothing.votes(brighter, z, 0.25, 1000, generator(1))
    assert int(votes.argmax()) == 0


def test_what_cannot_be_broken_is_not() -> None:
    """A network that always answers the same."""
    x = torch.rand(2, 1, 8, 8, generator=generator(0))
    y = torch.zeros(2, dtype=torch.int64)

    def stubborn(z: torch.Tensor) -> torch.Tensor:
        return torch.eye(3)[[0]] + 1e-3 * z.mean((1, 2, 3))[:, None]

    assert certificate.broken(stubborn, x, y, 0.5, generator(0))[1].isinf().all()
    assert certificate.unguarded(stubborn, x, y)[1].isinf().all()
    found = certificate.scored(stubborn, x, y, 0.5, 1000, generator(0))
    assert found[:, FOUND.index("right")].tolist() == [1, 1]
    misread = certificate.scored(stubborn, x, y + 1, 0.5, 1000, generator(0))
    assert misread[:, FOUND.index("right")].tolist() == [-1, -1]
    assert misread[:, FOUND.index("broken")].tolist() == [0, 0]


def test_the_mean_under_noise_has_the_gradient_of_the_mean() -> None:
    """Against finite differences, on the same draws."""
    x = torch.full((1, 1, 8, 8), 0.52, requires_grad=True)
    n = 0.25 * torch.randn((64, 1, 8, 8), generator=generator(3))

    def asked(z: torch.Tensor) -> torch.Tensor:
        return l2.expected(lambda q: 20 * brighter(q), 0.25, 64, generator(3))(z)[0, 1]

    (g,) = torch.autograd.grad(asked(x), x)
    step = 1e-2 * torch.ones_like(x)
    with torch.no_grad():
        difference = float(asked(x + step) - asked(x - step)) / 2
        mean = float((20 * brighter(x + n)).softmax(1)[:, 1].mean())
        assert float(asked(x).exp()) == pytest.approx(mean, rel=1e-4)
    assert float((g * step).sum()) == pytest.approx(difference, rel=1e-2)


def test_no_attack_falls_below_a_guarantee(cnn: Classifier, digits: Dataset) -> None:
    """Each guarantee and each verdict is wrong in one of a thousand at most: of these few none may be, digit by digit."""
    x, y = digits.images(slice(0, 10)), digits.labels[:10]
    right, radius, length = certificate.scored(cnn, x, y, 0.25, 1000, generator(0)).unbind(1)
    assert (right == 1).sum() >= 7
    assert (length > radius)[right == 1].all()
    assert length.isfinite().double().mean() > 0.7
    assert (radius <= 0.25 * 2.464).all()  # all of a thousand votes


def test_measuring_goes_on_where_it_stopped(
    cnn: Classifier, digits: Dataset, begun: Certified, shelf: Any, cheap: None
) -> None:
    some, answering = digits.part(slice(0, 8)), {"alone": cnn, "denoised": cnn}
    begun = replace(begun, votes=certificate.VOTES, data=some.title)

    def measured(known: Certified, n: int) -> Certified:
        *_, found = certificate.spread(known, answering, some, n)
        return found

    whole = measured(begun, 8)
    STORE.put("mine", measured(begun, 4))
    again = STORE.resume("mine", begun)
    assert again.n == len(again.rows) == 4
    assert torch.equal(measured(again, 8).rows, whole.rows)
    assert whole.rows.shape == (8, len(BASES), len(SIGMAS), len(FOUND))
    assert "right answers guaranteed" in whole.line


def test_what_is_guaranteed_stands_and_breaches_are_counted(begun: Certified, shelf: Any) -> None:
    rows = torch.zeros(4, len(BASES), len(SIGMAS), len(FOUND))
    rows[:, 1, 2] = torch.tensor(
        [[1, 0.5, 0.9], [1, 0.5, 0.4], [0, 0, torch.inf], [-1, 0.7, 0]]
    )  # the second: a breach
    found, place = replace(begun, n=4, rows=rows), ("denoised", SIGMAS[2])
    assert found.certified(*place, (0.0, 0.49, 0.5)) == [2, 2, 0]
    assert found.standing(*place, (0.0, 0.4, 0.5, 1.0)) == [3, 2, 2, 1]
    assert found.breaches(*place) == 1
    assert found.guarantees == (2, 1)
    assert "Not measured yet" in "\n".join(certificate.section())


@pytest.mark.parametrize("name", sorted(STORE.current()))
def test_what_was_measured_never_falls_below_its_guarantees(name: str) -> None:
    """Digit by digit, but for as many as chance allows (once in a million such results more)."""
    found = STORE.current()[name]
    given, lost = found.guarantees
    assert lost <= int(binom.ppf(1 - 1e-6, given, 2 * found.alpha))
    for base, sigma in ((base, sigma) for base in BASES for sigma in found.sigmas):
        safe, left = (torch.tensor(counts) for counts in (found.certified(base, sigma), found.standing(base, sigma)))
        assert (safe <= left + found.breaches(base, sigma)).all()
        assert len(safe) == len(RADII)


def test_one_digit_is_asked_and_attacked_with_progress(cheap: None) -> None:
    x, distance = halves(0.4)
    answering = {"alone": brighter, "denoised": lambda z: brighter(z.clamp(0, 1))}
    *shares, found = voting.vote(answering, lambda z: z, x, 200, 0)
    assert isinstance(found, voting.Vote)
    assert shares == pytest.approx([0.05 * step for step in range(1, 21)])
    assert found.noisy.shape == (len(voting.LEVELS), 1, 8, 8)
    for base in answering:
        assert found.answer(base)[:3].tolist() == [1, 1, 1]
        assert (found.radius(base) < distance).all()
        assert float(found.share(base)[0]) == 1
    *_, changed = voting.attack(answering, x, "alone", found.certificates["alone"][1], 0)
    assert isinstance(changed, dict)
    assert list(changed) == ["alone", "denoised", "vote"]
    for one in changed.values():
        assert (one.before, one.after) == (1, 0)
        assert one.length == pytest.approx(distance, abs=0.2)
