"""A vote under noise: its bounds against scipy, its radius against a classifier of which the truth is known."""

from math import log

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest, norm
from torch import Tensor

from core.measures import smoothing
from core.measures.smoothing import ALPHA, FIRST, Certificate
from core.types import Images, generator

SIGMA = 0.25


def halves(offset: float) -> tuple[Images, float]:
    """Return an image, and its distance from where `brighter` answers otherwise."""
    return torch.full((1, 1, 8, 8), 0.5) + offset / 8, offset


def brighter(z: Images) -> Tensor:
    """Answer 1 for images brighter than 1/2 on average: a plane cuts all images in two, and so it does for the vote."""
    mean = z.mean((1, 2, 3)) - 0.5
    return torch.stack([-mean, mean], 1)


@pytest.mark.parametrize("n", [1, 10, 100, 1000, 10_000])
@pytest.mark.parametrize("alpha", [0.001, 0.05])
def test_the_bound_is_scipys(n: int, alpha: float) -> None:
    counts = torch.tensor(sorted({0, 1, n // 2, n - 1, n}))
    for k, bound in zip(counts.tolist(), smoothing.lower_bound(counts, n, alpha).tolist(), strict=True):
        low = binomtest(k, n, alternative="greater").proportion_ci(1 - alpha, "exact").low
        assert bound == pytest.approx(low, abs=1e-9)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.77, 0.999])
def test_the_bound_is_wrong_as_rarely_as_it_says(p: float) -> None:
    counts = torch.arange(201)
    wrong = (smoothing.lower_bound(counts, 200, 0.01) > p).numpy()
    assert float(binom.pmf(counts.numpy(), 200, p)[wrong].sum()) <= 0.01


def test_the_radius_is_as_published() -> None:
    """Cohen et al. 2019, equation 3, sigma / 2 (Phi^-1(p_A) - Phi^-1(p_B)), with p_B = 1 - p_A as in CERTIFY."""
    p = torch.tensor([0.5001, 0.7, 0.9931, 0.999999], dtype=torch.float64)
    published = SIGMA / 2 * (norm.ppf(p.numpy()) - norm.ppf(1 - p.numpy()))
    assert smoothing.radius(p, SIGMA).numpy() == pytest.approx(published, rel=1e-9)
    assert smoothing.radius(torch.tensor([0.0, 0.3, 0.5]), SIGMA).tolist() == [0, 0, 0]


def test_a_plane_is_guaranteed_up_to_itself_and_no_further() -> None:
    """The vote of `brighter` changes exactly at the distance from its plane; more votes come closer to it."""
    x, distance = halves(0.5)
    few, many = (smoothing.certify(brighter, x, SIGMA, n, generator(0)) for n in (100, 10_000))
    for found in (few, many):
        assert int(found.answer) == 1
        assert not found.abstains
        assert 0 < float(found.radius) < distance
    assert float(few.radius) < float(many.radius)
    assert float(many.radius) > 0.85 * distance


def test_it_abstains_where_the_vote_is_even() -> None:
    found = smoothing.certify(brighter, halves(0.0)[0], SIGMA, 1000, generator(0))
    assert found.abstains
    assert float(found.radius) == 0
    assert 400 < int(found.hits) < 600


def test_all_votes_for_one_class_guarantee_no_more_than_their_number_does() -> None:
    found = Certificate(1.0, torch.tensor([3]), 1000 * torch.eye(10, dtype=torch.int64)[[3]])
    assert float(found.p) == pytest.approx(ALPHA ** (1 / 1000))
    assert log(float(found.p)) == pytest.approx(log(ALPHA) / 1000)


def test_the_votes_know_nothing_of_the_choice() -> None:
    """A class chosen by luck is not bound by the votes that chose it."""
    asked = 0

    def fickle(z: Images) -> Tensor:
        nonlocal asked
        asked += len(z)
        return torch.eye(3)[[2 if asked <= FIRST else 0]].expand(len(z), -1)

    found = smoothing.certify(fickle, torch.zeros(1, 1, 4, 4), SIGMA, 600, generator(0))
    assert asked == FIRST + 600
    assert (int(found.answer), int(found.hits), found.votes.tolist()) == (2, 0, [[600, 0, 0]])
    assert found.abstains


def test_every_vote_sees_noise_of_its_own_that_is_not_clipped() -> None:
    seen: list[Images] = []

    def watch(z: Images) -> Tensor:
        seen.append(z)
        return brighter(z)

    x = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)])
    smoothing.certify(watch, x, SIGMA, 700, generator(0))
    n = torch.cat(seen).flatten(1)
    assert len(n) == 2 * (FIRST + 700) == len(np.unique(n.numpy(), axis=0))
    dark = n[n.mean(1) < 0.5]
    assert float(dark.mean()) == pytest.approx(0, abs=0.005)
    assert float(dark.std()) == pytest.approx(SIGMA, rel=0.01)
    assert float((dark < 0).double().mean()) == pytest.approx(0.5, abs=0.02)


def test_a_seed_gives_the_same_votes() -> None:
    x, _ = halves(0.1)
    one, same, other = (smoothing.votes(brighter, x, SIGMA, 300, generator(seed)) for seed in (0, 0, 1))
    assert int(one.sum()) == 300
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_one_class_overtakes_another_where_scipys_test_says_so() -> None:
    pairs = [(a, b) for a in (0, 3, 40, 200) for b in (0, 1, 9, 10, 11, 70, 80, 250, 260)]
    votes = torch.tensor([[a, b, 500] for a, b in pairs])
    y, other = torch.zeros(len(pairs), dtype=torch.int64), torch.ones(len(pairs), dtype=torch.int64)
    said = smoothing.overtakes(votes, y, other).tolist()
    wanted = [b > 0 and binomtest(b, a + b, 0.5, "greater").pvalue <= ALPHA for a, b in pairs]
    assert said == wanted
    assert any(said)
    assert not all(said)
