"""What a loss settles on, seen at one pixel: the constant that is nearest, in its sense, to all that the pixel may be.

As gamma goes to 0, (E |c - y|^gamma - 1) / gamma goes to E log |c - y|, whose slope is pi times the Hilbert transform of the
density of y. So what annealed L0 settles on is a root of that transform (the study's equation 11): the mode where the peak is
symmetric, the likeliest value where y has atoms, and neither for a density that leans to one side.
"""

from dataclasses import dataclass
from math import pi
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from core.noise import NOISES, Noise
from core.params import Span, validated
from core.training.losses import L1, L2, AnnealedL0, Loss
from core.types import Images, generator

DRAWS = 20_000
FINER = 20  # so many are drawn for each that is kept
LAST = 0.02  # gamma, as good as 0
GRID = torch.linspace(-0.25, 1.25, 301)  # where the constants lie that are tried

Values = Float[Tensor, " n"]
Curve = Float[Tensor, " grid"]  # a value at each of GRID


@dataclass(frozen=True, eq=False)
class Minimiser:
    """A loss, its mean over all draws at every constant of GRID, and the best constant."""

    loss: Loss
    curve: Curve
    best: float


@validated
class Exponential(Noise):
    """Multiplicative noise, y = x (1 - s + s e) with e ~ Exp(1): mean x, mode (1 - s) x; at s = 1 speckle of one look (Goodman 1976).

    No law of the study: the simplest whose mean, median, mode and root of the Hilbert transform all differ.
    """

    TITLE: ClassVar = "exponential (speckle)"
    share: Annotated[float, Span(0, 1, 0.01, unit="of the value", label="Share that is noise", share=True)] = 1.0

    def __call__(self, x: Images, rng: Generator) -> Images:
        return x * (1 - self.share + self.share * torch.empty(x.shape).exponential_(generator=rng).to(x.device))


LAWS: dict[str, type[Noise]] = {**NOISES, "Exponential": Exponential}  # what a pixel is shown under


def draws(noise: Noise, value: float, seed: int, n: int = DRAWS) -> Values:
    """Return n quantiles, (n,), of what a noise makes of one grey value, from 0 to 1, in many more draws: less of chance than n draws.

    They are drawn in one row of pixels, for some noises count pixels.
    """
    row = torch.full((1, 1, 1, n * FINER), value)
    return noise(row, generator(seed)).flatten().sort().values[FINER // 2 :: FINER]


def settle(loss: Loss, targets: Values) -> Minimiser:
    """Find the constant of GRID, to 1/200, at which the mean loss to the draws `targets`, (n,), is least."""
    tried = [(c.view(-1, 1, 1, 1), targets.expand(len(c), 1, 1, -1)) for c in GRID.split(50)]
    curve = torch.cat([loss(c.expand_as(y), y, 1.0) for c, y in tried])
    return Minimiser(loss, curve, float(GRID[curve.argmin()]))


def losses(gamma: float) -> dict[str, Loss]:
    """Return the three losses of the study, annealed L0 stopped at `gamma`."""
    return {"L2": L2(), "L1": L1(), f"L0, gamma {gamma:g}": AnnealedL0(gamma, gamma, 1e-4)}


def hilbert(targets: Values) -> Curve:
    """Return the Hilbert transform, 1/pi p.v. int p(y) / (c - y) dy, of the density p of some draws, at every c of GRID.

    p is their histogram, with bins as wide as the steps of GRID and around its values; of a bin from a to b the integral
    is log |c - a| / |c - b|, of that around c nothing.
    """
    width = float(GRID[1] - GRID[0])
    places = (
        ((targets.double() - float(GRID[0])) / width).round().long()
    )  # which bin each lies in; those of GRID begin with 0
    first = int(places.min())
    shares = torch.bincount(places - first).double() / len(targets)
    apart = (torch.arange(len(GRID))[:, None] - torch.arange(first, first + len(shares))).double()  # in bins
    return (((apart + 0.5) / (apart - 0.5)).abs().log() @ shares / (width * pi)).to(targets.dtype)


def root(transform: Curve) -> float:
    """Return the root of a Hilbert transform on GRID at which E log |c - y|, its integral, is least."""
    k = min(int(transform.cumsum(0).argmin()), len(GRID) - 2)
    (low, high), step = transform[k : k + 2].tolist(), float(GRID[1] - GRID[0])
    return float(GRID[k]) + (step * low / (low - high) if low < 0 < high else 0.0)
