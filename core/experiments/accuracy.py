"""What a noise or an attack does to a network: to one image (a trial), over a whole test set (a curve)."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from core import UserError, checkpoints, noise
from core.attacks import Attack
from core.data import datasets
from core.data.datasets import Dataset
from core.measures import metrics
from core.models import Classifier
from core.noise import Noise
from core.parallel import imap
from core.params import strength
from core.types import Images, Labels, Levels, Logits, Model, generator

Corruption = Noise | Attack
BATCH = 250  # images a sweep corrupts at once


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
    """Give a noise its seed, or an attack its model and labels: what is left maps images to images."""
    if isinstance(corruption, Attack):
        return lambda x: corruption(model, x, y)
    return lambda x: corruption(x, generator(seed))


def at_levels(corruption: Corruption, model: Model, x: Images, y: Labels, levels: Sequence[float], seed: int) -> Levels:
    """Corrupt a batch at every strength, clipped."""
    strengths = list(levels)
    if isinstance(corruption, Attack):
        return corruption.levels(model, x, y, strengths)
    return noise.levels(corruption, x, strengths, seed).clamp_(0, 1)


@torch.no_grad()
def logits(model: Model, dataset: Dataset, batch: int = 1000) -> Logits:
    """Run a model over a whole data set."""
    return torch.cat([model(dataset.images(slice(i, i + batch))) for i in range(0, len(dataset), batch)])


@dataclass(frozen=True)
class Curve:
    """A network's confusion at every strength: counts[level][true class][answer]."""

    network: str
    sha256: str
    corruption: str  # repr; its strength is the field that varies
    field: str
    data: str
    seed: int
    commit: str
    levels: tuple[float, ...]
    counts: tuple[tuple[tuple[int, ...], ...], ...]

    @property
    def kind(self) -> str:
        """Name the class of the noise or attack."""
        return self.corruption.partition("(")[0]

    @property
    def n(self) -> int:
        """Count the images behind each point."""
        return sum(map(sum, self.counts[0]))

    @property
    def hits(self) -> list[int]:
        """Count the right answers at every strength."""
        return [sum(row[k] for k, row in enumerate(table)) for table in self.counts]

    @property
    def accuracy(self) -> list[float]:
        """Return the share of right answers at every strength, in percent."""
        return [100 * hits / self.n for hits in self.hits]

    @property
    def key(self) -> tuple[str, str, str]:
        """Tell curves apart: one is kept of each."""
        return family(self.corruption), self.data, str(self.seed)


def family(corruption: str) -> str:
    """Drop the strength from the repr of a corruption: its first field.

    >>> family("PGD(epsilon=0.1, steps=10, step=0.25, seed=0)")
    'PGD(steps=10, step=0.25, seed=0)'
    """
    name, _, rest = corruption.partition("(")
    return f"{name}({rest.rstrip(')').partition(', ')[2]})"


def sweep(
    model: Classifier,
    dataset: Dataset,
    corruption: Corruption,
    levels: Sequence[float],
    seed: int,
    batch: int = BATCH,
    workers: int = 1,
) -> Iterator[Tensor]:
    """Count answers at all strengths, batch by batch, yielding the counts so far: int64 (levels, true class, answer).

    The images come in an order drawn from `seed`, so that a sweep that is stopped has measured a fair sample.
    Every batch has noise of its own; the labels are the true ones, also for attacks. Several `workers` take a batch
    each, on one thread each: networks as small as these gain nothing from two threads on one batch.
    """
    place = torch.arange(len(levels))[:, None] * 100

    def count(numbered: tuple[int, Tensor]) -> Tensor:
        number, chosen = numbered
        x, y = dataset.images(chosen), dataset.labels[chosen]
        corrupted = at_levels(corruption, model, x, y, levels, seed=seed + number)
        with torch.no_grad():
            answers = torch.stack([model(z).argmax(1) for z in corrupted])  # (levels, N)
        cells = (place + 10 * y + answers).flatten()
        return torch.bincount(cells, minlength=100 * len(levels)).view(len(levels), 10, 10)

    counts = torch.zeros(len(levels), 10, 10, dtype=torch.int64)
    batches = list(enumerate(datasets.shuffled(len(dataset), seed).split(batch)))
    for part in imap(count, batches, workers):
        counts += part
        yield counts


def curve(
    card: checkpoints.Card, dataset: Dataset, corruption: Corruption, levels: Sequence[float], seed: int, counts: Tensor
) -> Curve:
    """Sign the counts of a sweep with what they were measured on."""
    table = tuple(tuple(tuple(row) for row in level) for level in counts.tolist())
    field, _ = strength(type(corruption))
    return Curve(
        card.name, card.sha256, repr(corruption), field, dataset.title, seed, checkpoints.commit(), tuple(levels), table
    )


def keep(new: Curve) -> None:
    """Write a curve to checkpoints/curves/NAME.json, in place of the one of its kind there.

    A curve on fewer images never replaces one on more of the same network. Raises UserError where the disk refuses.
    """
    known = {c.key: c for c in curves(new.network)}
    old = known.get(new.key)
    if old and old.sha256 == new.sha256 and old.levels == new.levels and old.n > new.n:
        return
    known[new.key] = new
    records = [asdict(c) for _, c in sorted(known.items())]
    lines = ",\n".join(json.dumps(record) for record in records)
    checkpoints.write(checkpoints.FOLDER / "curves" / f"{new.network}.json", f"[\n{lines}\n]\n".encode())


def curves(network: str) -> list[Curve]:
    """Return the curves kept of a network; none where there is no file, or it cannot be read."""
    try:
        records = json.loads((checkpoints.FOLDER / "curves" / f"{network}.json").read_text())
        return [
            Curve(**{**r, "levels": tuple(r["levels"]), "counts": tuple(tuple(map(tuple, t)) for t in r["counts"])})
            for r in records
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def scores(model: Classifier, dataset: Dataset) -> dict[str, float | int]:
    """Measure what a card says: accuracy on a test set, its n and 95 % interval."""
    if not len(dataset):
        raise UserError(f"{dataset.title}: there is nothing to measure.")
    hits = int((logits(model, dataset).argmax(1) == dataset.labels).sum())
    low, high = metrics.wilson(hits, len(dataset))
    return dict(accuracy=hits / len(dataset), n=len(dataset), low=round(low, 4), high=round(high, 4))
