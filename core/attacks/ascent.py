"""Climbing along a gradient: what the iterative attacks have in common."""

from collections.abc import Callable, Iterator

import torch

from core.params import Span
from core.types import Images, Scores

STEPS = Span(1, 100, 1, label="Steps")
STEP = Span(0.01, 1, 0.01, unit="of epsilon", label="Step")
START = Span(0, 2**31 - 1, 1, label="Seed of the start")

Objective = Callable[[Images], Scores]


def slope(objective: Objective, z: Images) -> tuple[Scores, Images]:
    """Return an objective at `z`, image by image, and the gradient of its sum: no image feels its neighbours."""
    z = z.detach().requires_grad_()
    value = objective(z)
    return value.detach(), torch.autograd.grad(value.sum(), z)[0]


def ascend(
    objective: Objective, z: Images, move: Callable[[Images], Images], project: Callable[[Images], Images],
    momentum: float = 0.0,
) -> Iterator[tuple[Images, Scores, Images]]:  # fmt: skip
    """Climb from `z`, z <- project(z + move(gradient) + momentum (z - the z before)), without end: a caller stops asking.

    A share of the last step is the momentum of a heavy ball (Polyak 1964). Yields where it stands, what the objective is there,
    and where it goes next.
    """
    before = z
    while True:
        value, g = slope(objective, z)
        after = project(z + move(g) + momentum * (z - before))
        yield z, value, after
        z, before = after, z
