"""Attacks on single units of a network: how far each can be turned against what it is useful for."""

import torch
from jaxtyping import Int64
from torch import Tensor

from core.attacks.ascent import slope
from core.attacks.linf import CHUNK
from core.measures.features import Answers, answers, drives
from core.networks.digits import DigitCNN
from core.types import Images, Scores

SHARES = (0.5,) * 4 + (0.25,) * 3 + (0.1,) * 3  # of epsilon, the steps; what more of them gain: docs/log.md


def turned(
    model: DigitCNN, x: Images, unit: Int64[Tensor, " n"], side: Scores, epsilon: float
) -> tuple[Images, Scores]:
    """Turn one unit of each image against its `side`, 1 or -1, within epsilon (L-infinity): the images, and the unit's answer.

    Sign steps that grow smaller, clipped to the ball and to [0, 1]; every image goes by its best point on the way, of
    which the first is `x` itself: the unit is never further on its side than at the start.
    """
    low, high = (x - epsilon).clamp(0, 1), (x + epsilon).clamp(0, 1)

    def objective(z: Images) -> Scores:
        return -side * drives(model, z).gather(1, unit[:, None])[:, 0]

    z, best, highest = x, x, torch.full_like(side, -torch.inf)
    for share in (*SHARES, 0.0):  # where the last step ends, too
        value, g = slope(objective, z)
        better = value > highest
        best, highest = torch.where(better.view(-1, 1, 1, 1), z, best), torch.where(better, value, highest)
        z = (z + share * epsilon * g.sign()).clamp(low, high)
    return best, (-side * highest).clamp(min=0)


def worst(model: DigitCNN, x: Images, side: Answers, epsilon: float) -> Answers:
    """Return what every unit answers where an attack of its own has turned it against its `side` of each image, as in `turned`.

    Where the side is 0 it is left alone.
    """
    found, pairs = answers(model, x), side.nonzero()
    for i, unit in (part.T for part in pairs.split(CHUNK)):
        begun, up = found[i, unit], side[i, unit]
        answer = turned(model, x[i], unit, up, epsilon)[1]
        found[i, unit] = torch.where(up > 0, begun.minimum(answer), begun.maximum(answer))  # rounding aside
    return found
