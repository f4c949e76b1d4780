"""One training loop, for everything that ships; what is learned is decided by the pairs it is fed."""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from core import UserError
from core.models import native_bfloat16
from core.training.losses import Loss
from core.training.pairs import Pairs
from core.types import Labels, Scores, generator

if TYPE_CHECKING:  # it takes a second to import, which the app need not wait for
    from lightning_fabric import Fabric

Tensors = tuple[Tensor, ...] | list[Tensor]
Score = Callable[[nn.Module], float]  # higher is better


@dataclass(frozen=True, eq=False)
class Step:
    """One step of training: which of how many, the mean loss of its batch and, after an epoch, the validation score."""

    step: int
    steps: int
    mean: Tensor  # of the loss, (), where it was computed
    score: float | None = None

    @property
    def loss(self) -> float:
        """Read the mean loss back, which waits for the device: not to be asked at every step."""
        return float(self.mean)


def average(model: nn.Module, decay: float = 0.999) -> AveragedModel:
    """Keep an exponential moving average of the weights, which forgets its beginnings faster than `decay` says at first."""

    def lerp(kept: Tensors, now: Tensors, count: Tensor | int) -> None:
        torch._foreach_lerp_(kept, now, 1 - min(decay, (1 + int(count)) / (10 + int(count))))

    return AveragedModel(model, multi_avg_fn=torch.no_grad()(lerp))


def on_device(
    accelerator: str = "auto",
    precision: Literal["32-true", "bf16-mixed", "quickest"] = "32-true",
    devices: int = 1,
    nodes: int = 1,
) -> "Fabric":
    """Choose a device and a precision: "auto" takes a GPU where there is one.

    Several devices, or machines, take a share of each batch each: on one machine this starts their processes, under torchrun
    it joins those that run.

    "quickest" is bfloat16 autocast on a GPU and on processors that compute in bfloat16, else float32.
    """
    from lightning_fabric import Fabric

    if precision == "quickest":
        precision = "bf16-mixed" if native_bfloat16("cuda" if torch.cuda.is_available() else "cpu") else "32-true"
    many = devices * nodes > 1
    strategy = "ddp" if many else "auto"
    fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
    if many:
        fabric.launch()
    return fabric


@dataclass(eq=False)
class Fit:
    """One training: iterate to train `model` in place, a Step at a time; whoever stops asking stops it.

    `steps` is the number of batches in all, the same in every epoch. The order of the images and their noise come from
    `seed` alone. Where weights are `averaged`, the model ends with the average. `validate` scores it after every epoch, and
    chooses nothing: it is there to be watched, and finds a training that diverges. `clip`, if any, is the largest norm a gradient keeps.

    Fabric decides device and precision; on several devices each takes its share of every batch, with the same result as one up to
    rounding. After any step `state` says everything that a Fit built alike must `load` to go on and end, on a CPU, with the
    same weights to the last bit.
    """

    model: nn.Module
    pairs: Pairs
    loss: Loss
    optimiser: Optimizer
    _: KW_ONLY
    epochs: int
    steps: int
    seed: int
    schedule: LRScheduler | None = None
    averaged: AveragedModel | None = None
    validate: Score | None = None
    clip: float = 0.0
    fabric: "Fabric" = field(default_factory=lambda: on_device("cpu"))
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._wrapped, self._optimiser = self.fabric.setup(self.model, self.optimiser)
        self._random = generator(self.seed)  # on the CPU, so that a seed means the same everywhere
        self._begun = self._random.get_state()  # where the stream stood when the epoch began

    def __iter__(self) -> Iterator[Step]:
        self.model.train()
        while self.done < self.steps:
            epoch, place = divmod(self.done, self._length)
            self._random.set_state(self._begun)
            for batch in islice(self.pairs(epoch, self._random), place, None):  # what was drawn before is drawn again
                yield self._step(*batch)
            self._begun = self._random.get_state()
        if self.averaged:
            self.model.load_state_dict(self.averaged.module.state_dict())
        self.model.eval()

    @property
    def network(self) -> nn.Module:
        """Return the network as it would be if the training ended here."""
        return self.averaged.module if self.averaged else self.model

    @property
    def _length(self) -> int:
        return self.steps // self.epochs

    @property
    def between(self) -> bool:
        """Say whether it stands between two epochs, or before the first."""
        return self.done % self._length == 0

    def _step(self, x: Tensor, y: Tensor, weights: Scores | float, *told: Labels) -> Step:
        self._optimiser.zero_grad()
        share = slice(self.fabric.global_rank, None, self.fabric.world_size)  # of the batch, for this device
        part = weights[share] if isinstance(weights, Tensor) else weights
        output = self._wrapped(x[share], *(labels[share] for labels in told))
        losses = part * self.loss(output, y[share], self.done / self.steps)
        value = losses.sum() * self.fabric.world_size / len(x)  # whose mean over the devices is the mean of the batch
        self.fabric.backward(value)
        if self.clip:
            self.fabric.clip_gradients(self.model, self._optimiser, max_norm=self.clip, error_if_nonfinite=False)
        self._optimiser.step()
        self.done += 1
        if self.schedule:
            self.schedule.step()
        if self.averaged:
            self.averaged.update_parameters(self.model)
        whole = self.fabric.all_reduce(value.detach(), reduce_op="mean")
        assert isinstance(whole, Tensor)
        return Step(self.done, self.steps, whole, self._score() if self.between else None)

    def _score(self) -> float | None:
        """Score the average as it is now; raises UserError where that is no number."""
        if not self.validate:
            return None
        score = self.validate(self.network)
        if not isfinite(score):
            raise UserError(
                "The training has diverged, its validation score is no number: try a smaller learning rate."
            )
        return score

    def state(self) -> dict[str, Any]:
        """Return where the training stands: weights, average, optimiser, schedule, random stream, place in the epoch."""
        return dict(
            done=self.done,
            device=self.fabric.device.type,
            begun=self._random.get_state() if self.between else self._begun,
            model=self.model.state_dict(),
            optimiser=self._optimiser.state_dict(),
            schedule=self.schedule.state_dict() if self.schedule else {},
            averaged=self.averaged.state_dict() if self.averaged else {},
        )

    def load(self, state: dict[str, Any]) -> None:
        """Go on where another Fit stood."""
        self.done, self._begun = state["done"], state["begun"]
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        if self.averaged:
            self.averaged.load_state_dict(state["averaged"])
