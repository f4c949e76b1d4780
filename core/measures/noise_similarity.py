"""How alike two noises are: their values, their frequencies, their neighbours, and where a denoiser's gradient points."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.types import Images

PerWave = Float[Tensor, " waves"]
PerLag = Float[Tensor, " lags"]


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

    p, q = (z.flatten().double().cpu().numpy() for z in (a, b))
    return Distance(
        255 * float(wasserstein_distance(p, q)),
        float(ks_2samp(p, q).statistic),
        float(wasserstein_distance(_standard(p), _standard(q))),
    )


def _standard(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / max(values.std(), 1e-12))


def spectrum(z: Images) -> PerWave:
    """Return the share of the energy at each spatial frequency, 0, 1, ... waves across the picture, ring by ring.

    As multiples of the mean energy: 1 everywhere is white.
    """
    *_, h, w = z.shape
    power = torch.fft.fft2(z).abs().square().mean((0, 1))
    rows, columns = torch.fft.fftfreq(h, device=z.device) * h, torch.fft.fftfreq(w, device=z.device) * w
    size = min(h, w) // 2 + 1
    ring = (rows[:, None].square() + columns.square()).sqrt().round().long().clamp(max=size).flatten()  # last: outside
    sums, counts = (
        torch.zeros(size + 1, device=z.device).index_add_(0, ring, values.flatten())[:size]
        for values in (power, torch.ones_like(power))
    )
    shares: PerWave = sums / counts / power.mean()
    return shares


def autocorrelation(z: Images, lags: int = 8) -> PerLag:
    """Return how a value is correlated with the one 0, 1, ... `lags` pixels to the right or below; white noise: 1, 0, 0, ...

    A picture of fewer pixels has fewer lags: from 0 to its shorter side less one.
    """
    z = z - z.mean((2, 3), keepdim=True)
    energy = z.square().mean()
    found = [
        ((z[..., k:] * z[..., : z.shape[3] - k]).mean() + (z[..., k:, :] * z[..., : z.shape[2] - k, :]).mean()) / 2
        for k in range(min(lags + 1, *z.shape[2:]))
    ]
    return torch.stack(found) / energy.clamp(min=1e-30)


def correlation(a: Images, b: Images) -> float:
    """Return Pearson's correlation of the values of two noises."""
    p, q = ((z - z.mean()).flatten().double() for z in (a, b))
    return float(p @ q / (p.norm() * q.norm()).clamp(min=1e-30))
