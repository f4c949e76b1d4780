"""The law of every noise, over its whole range."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from core import noise, params
from core.noise import (
    BLIND,
    NOISES,
    BlindPoisson,
    Gaussian,
    Impulse,
    Poisson,
    RandomImpulse,
    ReplaceGaussian,
    SaltAndPepper,
)
from core.types import generator

KINDS = {**NOISES, **BLIND}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Draw a noise with every field anywhere in its span."""
    return st.builds(kind, **{name: st.floats(span.low, span.high) for name, span in params.spans(kind).items()})


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_same_seed_same_noise_same_shape_and_the_input_is_left_alone(kind: Any, data: st.DataObject) -> None:
    thing = data.draw(anything(kind))
    x = torch.rand((2, data.draw(st.sampled_from([1, 3])), 9, 7), generator=generator(1))
    before = x.clone()
    a, b = thing(x, generator(5)), thing(x, generator(5))
    assert torch.equal(a, b)
    assert a.shape == x.shape
    assert a.dtype == torch.float32
    assert a.isfinite().all()
    assert torch.equal(x, before)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_another_seed_is_another_draw(kind: Any) -> None:
    x = torch.full((1, 1, 16, 16), 0.5)
    assert not torch.equal(kind()(x, generator(0)), kind()(x, generator(1)))


@pytest.mark.parametrize(
    "thing", [Gaussian(0.0), Impulse(p=0.0), RandomImpulse(0.0), ReplaceGaussian(0.0), SaltAndPepper(0.0)], ids=repr
)
def test_strength_zero_is_bit_identical(thing: noise.Noise) -> None:
    x = torch.rand((3, 3, 8, 8), generator=generator(2))
    assert torch.equal(thing(x, generator(0)), x)


X = 0.3  # the grey the laws below are tested on
SIZE = (64, 1, 128, 128)  # a million values: a mean is known to 0.1 %


@pytest.mark.parametrize(
    ("thing", "mean", "variance"),
    [
        (Gaussian(50.0), X, (50 / 255) ** 2),
        (Gaussian(5.0), X, (5 / 255) ** 2),
        (Poisson(100.0), X, X / 100),
        (Poisson(500.0), X, X / 500),
        (Impulse(p=0.2, sigma=50.0), X, 0.2 * (50 / 255) ** 2),
        (Impulse(p=0.5, sigma=50.0), X, 0.5 * (50 / 255) ** 2),
        (RandomImpulse(0.5), 0.5 * X + 0.25, 0.5 * X**2 + 0.5 / 3 - (0.5 * X + 0.25) ** 2),
        (
            ReplaceGaussian(0.25, mean=0.5, std=0.1),
            0.75 * X + 0.125,
            0.75 * X**2 + 0.25 * (0.25 + 0.01) - (0.75 * X + 0.125) ** 2,
        ),
        (SaltAndPepper(0.5, 0.0, 1.0), 0.5 * X + 0.25, 0.5 * X**2 + 0.25 - (0.5 * X + 0.25) ** 2),
        (SaltAndPepper(0.5), 0.5 * X + 0.25, 0.5 * X**2 + 0.25 * (0.05**2 + 0.95**2) - (0.5 * X + 0.25) ** 2),
        (noise.BlindGaussian(90.0), X, (90 / 255) ** 2 / 3),
    ],
    ids=repr,
)
def test_mean_and_variance_are_what_the_law_says_within_one_percent(
    thing: noise.Noise, mean: float, variance: float
) -> None:
    repeat = 30 if isinstance(thing, noise.BlindGaussian) else 1  # its level is one draw an image: many images
    y = torch.cat([thing(torch.full(SIZE, X), generator(seed)) for seed in range(repeat)]).double()
    assert y.mean() == pytest.approx(mean, rel=0.01)
    assert y.var() == pytest.approx(variance, rel=0.03 if repeat > 1 else 0.01)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.333, 0.5, 1.0])
@pytest.mark.parametrize("kind", [ReplaceGaussian, SaltAndPepper])
def test_exactly_the_stated_number_of_pixels_is_replaced_all_channels_together(kind: Any, fraction: float) -> None:
    x = torch.full((20, 3, 28, 28), 0.123456)
    changed = (kind(fraction)(x, generator(3)) != x).any(1).flatten(1).sum(1)
    assert (changed == int(fraction * 784)).all()


def test_ten_percent_of_a_digit_is_78_pixels_as_in_the_study() -> None:
    x = torch.full((1, 1, 28, 28), 0.123456)
    assert int((SaltAndPepper(0.1)(x, generator(0)) != x).sum()) == 78


def test_salt_and_pepper_are_the_values_of_the_studys_code_unless_said_otherwise() -> None:
    assert SaltAndPepper(0.1) == SaltAndPepper(0.1, pepper=0.05, salt=0.95)


@pytest.mark.parametrize("values", [(0.0, 1.0), (0.05, 0.95)])
def test_salt_and_pepper_is_half_salt_half_pepper_and_one_colour(values: tuple[float, float]) -> None:
    y = SaltAndPepper(1.0, *values)(torch.full((10, 3, 64, 64), 0.5), generator(0))
    assert y.unique().tolist() == pytest.approx(values)
    assert y.mean() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(y[:, 0], y[:, 1])


def test_random_impulse_replaces_whole_pixels() -> None:
    x = torch.full((4, 3, 64, 64), 0.123456)
    hit = RandomImpulse(0.3)(x, generator(0)) != x
    assert torch.equal(hit[:, 0], hit[:, 1])
    assert hit.float().mean() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("kind", [ReplaceGaussian, SaltAndPepper, Gaussian, RandomImpulse], ids=lambda k: k.__name__)
def test_a_stronger_noise_keeps_what_a_weaker_one_changed(kind: Any) -> None:
    """Sliding the strength makes one noise grow: no flicker."""
    _, span = params.strength(kind)
    x = torch.rand((2, 1, 28, 28), generator=generator(0))
    weak, strong = noise.levels(kind(), x, [0.3 * span.high, 0.6 * span.high], seed=4)
    hit = weak != x
    if kind is Gaussian:
        torch.testing.assert_close(strong - x, 2 * (weak - x))
    else:
        assert torch.equal(strong[hit], weak[hit])


@pytest.mark.parametrize("dispersion", [25.0, 75.0, 200.0])
def test_blind_light_follows_the_negative_binomial(dispersion: float) -> None:
    mean = 500.0
    photons = BlindPoisson(mean, dispersion).draw(200_000, generator(0)).double()
    law = nbinom(mean / dispersion, 1 / mean)
    assert photons.mean() == pytest.approx(law.mean() * dispersion / mean, rel=0.01)
    assert photons.var() == pytest.approx(law.var() * (dispersion / mean) ** 2, rel=0.03)
    assert photons.min() >= 1


def test_at_mean_100_the_negative_binomial_gives_no_light_in_two_of_a_thousand() -> None:
    """science.md, section 1: those images get one photon instead."""
    photons = BlindPoisson(100.0, 75.0).draw(200_000, generator(0))
    assert (photons == 1).double().mean() == pytest.approx(nbinom(100 / 75, 1 / 100).cdf(1), abs=0.001)
