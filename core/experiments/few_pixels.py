"""How few pixels are enough, on a whole test set: every single pixel tried, and many searched for (Figure 12)."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch

from core import checkpoints
from core.attacks import OnePixel
from core.attacks.few_pixels import BLACK_AND_WHITE, exhaustive
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import tables
from core.models import Classifier
from core.parallel import imap

COUNTS = (1, 3, 5, 10, 20, 40)  # Figure 12
SEARCH = OnePixel(population=200, generations=50)
SEARCHED = 1000  # digits
BATCH = 20
SEED = 0


@dataclass(frozen=True)
class Exhausted:
    """How many of n digits are read right, and go on being so whichever pixel is set to black or white."""

    network: str
    sha256: str
    n: int
    seed: int
    data: str
    commit: str
    values: list[float]
    clean: int
    safe: int
    flips: list[list[int]]  # per pixel: the digits read right that it alone flips


def exhaust(model: Classifier, card: Card, dataset: Dataset, n: int, workers: int = 1) -> Iterator[Exhausted]:
    """Try every pixel of n test digits, in an order drawn from SEED, yielding what is found so far."""
    clean, safe, flips, done = 0, 0, torch.zeros(dataset.pixels.shape[-2:], dtype=torch.int64), 0

    def flipped(chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = dataset.images(chosen), dataset.labels[chosen]
        with torch.no_grad():
            right = model(x).argmax(1) == y
        _, answers = exhaustive(model, x, y)
        return right, (answers != y[:, None, None, None]).any(1) & right[:, None, None]  # (n, h, w)

    batches = datasets.shuffled(len(dataset), SEED)[:n].split(BATCH)
    for right, where in imap(flipped, batches, workers):
        clean, safe = clean + int(right.sum()), safe + int((right & ~where.flatten(1).any(1)).sum())
        flips, done = flips + where.sum(0), done + len(right)
        yield Exhausted(
            card.name, card.sha256, done, SEED, dataset.title, checkpoints.commit(), list(BLACK_AND_WHITE),
            clean, safe, flips.tolist(),
        )  # fmt: skip


def keep(found: Exhausted) -> None:
    """Put what is found into checkpoints/curves/pixels.json; raises UserError where the disk refuses."""
    tables.put("pixels", found.network, asdict(found))


def current() -> dict[str, Exhausted]:
    """Return what is found of networks as they are now, by network."""
    return {name: found for name, found in kept().items() if checkpoints.current(name, found.sha256)}


def kept() -> dict[str, Exhausted]:
    """Return what is found, by network."""
    return {name: Exhausted(**record) for name, record in tables.records("pixels").items()}
