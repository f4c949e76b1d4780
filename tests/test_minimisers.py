"""Where losses settle, under every noise there is."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import hilbert as scipy_hilbert
from scipy.special import expi
from scipy.stats import norm

from core import params
from core.noise import Gaussian, RandomImpulse, SaltAndPepper
from core.training import minimisers
from core.training.losses import L1, L2, AnnealedL0
from core.training.minimisers import Exponential
from core.types import generator


@pytest.mark.parametrize("kind", minimisers.LAWS.values(), ids=minimisers.LAWS)
def test_draws_follow_the_law_of_every_noise(kind: Any) -> None:
    """One row of pixels has the mean and spread a whole picture of that grey has."""
    thing = params.at(kind(), 0.5 if params.strength(kind)[1].high <= 1 else 50.0)
    drawn = minimisers.draws(thing, 0.3, seed=0)
    picture = thing(torch.full((1, 1, 300, 300), 0.3), generator(1)).flatten()
    assert len(drawn) == minimisers.DRAWS
    assert drawn.mean() == pytest.approx(float(picture.mean()), abs=0.01)
    assert drawn.std() == pytest.approx(float(picture.std()), rel=0.03)
    assert drawn.std() > 0.02


def test_losses_settle_on_mean_median_and_atom() -> None:
    drawn = minimisers.draws(RandomImpulse(0.4), 0.2, seed=0)
    assert minimisers.settle(L2(), drawn).best == pytest.approx(float(drawn.mean()), abs=0.005)
    assert minimisers.settle(L1(), drawn).best == pytest.approx(float(drawn.median()), abs=0.005)
    assert minimisers.settle(AnnealedL0(0.2, 0.2, 1e-4), drawn).best == pytest.approx(0.2, abs=0.005)


def test_with_more_salt_and_pepper_than_truth_the_median_still_finds_it() -> None:
    drawn = minimisers.draws(SaltAndPepper(0.9), 0.3, seed=0)
    assert minimisers.settle(L1(), drawn).best == pytest.approx(0.3, abs=0.005)
    assert minimisers.settle(L2(), drawn).best == pytest.approx(0.48, abs=0.01)


def test_the_dial_turns_l0_into_l1_and_l2() -> None:
    drawn = minimisers.draws(RandomImpulse(0.5), 0.2, seed=0)
    for gamma, loss in ((2.0, L2()), (1.0, L1())):
        dial = list(minimisers.losses(gamma).values())[-1]
        assert minimisers.settle(dial, drawn).best == minimisers.settle(loss, drawn).best


def test_the_transform_of_an_exponential_density_is_known() -> None:
    """Of mean 1: e^-c Ei(c) / pi, whose root is 0.3725; its mode is 0, its median 0.693."""
    drawn = minimisers.draws(Exponential(), 1.0, seed=0, n=200_000)
    found, c = minimisers.hilbert(drawn), minimisers.GRID.double().numpy()
    smooth = c > 0.1  # at 0 there is a jump, and a bin is no point
    assert found.numpy()[smooth] == pytest.approx((np.exp(-c) * expi(c) / np.pi)[smooth], abs=0.03)
    assert minimisers.root(found) == pytest.approx(0.3725, abs=0.01)


@pytest.mark.parametrize("value", [1.0, 0.5])
def test_annealed_l0_lands_on_the_root_and_not_on_the_mode(value: float) -> None:
    drawn = minimisers.draws(Exponential(), value, seed=0)
    root = minimisers.root(minimisers.hilbert(drawn))
    last = minimisers.settle(AnnealedL0(minimisers.LAST, minimisers.LAST, 1e-4), drawn).best
    assert root == pytest.approx(0.3725 * value, abs=0.015)
    assert last == pytest.approx(root, abs=0.015)
    path = [minimisers.settle(AnnealedL0(g, g, 1e-4), drawn).best for g in (2, 1, 0.5, 0.1)]
    assert path == sorted(path, reverse=True)
    assert path[:2] == pytest.approx([value, 0.693 * value], abs=0.01)


def test_the_transform_is_scipys() -> None:
    """A periodic one, of a smooth density with much room around it: two peaks of different width."""
    rng = generator(0)
    parts = 0.3 + 0.05 * torch.randn(700_000, generator=rng), 0.7 + 0.1 * torch.randn(300_000, generator=rng)
    found = minimisers.hilbert(torch.cat(parts))
    step = float(minimisers.GRID[1] - minimisers.GRID[0])
    y = float(minimisers.GRID[0]) + step * np.arange(-20_000, 20_000)
    density = 0.7 * norm.pdf(y, 0.3, 0.05) + 0.3 * norm.pdf(y, 0.7, 0.1)
    theirs = np.imag(scipy_hilbert(density))[20_000 : 20_000 + len(found)]
    assert np.abs(found.numpy() - theirs).max() < 0.03 * np.abs(theirs).max()
    assert minimisers.root(found) == pytest.approx(0.3, abs=0.01)


def test_of_atoms_the_root_is_the_likeliest() -> None:
    drawn = torch.tensor([0.1] * 30 + [0.6] * 45 + [0.9] * 25)
    assert minimisers.root(minimisers.hilbert(drawn)) == pytest.approx(0.6, abs=0.006)


@given(shift=st.floats(0.1, 0.9))
@settings(max_examples=20, deadline=None)
def test_where_a_peak_is_symmetric_the_root_is_its_top(shift: float) -> None:
    drawn = minimisers.draws(Gaussian(25.0), shift, seed=1)
    assert minimisers.root(minimisers.hilbert(drawn)) == pytest.approx(shift, abs=0.02)
