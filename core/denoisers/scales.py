"""Photographs: what lies beyond the window of a denoiser, and what a grey one has in common.

A network that learned from 32 x 32 pixels sees a photograph through windows of that size, and where it is smooth leaves the long
waves of the noise. So the picture is denoised at half its size too, where a window sees twice as far and the mean of four values
has half the noise; of long waves that version is believed, as far as both differ by little beside the noise (after Facciolo,
Pierazzo and Morel 2017, who join the scales of a DCT denoiser).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import pi, sqrt

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from core.denoisers import tiled
from core.denoisers.tiled import Progress
from core.networks.unet import Denoiser
from core.noise import BlindGaussian, Gaussian, Noise
from core.types import Images, Model

SHARE = (
    0.15  # of the deviation of the noise: differences between the scales that are larger are structure, and count less
)
FAINT = 1 / 255  # deviation of noise below which there is nothing to gain
MIDDLES = (
    (0.3, 0.7),
    (0.1, 0.9),
)  # grey values between which the noise is hardly clipped; the second where there are few
FEW = 0.01  # of the values
BLOCK, SURE = (
    8,
    6.5,
)  # side of the blocks in which channels are compared, and how many standard errors no block of 100,000 reaches
BAND = 256  # rows that are worked on at once, to save memory

Halves = Float[Tensor, "n c half_h half_w"]
Steps = Callable[..., Iterator[Progress]]  # of a model, pictures and, by that name, workers


def denoise(model: Model, z: Images, workers: int = 1) -> Iterator[Progress]:
    """Denoise noisy pictures (N, C, H, W), of 8 bits or as the noise made them, at two scales, clipped to [0, 1].

    Made for Gaussian noise, whose mean where it is clipped is known. What is yielded is as `tiled.denoise` has it; half the size is a
    quarter of the work. Pictures of fewer than 64 pixels a side have one scale.
    """
    large = min(z.shape[2:]) >= 2 * Denoiser.SIDE
    for one in tiled.denoise(model, z, workers=workers):
        yield replace(one, share=0.8 * one.share) if large else one
    y = one.image
    if not large:
        return
    sigma = deviation(z, y)
    if sigma > FAINT:
        small = torch.cat([halved(part) for part in _unbiased(z, y, sigma)], 2)
        for other in tiled.denoise(model, small, workers=workers):
            yield Progress(0.8 + 0.2 * other.share, y)
        _join(y, other.image, SHARE * sigma)
    grey = colourless(z)
    for rows in _bands(y):
        rows.copy_(torch.where(grey, rows.mean(1, keepdim=True), rows))
    yield Progress(1.0, y)


def suited(noise: Noise) -> Steps:
    """Return how photographs are denoised by networks made for a noise: at two scales where it is Gaussian, else at one."""
    return denoise if isinstance(noise, Gaussian | BlindGaussian) else tiled.denoise


def denoised(model: Model, z: Images, workers: int = 1) -> Images:
    """Return pictures denoised at two scales: what `denoise` yields at last."""
    *_, last = denoise(model, z, workers)
    return last.image


def deviation(z: Images, y: Images) -> float:
    """Estimate the standard deviation of the noise: of noisy less denoised, where it is hardly clipped; 0 where nothing is."""
    for low, high in MIDDLES:
        middle = (y > low) & (y < high)
        if middle.float().mean() > FEW:
            return float((z - y)[middle].square().mean().sqrt())
    return 0.0


def clipped(x: Images, sigma: float) -> Images:
    """Return the mean of x + sigma n, n standard normal, clipped to [0, 1]."""
    low, high = x / sigma, (1 - x) / sigma  # deviations to either end
    within, below = _normal(high) + _normal(low) - 1, torch.exp(-(low**2) / 2)
    return x * within + sigma * (below - torch.exp(-(high**2) / 2)) / sqrt(2 * pi) + 1 - _normal(high)


def halved(x: Images) -> Halves:
    """Return the means of squares of 2 x 2 pixels, at an odd edge of what there is."""
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)


def colourless(z: Images) -> Bool[Tensor, "n 1 1 1"]:
    """Say which noisy pictures are grey: in no block, and not in all taken together, do the channels differ by more than noise drawn for each value makes them."""
    if min(z.shape[2:]) < BLOCK or z.shape[1] == 1:
        return torch.ones(len(z), 1, 1, 1, dtype=torch.bool, device=z.device)
    d = z.diff(dim=1)
    mean, square = F.avg_pool2d(d, BLOCK), F.avg_pool2d(d.square(), BLOCK)
    error = (square - mean.square()).clamp_min(1e-9).div(BLOCK**2 - 1).sqrt()
    t = (mean / error).flatten(1)  # of Student's distribution, whose variance with 63 degrees of freedom is 1.03
    everywhere = t.square().mean(1) < 1.03 + SURE * sqrt(2 / t.shape[1])
    return (everywhere & (t.abs() < SURE).all(1)).view(-1, 1, 1, 1)


def _unbiased(z: Images, y: Images, sigma: float) -> Iterator[Images]:
    """Yield the noisy picture, band by band, less the mean that clipping gave its noise, by what the denoised one says of it."""
    whole = bool(z.min() < 0) or bool(z.max() > 1)  # nothing is clipped
    for noisy, x in zip(_bands(z), _bands(y), strict=True):
        yield noisy if whole else noisy - (clipped(x, sigma) - x)


def _join(y: Images, small: Halves, limit: float) -> None:
    """Let pictures, in place, have the long waves of what was denoised at half the size, as far as they differ by less than a limit."""
    d = small - torch.cat([halved(rows) for rows in _bands(y)], 2)
    near = F.avg_pool2d(F.pad(d.square(), (1, 1, 1, 1), mode="replicate"), 3, 1)
    d *= limit**2 / (limit**2 + near)
    for channel in range(y.shape[1]):  # one at a time, to save memory
        wide = F.interpolate(d[:, [channel]], scale_factor=2, mode="bicubic", align_corners=False)
        y[:, [channel]] += wide[..., : y.shape[2], : y.shape[3]]
    y.clamp_(0, 1)


def _bands(x: Images) -> "tuple[Float[Tensor, 'n c rows w'], ...]":
    return x.split(BAND, 2)  # type: ignore[no-any-return]


def _normal(t: Tensor) -> Tensor:
    """Return the distribution function of a standard normal variable."""
    return (1 + torch.erf(t / sqrt(2))) / 2
