"""What a loss settles on, seen at one pixel: the constant that is nearest, in its sense, to all that the pixel may be."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.noise import Noise
from core.training.losses import L1, L2, AnnealedL0, Loss
from core.types import generator

DRAWS = 20_000
GRID = torch.linspace(-0.25, 1.25, 301)  # where the constants lie that are tried

Values = Float[Tensor, " n"]


@dataclass(frozen=True, eq=False)
class Minimiser:
    """A loss, its mean over all draws at every constant of GRID, and the best constant."""

    loss: Loss
    curve: Values
    best: float


def draws(noise: Noise, value: float, seed: int, n: int = DRAWS) -> Values:
    """Draw what a noise makes of one grey value, from 0 to 1, n times, (n,): of a row of n pixels, for some noises count pixels."""
    return noise(torch.full((1, 1, 1, n), value), generator(seed)).flatten()


def settle(loss: Loss, targets: Values) -> Minimiser:
    """Find the constant of GRID, to 1/200, at which the mean loss to the draws `targets`, (n,), is least."""
    tried = [(c.view(-1, 1, 1, 1), targets.expand(len(c), 1, 1, -1)) for c in GRID.split(50)]
    curve = torch.cat([loss(c.expand_as(y), y, 1.0) for c, y in tried])
    return Minimiser(loss, curve, float(GRID[curve.argmin()]))


def losses(gamma: float) -> dict[str, Loss]:
    """Return the three losses of the study, annealed L0 stopped at `gamma`."""
    return {"L2": L2(), "L1": L1(), f"L0, gamma {gamma:g}": AnnealedL0(gamma, gamma, 1e-4)}
