"""Denoisers that learned nothing, for comparison; each estimates the noise of an image from the image alone.

They work image by image, on the CPU; scipy and scikit-image are imported where they are used, for that takes a second. What strength suits an estimated deviation was chosen once for each method, on
100 training images (BM3D: 40) under Gaussian noise (docs/log.md).
"""

from collections.abc import Callable
from threading import Lock
from typing import Annotated, Protocol, runtime_checkable

import numpy as np
import torch

from core import UserError
from core.params import Span, validated
from core.types import Images

Array = np.ndarray  # float (H, W, C) in [0, 1]


@runtime_checkable
class Classical(Protocol):
    """Denoise a batch of images without having learned anything."""

    def __call__(self, x: Images) -> Images: ...


@validated
class Median:
    """Replace every value by the median of its neighbourhood (`scipy.ndimage.median_filter`); needs no noise level."""

    size: Annotated[int, Span(3, 9, 2, unit="pixels")] = 3

    def __call__(self, x: Images) -> Images:
        from scipy.ndimage import median_filter

        return _each(x, lambda image, _: median_filter(image, size=(self.size, self.size, 1)))


@validated
class NonLocalMeans:
    """Average pixels whose surroundings look alike (Buades et al. 2005; `skimage.restoration.denoise_nl_means`)."""

    strength: Annotated[float, Span(0.1, 2, 0.1)] = 0.5

    def __call__(self, x: Images) -> Images:
        from skimage.restoration import denoise_nl_means

        def denoise(image: Array, sigma: float) -> Array:
            h = self.strength * max(sigma, 1e-3)
            return np.asarray(denoise_nl_means(image, 3, 6, h, sigma=sigma, channel_axis=-1)).reshape(image.shape)

        return _each(x, denoise)


@validated
class TotalVariation:
    """Find the image of least total variation near by (Chambolle 2004; `skimage.restoration.denoise_tv_chambolle`)."""

    strength: Annotated[float, Span(0.1, 3, 0.1)] = 0.6

    def __call__(self, x: Images) -> Images:
        from skimage.restoration import denoise_tv_chambolle

        return _each(
            x,
            lambda image, sigma: denoise_tv_chambolle(image, weight=self.strength * max(sigma, 1e-4), channel_axis=-1),
        )


@validated
class Wavelet:
    """Shrink small wavelet coefficients (BayesShrink, Chang et al. 2000; `skimage.restoration.denoise_wavelet`)."""

    strength: Annotated[float, Span(0.1, 2, 0.1)] = 1.0

    def __call__(self, x: Images) -> Images:
        from skimage.restoration import denoise_wavelet

        def denoise(image: Array, sigma: float) -> Array:
            sigma, colour = self.strength * max(sigma, 1e-4), image.shape[2] == 3
            return np.asarray(denoise_wavelet(image, sigma, convert2ycbcr=colour, channel_axis=-1))

        return _each(x, denoise)


@validated
class BM3D:
    """Filter groups of similar blocks together (Dabov et al. 2007; the `bm3d` package, which is not installed by default)."""

    strength: Annotated[float, Span(0.1, 2, 0.1)] = 1.0

    def __call__(self, x: Images) -> Images:
        return _each(x, lambda image, sigma: _bm3d(image, self.strength * max(sigma, 1e-3)))


def bm3d(x: Images, sigma: float) -> Images:
    """Denoise by BM3D, told the standard deviation of the noise, in grey levels; raises UserError where it is not installed."""
    return _each(x, lambda image, _: _bm3d(image, sigma / 255))


_ONE = Lock()  # two calls at once abort the process: the package's threads are not made for it


def _bm3d(image: Array, sigma: float) -> Array:
    try:
        from bm3d import BM3DProfile, bm3d_rgb
    except ImportError:
        raise UserError(
            "BM3D needs the package bm3d: `pip install bm3d`, whose licence is for non-commercial use."
        ) from None
    profile = BM3DProfile()
    profile.nf = (
        16  # of 32: three to six times as fast on white noise, and no worse but on a wall of bricks (docs/log.md)
    )
    with _ONE:
        return np.asarray(bm3d_rgb(image, sigma, profile=profile))


CLASSICAL: dict[str, Classical] = {
    "median": Median(),
    "non-local means": NonLocalMeans(),
    "total variation": TotalVariation(),
    "wavelet": Wavelet(),
}


def _each(x: Images, denoise: Callable[[Array, float], Array]) -> Images:
    """Denoise image by image, telling the method how much noise the image seems to have (Donoho and Johnstone 1994)."""
    from skimage.restoration import estimate_sigma

    images = x.permute(0, 2, 3, 1).double().cpu().numpy()
    done = [
        denoise(image, float(np.nan_to_num(estimate_sigma(image, average_sigmas=True, channel_axis=-1))))
        for image in images
    ]
    return torch.from_numpy(np.stack(done)).float().permute(0, 3, 1, 2).clamp(0, 1).contiguous().to(x.device)
