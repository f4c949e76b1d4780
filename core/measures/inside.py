"""What happens inside a network, stage by stage: what each computes of a picture, and how far it is moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from core.networks.layers import Stage
from core.types import Images


@runtime_checkable
class Staged(Protocol):
    """A network whose stages can be looked at."""

    STAGES: ClassVar[tuple[Stage, ...]]

    def stages(self, x: Images) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class Block:
    """A stage as it is drawn: what it is, and how many maps of which side it makes; of numbers without a place the side is 1."""

    stage: Stage
    channels: int
    side: int

    @property
    def name(self) -> str:
        """Return its layer, and where in it it stands."""
        return f"{self.stage.layer}, {self.stage.title}"

    @property
    def size(self) -> str:
        """Say how large it is."""
        return f"{self.channels} × {self.side}²" if self.side > 1 else f"{self.channels}"


def blocks(model: Staged, found: Mapping[str, Tensor]) -> dict[str, Block]:
    """Take a network apart: its stages by name, in order, as large as the `maps` it made."""
    known = {stage.name: stage for stage in model.STAGES}
    answer = Stage("logits", "Answer", "a number a class", "linear", model.STAGES[-1].name)
    return {name: Block(known.get(name, answer), z.shape[1], z.shape[-1]) for name, z in found.items()}


@torch.no_grad()
def maps(model: Staged, x: Images) -> dict[str, Tensor]:
    """Return what every stage computes of pictures, (N, channels, h, w); numbers without a place are maps of one pixel."""
    return {name: z if z.ndim == 4 else z[..., None, None] for name, z in model.stages(x).items()}


def moved(found: Mapping[str, Tensor]) -> dict[str, list[float]]:
    """Measure how far every stage of each picture is from that of the first, in L2, as a share of the first one's length.

    >>> moved({"one": torch.tensor([[3.0, 4.0], [3.0, 4.5]])})
    {'one': [0.0, 0.1]}
    """
    flat = {name: z.flatten(1).double() for name, z in found.items()}
    return {name: ((z - z[:1]).norm(dim=1) / z[0].norm().clamp(min=1e-12)).tolist() for name, z in flat.items()}
