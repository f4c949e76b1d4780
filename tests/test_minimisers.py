"""Where losses settle, under every noise there is."""

from typing import Any

import pytest
import torch

from core import params
from core.noise import NOISES, RandomImpulse, SaltAndPepper
from core.training import minimisers
from core.training.losses import L1, L2, AnnealedL0
from core.types import generator


@pytest.mark.parametrize("kind", NOISES.values(), ids=NOISES)
def test_draws_follow_the_law_of_every_noise(kind: Any) -> None:
    """One row of pixels has the mean and spread a whole picture of that grey has."""
    thing = params.at(kind(), 0.5 if params.strength(kind)[1].high <= 1 else 50.0)
    drawn = minimisers.draws(thing, 0.3, seed=0)
    picture = thing(torch.full((1, 1, 300, 300), 0.3), generator(1)).flatten()
    assert len(drawn) == minimisers.DRAWS
    assert drawn.mean() == pytest.approx(float(picture.mean()), abs=0.01)
    assert drawn.std() == pytest.approx(float(picture.std()), rel=0.03)
    assert drawn.std() > 0.02


def test_losses_settle_on_mean_median_and_mode() -> None:
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
