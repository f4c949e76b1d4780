"""What networks of more than one kind are made of, and how a stage of one is described."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Stage:
    """Describe one stage of a network for whoever shows it: what it does, to what, and which pixels it can see."""

    name: str  # the key in `stages`
    layer: str
    title: str
    operation: str  # convolution, max-pool, ReLU, linear
    source: str  # the stage it reads
    field: int = 0  # side of the receptive field, pixels; 0 where nobody follows it back
    stride: int = 0  # pixels between the fields of two neighbours
    beside: str = ""  # another stage it reads, past those between


def max_pool(z: Tensor) -> Tensor:
    """Pool 2 x 2 by the maximum.

    Without a gradient this compares slices: bit for bit the values of `F.max_pool2d`, ten times as fast on a CPU.
    With one it is `F.max_pool2d`, which sends the gradient of a tie to the first of the tied values.
    """
    if z.requires_grad:
        return F.max_pool2d(z, 2)
    rows = torch.maximum(z[..., ::2, :], z[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])
