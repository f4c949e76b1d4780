"""How alike two noises are: their values, their frequencies, their neighbours, and where a denoiser's gradient points."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.types import Images

Curve = Float[Tensor, " k"]


@dataclass(frozen=True)
class Distance:
    """How far the values of two noises are apart, as drawn and scaled to one standard deviation.

    `wasserstein` is how far, on average, values must be moved to make one histogram the other (grey levels); `kolmogorov`
    is the largest gap between the shares of values below a mark (0 to 1); `shape` is Wasserstein between standardised
    values: 0 where only the strength differs (`scipy.stats`).
    """

    wasserstein: float
    kolmogorov: float
    shape: float


def distance(a: Images, b: Images) -> Distance:
    """Compare the values of two noises."""
    from scipy.stats import ks_2samp, wasserstein_distance  # it takes half a second to import

    p, q = (z.flatten().double().numpy() for z in (a, b))
    return Distance(
        255 * float(wasserstein_distance(p, q)),
        float(ks_2samp(p, q).statistic),
        float(wasserstein_distance(_standard(p), _standard(q))),
    )


def _standard(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / max(values.std(), 1e-12))


def spectrum(z: Images) -> Curve:
    """Return the share of the energy at each spatial frequency, 0, 1, ... waves across the picture, ring by ring.

    As multiples of the mean energy: 1 everywhere is white.
    """
    *_, h, w = z.shape
    power = torch.fft.fft2(z).abs().square().mean((0, 1))
    rows, columns = torch.fft.fftfreq(h) * h, torch.fft.fftfreq(w) * w
    ring = (rows[:, None].square() + columns.square()).sqrt().round().long()
    size = min(h, w) // 2 + 1
    inside = ring < size
    sums = torch.bincount(ring[inside], power[inside], minlength=size)
    curve: Curve = (sums / torch.bincount(ring[inside], minlength=size) / power.mean()).float()
    return curve


def autocorrelation(z: Images, lags: int = 8) -> Curve:
    """Return how a value is correlated with the one 0, 1, ... `lags` pixels to the right or below; white noise: 1, 0, 0, ..."""
    z = z - z.mean((2, 3), keepdim=True)
    energy = z.square().mean()
    found = [
        ((z[..., k:] * z[..., : z.shape[3] - k]).mean() + (z[..., k:, :] * z[..., : z.shape[2] - k, :]).mean()) / 2
        for k in range(lags + 1)
    ]
    curve: Curve = torch.stack(found) / energy.clamp(min=1e-30)
    return curve


def correlation(a: Images, b: Images) -> float:
    """Return Pearson's correlation of the values of two noises."""
    p, q = ((z - z.mean()).flatten().double() for z in (a, b))
    return float(p @ q / (p.norm() * q.norm()).clamp(min=1e-30))
