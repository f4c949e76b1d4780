"""The shapes that travel through the house: plain tensors to mypy, checked call by call under pytest."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor

Images: TypeAlias = Float[Tensor, "n c h w"]  # float32 in [0, 1]
Levels: TypeAlias = Float[Tensor, "levels n c h w"]  # the same images at several strengths
Uint8Images: TypeAlias = UInt8[Tensor, "n c h w"]  # 0 to 255, as stored
Labels: TypeAlias = Int64[Tensor, " n"]
Logits: TypeAlias = Float[Tensor, "n k"]
Scores: TypeAlias = Float[Tensor, " n"]  # one number per image
PerImage: TypeAlias = Float[Tensor, "n 1 1 1"]  # one number per image, to multiply images with
Model: TypeAlias = Callable[[Tensor], Tensor]


def generator(seed: int) -> Generator:
    """Start a random stream of its own at `seed`: on the CPU, so that a seed means the same draws for every device."""
    return torch.Generator().manual_seed(seed)
