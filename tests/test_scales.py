"""Photographs at two scales: long waves, clipped noise, and what is grey."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from core import checkpoints, models
from core.data import samples
from core.denoisers import scales, tiled
from core.measures import metrics
from core.noise import Gaussian, eight_bit
from core.types import Images, Model, generator


@pytest.fixture(scope="module")
def model() -> Model:
    return models.autocast(checkpoints.denoiser("n2n-gaussian-50")[0])


def photograph(name: str, side: int = 192) -> Images:
    whole = torch.from_numpy(samples.photograph(name)).permute(2, 0, 1)[None]
    top, left = ((length - side) // 2 for length in whole.shape[2:])
    return whole[..., top : top + side, left : left + side].contiguous().float() / 255


def noisy(x: Images, sigma: float, seed: int = 0) -> Images:
    return eight_bit(Gaussian(sigma)(x, generator(seed)))


@settings(max_examples=25, deadline=None)
@given(some.floats(0, 1), some.floats(0.004, 0.4), some.integers(0, 9))
def test_the_mean_of_clipped_noise_is_that_of_many_draws(x: float, sigma: float, seed: int) -> None:
    drawn = (x + sigma * torch.randn((1, 1, 300, 300), generator=generator(seed))).clamp(0, 1)
    found = float(scales.clipped(torch.full((1, 1, 1, 1), x), sigma))
    assert found == pytest.approx(float(drawn.mean()), abs=5 * sigma / 300)


@pytest.mark.parametrize(("h", "w"), [(4, 6), (5, 7)])
def test_halved_pictures_are_means_of_four(h: int, w: int) -> None:
    x = torch.rand((1, 3, h, w), generator=generator(0))
    small = scales.halved(x)
    assert small.shape[2:] == ((h + 1) // 2, (w + 1) // 2)
    torch.testing.assert_close(small[..., 0, 0], x[..., :2, :2].mean((2, 3)))
    torch.testing.assert_close(small[..., -1, -1], x[..., 2 * ((h - 1) // 2) :, 2 * ((w - 1) // 2) :].mean((2, 3)))


@pytest.mark.parametrize("name", ["moon", "retina", "astronaut", "camera"])
def test_photographs_come_out_better_at_two_scales(name: str, model: Model) -> None:
    x = photograph(name)
    z = noisy(x, 50)
    one, two = tiled.denoised(model, z), scales.denoised(model, z)
    assert metrics.psnr(two, x) > metrics.psnr(one, x) + 0.2
    assert two.min() >= 0
    assert two.max() <= 1


def test_a_dark_wall_is_as_dark_as_it_was(model: Model) -> None:
    """Half of its noise is clipped away: without its mean the smaller version would be too bright."""
    x = torch.full((1, 3, 192, 192), 0.02)
    z = noisy(x, 40)
    assert z.mean() > 0.06
    inner = scales.denoised(model, z)[..., 16:-16, 16:-16]
    assert float(inner.mean()) == pytest.approx(0.02, abs=0.012)
    assert metrics.psnr(scales.denoised(model, z), x) > metrics.psnr(tiled.denoised(model, z), x)


def test_the_deviation_of_the_noise_is_estimated(model: Model) -> None:
    z = noisy(photograph("camera"), 25)
    assert 255 * scales.deviation(z, tiled.denoised(model, z)) == pytest.approx(25, abs=2.5)
    black = torch.zeros(1, 3, 8, 8)
    assert scales.deviation(black, black) == 0


@pytest.mark.parametrize("sigma", [5.0, 25.0, 50.0, 100.0])
def test_grey_is_told_from_a_little_colour(sigma: float) -> None:
    for seed in range(5):
        grey = photograph("camera")
        assert scales.colourless(noisy(grey, sigma, seed)).all()
        assert not scales.colourless(noisy(photograph("chelsea"), sigma, seed)).any()
        dotted = grey.clone()
        dotted[:, 0, 64:96, 64:96] = 1.0
        assert not scales.colourless(noisy(dotted, sigma, seed)).any()
    assert scales.colourless(photograph("camera")).all()
    assert not scales.colourless(photograph("chelsea")).any()


def test_a_grey_photograph_stays_grey_and_is_the_better_for_it(model: Model) -> None:
    x = photograph("gravel")
    z = noisy(x, 25)
    y = scales.denoised(model, z)
    assert torch.equal(y[:, 0], y[:, 1])
    assert torch.equal(y[:, 1], y[:, 2])
    assert metrics.psnr(y, x) > metrics.psnr(tiled.denoised(model, z), x) + 0.05


def test_what_is_small_or_clean_stays_as_the_network_has_it(model: Model) -> None:
    for z in (noisy(photograph("chelsea", 48), 25), photograph("chelsea", 96)):
        assert (scales.denoised(model, z) - tiled.denoised(model, z)).abs().max() < 1.5 / 255


@pytest.mark.parametrize(("h", "w"), [(64, 64), (97, 130), (300, 70)])
def test_any_size_is_denoised_with_progress_that_grows_to_one(h: int, w: int) -> None:
    """A network that takes a third of the deviation from a mean away, by hand."""

    def halfway(z: Images) -> Images:
        return (2 * z + z.mean((2, 3), keepdim=True)) / 3

    z = torch.rand((2, 3, h, w), generator=generator(1))
    shares = [step.share for step in scales.denoise(halfway, z)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert scales.denoised(halfway, z).shape == z.shape


def test_several_workers_find_the_same(model: Model) -> None:
    z = noisy(photograph("coffee"), 25)
    assert (scales.denoised(model, z) - scales.denoised(model, z, workers=2)).abs().max() < 2e-2
    whole = Gaussian(25)(photograph("coffee"), generator(0))
    assert metrics.psnr(scales.denoised(model, whole), photograph("coffee")) > 27
