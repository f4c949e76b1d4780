"""How often a single pixel is enough, on a whole test set: every one of them tried, in black and in white."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool
from torch import Tensor

from core import checkpoints
from core.attacks.few_pixels import BLACK_AND_WHITE, exhaustive
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.results import Experiment, Result, Store
from core.networks.digits import Classifier

BATCH = 20


@dataclass(frozen=True, kw_only=True)
class Exhausted(Result):
    """How many of n digits are read right, and go on being so whichever pixel is set to black or white."""

    FOUND: ClassVar = ("clean", "safe", "flips")

    values: tuple[float, ...]
    clean: int
    safe: int
    flips: tuple[tuple[int, ...], ...]  # per pixel: the digits read right that it alone flips

    @property
    def line(self) -> str:
        """Say how many stay right."""
        return f"{self.network}: {self.clean:,} of {self.n:,} right, {self.safe:,} whichever pixel is set"


STORE = Store("every-pixel", Exhausted)


def begin(card: Card, dataset: Dataset, device: str = "cpu") -> Exhausted:
    """Return a count of nothing yet."""
    *_, h, w = dataset.pixels.shape
    return Exhausted(
        **STORE.provenance([card], dataset, "float32", device),
        values=BLACK_AND_WHITE, clean=0, safe=0, flips=((0,) * w,) * h,
    )  # fmt: skip


def exhaust(model: Classifier, known: Exhausted, dataset: Dataset, n: int, workers: int = 1) -> Iterator[Exhausted]:
    """Try every pixel of test digits, in an order drawn from the seed, from what is known to n, yielding what is found so far."""

    def flipped(numbered: tuple[int, Tensor]) -> tuple[Bool[Tensor, " n"], Bool[Tensor, "n h w"]]:
        x, y = dataset.images(numbered[1]), dataset.labels[numbered[1]]
        with torch.no_grad():
            right = model(x).argmax(1) == y
        _, answers = exhaustive(model, x, y, known.values)
        return right.cpu(), ((answers != y[:, None, None, None]).any(1) & right[:, None, None]).cpu()

    found, flips = known, torch.tensor(known.flips)
    for right, where in results.spread(flipped, known, dataset, BATCH, n, workers):
        flips = flips + where.sum(0)
        safe = int((right & ~where.flatten(1).any(1)).sum())
        found = replace(
            found, n=found.n + len(right), clean=found.clean + int(right.sum()), safe=found.safe + safe,
            flips=tuple(map(tuple, flips.tolist())),
        )  # fmt: skip
        yield found


def measure(key: str, n: int) -> Iterator[Exhausted]:
    """Try every pixel of the test digits on a network; raises UserError where it is none of digits."""
    device = networks.device()
    model, card = checkpoints.classifier(key, device)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, dataset, device))
    yield known
    yield from exhaust(model, known, dataset.to(torch.device(device)), n, networks.workers(device))


EXPERIMENT = Experiment(
    "how often a single pixel fools digit networks, every one tried", STORE, networks.classifiers, measure, lambda _: 10_000
)  # fmt: skip
