"""What is measured of images (N, C, H, W) in [0, 1]: one number per image, (N,); averages are the caller's."""

from math import sqrt

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.types import Images, Labels, Logits, Scores


def l0(a: Images, b: Images) -> Scores:
    """Count the pixels, all channels together, in which two images differ."""
    return torch.ne(a, b).any(dim=1).sum(dim=(1, 2)).float()


def l2(a: Images, b: Float[Tensor, "m c h w"]) -> Scores:
    """Measure the Euclidean length of a - b over all values; `b` may be a single image."""
    length: Tensor = torch.linalg.vector_norm(a - b, dim=(1, 2, 3))
    return length


def linf(a: Images, b: Images) -> Scores:
    """Find the largest change of any value, from 0 to 1."""
    return (a - b).flatten(1).abs().amax(1)


def psnr(a: Images, b: Float[Tensor, "m c h w"]) -> Scores:
    """Peak signal-to-noise ratio in dB of `a` clipped to [0, 1] against `b`; +inf for identical images.

    `b` may be a single image, which is then compared with all of `a`.

    >>> psnr(torch.zeros(1, 1, 8, 8), torch.full((1, 1, 8, 8), 0.1)).round().tolist()
    [20.0]
    """
    return -10 * (a.clamp(0, 1) - b).flatten(1).double().square().mean(1).log10().float()


def ssim(a: Images, b: Float[Tensor, "m c h w"], data_range: float = 1.0) -> Scores:
    """Structural similarity (Wang et al. 2004) over uniform 7 x 7 windows with sample covariances, channels averaged.

    `b` may be a single image, which is then compared with all of `a`. From -1 to 1, which is for identical images; both must be 7
    pixels high and wide or more (RuntimeError). `data_range` is the distance of the largest possible value from the least.
    """

    def mean(z: Tensor) -> Tensor:
        return F.avg_pool2d(z, 7, stride=1)

    sample = 49 / 48  # unbiased: divide by 48, not by 49
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    ma, mb = mean(a), mean(b)
    va, vb, vab = (
        sample * (mean(p * q) - mp * mq) for p, q, mp, mq in ((a, a, ma, ma), (b, b, mb, mb), (a, b, ma, mb))
    )
    return ((2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).flatten(1).mean(1)


def correct(logits: Logits, y: Labels) -> Scores:
    """Say 1 where the largest of the logits (N, classes) is the label's, else 0: (N,)."""
    return (logits.argmax(1) == y).float()


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Bound the share hits / n, n above 0, by its 95 % interval (Wilson 1927): (low, high), from 0 to 1.

    >>> tuple(round(bound, 3) for bound in wilson(9755, 10000))
    (0.972, 0.978)
    """
    share = hits / n
    centre, spread = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))
