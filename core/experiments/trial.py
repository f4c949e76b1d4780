"""One batch before and after a noise or an attack: to whoever is asked, the two are the same kind of thing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core import noise
from core.attacks import Attack
from core.noise import Noise
from core.types import Images, Labels, Levels, Model, generator

Corruption = Noise | Attack


@dataclass(frozen=True, eq=False)
class Trial:
    """One batch before and after a corruption, and what the model made of it."""

    clean: Images
    corrupted: Images  # clipped to [0, 1]
    before: Tensor
    after: Tensor


def trial(model: Model, x: Images, corrupt: Callable[[Images], Images]) -> Trial:
    """Corrupt a batch, clip it, and run the model on both."""
    corrupted = corrupt(x).clamp(0, 1)
    with torch.no_grad():
        return Trial(x, corrupted, model(x), model(corrupted))


def bind(corruption: Corruption, model: Model, y: Labels, seed: int) -> Callable[[Images], Images]:
    """Give a noise its seed, or an attack its model and labels: what is left maps images to images, not clipped."""
    if isinstance(corruption, Attack):
        return lambda x: corruption(model, x, y)
    return lambda x: corruption(x, generator(seed))


def at_levels(corruption: Corruption, model: Model, x: Images, y: Labels, levels: Sequence[float], seed: int) -> Levels:
    """Corrupt a batch at every strength, clipped to [0, 1]: (levels, N, C, H, W). A noise is one draw that grows."""
    strengths = list(levels)
    if isinstance(corruption, Attack):
        return corruption.levels(model, x, y, strengths)
    return noise.levels(corruption, x, strengths, seed).clamp_(0, 1)
