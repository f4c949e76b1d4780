"""Pictures that no camera took: dead leaves, to train denoisers on what photographs of 32 x 32 hardly show.

Opaque shapes of power-law sizes fall over each other until the ground is covered (Lee, Mumford and Huang 2001); edges, corners,
thin bars and saturated colours, of which a data set of small photographs has few, are frequent here.
"""

from functools import cache
from math import pi

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from core.types import Images, PerImage, Uint8Images, generator

LEAVES = 24  # a picture
POOL = 8192  # pictures that a training draws from
SEED = 900  # of the pool

Field = Float[Tensor, "n 1 h w"]  # one value a pixel


@cache
def pool(channels: int, side: int) -> Uint8Images:
    """Draw the POOL pictures all trainings share, (POOL, channels, side, side), of 8 bits."""
    rng = generator(SEED)
    drawn = [draw(512, channels, side, rng) for _ in range(POOL // 512)]
    return torch.cat([(255 * x).round().byte() for x in drawn])


def draw(n: int, channels: int, side: int, rng: Generator) -> Images:
    """Draw n pictures, (n, channels, side, side), in [0, 1]."""
    canvas = _Canvas(n, channels, side, rng)
    x = canvas.paint()
    for _ in range(LEAVES):
        x = torch.lerp(x, canvas.paint(), canvas.leaf())
    return x


class _Canvas:
    """Where n pictures are drawn at once, one random value each."""

    def __init__(self, n: int, channels: int, side: int, rng: Generator) -> None:
        self.n, self.channels, self.side, self.rng = n, channels, side, rng
        self.row, self.column = (torch.arange(side) + 0.5).view(-1, 1), (torch.arange(side) + 0.5).view(1, -1)

    def uniform(self, low: float, high: float) -> PerImage:
        return low + (high - low) * torch.rand((self.n, 1, 1, 1), generator=self.rng)

    def chance(self, p: float) -> Bool[Tensor, "n 1 1 1"]:
        return self.uniform(0, 1) < p

    def axes(self, angle: Tensor, row: Tensor | float = 0.0, column: Tensor | float = 0.0) -> tuple[Field, Field]:
        """Return the coordinates, in pixels, along and across a direction, counted from a point."""
        y, x = self.row - row, self.column - column
        return x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()

    def colour(self) -> Images:
        """Draw a colour, (n, channels, 1, 1): three in ten grey, one in four a corner of the cube."""
        c = torch.rand((self.n, self.channels, 1, 1), generator=self.rng)
        c = torch.where(self.chance(0.3), c[:, :1], c)
        return torch.where(self.chance(0.25), (c > 0.5).float(), c)

    def paint(self) -> Images:
        """Draw a colour for every pixel, half of them shaded along a direction."""
        slope = self.uniform(-0.75, 0.75) * self.chance(0.5)
        return (self.colour() + slope * self.axes(self.uniform(0, 2 * pi))[0] / self.side).clamp(0, 1)

    def leaf(self) -> Field:
        """Draw how far each pixel is covered, 0 to 1, by an ellipse, a bar, a half plane or a row of stripes."""
        half = self.uniform((1 / self.side) ** 2, 1) ** -0.5  # half the length, in pixels: a density of length^-3
        aspect = self.uniform(0.15, 1)
        along, across = self.axes(self.uniform(0, pi), self.uniform(0, self.side), self.uniform(0, self.side))
        thick = (half * aspect).clamp(min=0.6)
        ellipse = ((along / half).square() + (across / thick).square()).sqrt().sub(1) * thick
        bar = torch.maximum(along.abs() - half, across.abs() - thick)
        width = 1 + 3 * aspect
        stripes = torch.maximum(bar, (along.remainder(2 * width) - width).abs() - width / 2)
        kind = self.uniform(0, 1)
        beyond = torch.where(
            kind < 0.45, ellipse, torch.where(kind < 0.8, bar, torch.where(kind < 0.9, along, stripes))
        )
        return (0.5 - beyond).clamp(0, 1)
