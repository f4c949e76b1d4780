"""Tiles without seams, in bounded memory; and what learned nothing."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet, estimate_sigma

from core import UserError, checkpoints
from core.data.samples import photograph
from core.denoisers import tiled
from core.denoisers.classical import BM3D, CLASSICAL, Classical, Median, NonLocalMeans, TotalVariation, Wavelet
from core.measures import metrics
from core.models import autocast
from core.networks.unet import UNet
from core.noise import Gaussian, eight_bit
from core.types import Images, generator
from tests.test_models import unet


@pytest.fixture(scope="module")
def picture() -> Images:
    return torch.from_numpy(photograph("astronaut"))[100:260, 150:330].permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("size", [(416, 500), (415, 97), (64, 64), (97, 33), (20, 193)])
def test_tiles_are_what_the_whole_picture_gives(size: tuple[int, int]) -> None:
    model, x = unet(), torch.rand((1, 3, *size), generator=generator(0))
    whole = model(x).clamp(0, 1)
    *_, last = tiled.denoise(model, x, tile=96, workers=2)
    assert (last.image - whole).abs().max() < 2e-5  # an 8-bit step is 4e-3
    assert last.share == 1


@given(st.integers(1, 5000), st.integers(2, 16), st.integers(1, 8))
def test_a_side_is_cut_on_the_grid_of_windows_and_no_part_sees_less_than_one(
    length: int, cells: int, least: int
) -> None:
    parts = tiled._cut(length, 16 * cells, least)
    assert [p.start for p in parts] == [0, *(p.stop for p in parts[:-1])]
    assert parts[-1].stop == length
    assert all(p.start % 16 == 0 and p.stop - p.start <= 16 * cells for p in parts)
    assert len(parts) == 1 or parts[-1].stop - parts[-1].start > 16
    assert len(parts) >= min(least, length // 32)


@pytest.mark.parametrize("sigma", [15.0, 25.0, 50.0])
@torch.no_grad()
def test_quick_work_on_photographs_gives_the_same_picture(sigma: float) -> None:
    """By bfloat16, on two threads and in tiles: values move by less than a grey level, the mean PSNR by less than 0.01 dB."""
    model, _ = checkpoints.denoiser("n2n-gaussian-50")
    x = torch.stack(
        [torch.from_numpy(photograph(name))[90:186, 150:262] for name in ("astronaut", "chelsea", "coffee")]
    )
    x = x.permute(0, 3, 1, 2).float() / 255
    noisy = eight_bit(Gaussian(sigma)(x, generator(0)))
    exact = model(noisy).clamp(0, 1)
    *_, quick = tiled.denoise(autocast(model), noisy, tile=64, workers=2)
    moved = 255 * (quick.image - exact).abs()
    assert moved.mean() < 0.25
    assert (moved > 1).float().mean() < 1e-4
    assert moved.max() < (1 if sigma < 50 else 2)
    assert abs(float((metrics.psnr(quick.image, x) - metrics.psnr(exact, x)).mean())) < 0.01


def test_no_tile_is_larger_than_it_may_be_and_progress_is_told() -> None:
    class Spy(UNet):
        seen: tuple[int, ...] = (0, 0)

        def forward(self, x: Images) -> Images:
            Spy.seen = tuple(map(max, zip(Spy.seen, x.shape[2:], strict=True)))
            return x

    shares = [p.share for p in tiled.denoise(Spy(), torch.rand((1, 3, 700, 900), generator=generator(0)), tile=128)]
    assert len(shares) == 6 * 8
    assert shares == sorted(shares)
    assert max(Spy.seen) <= 128 + 2 * UNet.REACH


@pytest.mark.parametrize("size", [(7, 9), (40, 33), (64, 31), (100, 20)])
def test_scores_by_bands_are_those_of_the_whole(size: tuple[int, int]) -> None:
    a, b = torch.rand((2, 1, 3, *size), generator=generator(0))
    psnr, ssim = tiled.psnr_ssim(a, b, band=16)
    assert psnr == pytest.approx(float(metrics.psnr(a, b)), abs=1e-4)
    assert ssim == pytest.approx(float(metrics.ssim(a, b)), abs=1e-5)
    assert tiled.psnr_ssim(a, a)[0] == float("inf")


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (60, 1), (8, 8)])
@pytest.mark.parametrize("method", CLASSICAL.values(), ids=CLASSICAL)
def test_classical_methods_take_any_size(method: Classical, size: tuple[int, int]) -> None:
    x = torch.rand((2, 3, *size), generator=generator(0))
    assert method(x).shape == x.shape


@pytest.mark.parametrize("method", CLASSICAL.values(), ids=CLASSICAL)
def test_classical_methods_take_noise_away(method: Classical, picture: Images) -> None:
    noisy = eight_bit(Gaussian(30.0)(picture, generator(0)))
    out = method(noisy)
    assert out.shape == noisy.shape
    assert out.min() >= 0
    assert out.max() <= 1
    assert metrics.psnr(out, picture) > metrics.psnr(noisy, picture) + 2


def test_they_are_scikit_images_with_the_noise_it_estimates(picture: Images) -> None:
    noisy = eight_bit(Gaussian(30.0)(picture, generator(0)))
    image = noisy[0].permute(1, 2, 0).double().numpy()
    sigma = float(estimate_sigma(image, average_sigmas=True, channel_axis=-1))
    theirs: dict[Classical, np.ndarray] = {
        NonLocalMeans(): denoise_nl_means(image, 3, 6, 0.5 * sigma, sigma=sigma, channel_axis=-1),
        TotalVariation(): denoise_tv_chambolle(image, 0.6 * sigma, channel_axis=-1),
        Wavelet(): denoise_wavelet(image, sigma, convert2ycbcr=True, channel_axis=-1),
    }
    for method, expected in theirs.items():
        ours = method(noisy)[0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(ours, np.clip(expected, 0, 1), atol=1e-5)


def test_bm3d_says_what_it_needs_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(UserError, match="BM3D needs the package bm3d"):
        BM3D()(torch.full((1, 3, 32, 32), 0.5))


def test_a_median_removes_a_single_speck_and_images_do_not_feel_their_neighbours() -> None:
    x = torch.full((2, 3, 9, 9), 0.4)
    x[0, :, 4, 4] = 1
    assert torch.equal(Median()(x), torch.full_like(x, 0.4))


@pytest.mark.parametrize("method", CLASSICAL.values(), ids=CLASSICAL)
def test_a_flat_image_stays_as_it_is(method: Classical) -> None:
    x = torch.full((1, 3, 32, 32), 0.5)
    torch.testing.assert_close(method(x), x, atol=1e-4, rtol=0)
