"""Means with their 95 % intervals, of what was measured image by image; so also of differences on the same images."""

from math import inf, sqrt
from statistics import NormalDist

from torch import Tensor

from core.types import Scores


def interval(values: Scores, comparisons: int = 1) -> tuple[float, float]:
    """Return the mean of one number per image, and the half width of its 95 % interval; two images or more.

    `comparisons` widens it (Bonferroni 1936), so that of so many intervals all hold at once, with 95 %. For more than about 50
    images: the mean is taken as normal.

    >>> mean, half = interval(torch.tensor([1.0, 3.0] * 50))
    >>> round(mean, 3), round(half, 3), round(interval(torch.tensor([1.0, 3.0] * 50), 21)[1], 3)
    (2.0, 0.197, 0.305)
    """
    precise: Tensor = values.double()
    z = NormalDist().inv_cdf(1 - 0.05 / (2 * comparisons))
    return float(precise.mean()), z * float(precise.std()) / sqrt(len(values))


def of_few(values: Scores) -> tuple[float, float]:
    """Return the mean of a few numbers, and the half width of its 95 % interval (Student 1908), infinite for a single one.

    >>> mean, half = of_few(torch.tensor([1.0, 2.0, 3.0]))
    >>> round(mean, 3), round(half, 3)
    (2.0, 2.484)
    """
    from scipy.special import stdtrit

    precise, n = values.double(), len(values)
    half = float(stdtrit(n - 1, 0.975)) * float(precise.std()) / sqrt(n) if n > 1 else inf
    return float(precise.mean()), half
