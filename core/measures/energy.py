"""The fair referee: an attack is compared with chance at exactly its own energy."""

import torch

from core.measures import metrics
from core.types import Images, PerImage, Scores


def match_l2(x: Images, change: Images, length: Scores) -> Images:
    """Add so much of `change` to `x` that, after clipping to [0, 1], each image is `length` (L2) away from it.

    The distance grows with the multiple of the change, which is found by halving, to 1e-4 and better. Where clipping
    leaves no image that far away, the furthest there is.
    """
    wanted = length.view(-1, 1, 1, 1)

    def distance(share: PerImage) -> PerImage:
        return metrics.l2((x + share * change).clamp(0, 1), x).view(-1, 1, 1, 1)

    low = torch.zeros_like(wanted)
    high = 2 * wanted / metrics.l2(change, torch.zeros_like(change)).view(-1, 1, 1, 1).clamp(min=1e-12)
    for _ in range(30):
        high = torch.where(distance(high) < wanted, 2 * high, high)
    for _ in range(40):
        middle = (low + high) / 2
        short = distance(middle) < wanted
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return (x + high * change).clamp(0, 1)
