"""One training loop; what is learned is decided by the pairs it is fed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from core import params
from core.attacks import Attack
from core.data import Dataset
from core.models import Classifier
from core.types import generator

Batch = tuple[Tensor, Tensor]  # what goes in, what should come out
Pairs = Callable[[int, Generator], Iterator[Batch]]  # the batches of epoch 0, 1, ..., in an order drawn from the stream


@dataclass(frozen=True)
class Step:
    """One step of training: which of how many, and the mean loss of its batch."""

    step: int
    steps: int
    loss: float


def labelled(dataset: Dataset, batch: int) -> Pairs:
    """Feed (image, label), every image once an epoch, in random order."""

    def pairs(epoch: int, random: Generator) -> Iterator[Batch]:
        for chosen in torch.randperm(len(dataset), generator=random).split(batch):
            yield dataset.images(chosen), dataset.labels[chosen]

    return pairs


def adversarial(pairs: Pairs, attack: Attack, model: Classifier, ramp: int) -> Pairs:
    """Feed what `attack` makes of each batch against the model as it is at that moment (Madry et al. 2018).

    Its strength grows linearly from 0 over the first `ramp` epochs: at full strength from the start, a network as small
    as the study's learns nothing at all.
    """
    full = params.level(attack)

    def attacked(epoch: int, random: Generator) -> Iterator[Batch]:
        now = params.at(attack, full * min(1.0, epoch / ramp if ramp else 1.0))
        for x, y in pairs(epoch, random):
            yield now(model, x, y), y

    return attacked


def fit(
    model: nn.Module,
    pairs: Pairs,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimiser: Optimizer,
    *,
    epochs: int,
    steps: int,
    seed: int,
) -> Iterator[Step]:
    """Train `model` in place and yield after every step, so that a caller can show it, or stop it by not asking on.

    `steps` is the number of batches in all. The order of the images comes from `seed` alone.
    """
    random = generator(seed)
    done = 0
    model.train()
    for epoch in range(epochs):
        for x, y in pairs(epoch, random):
            optimiser.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimiser.step()
            done += 1
            yield Step(done, steps, value.item())
    model.eval()
