"""How often a digit network is right at every strength of a noise or an attack, over a whole test set (Figures 7 and 12)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from core import UserError, checkpoints, parallel
from core.attacks import FGSM, PGD
from core.attacks.worst_case import Nested, WorstCase
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks
from core.experiments.results import Experiment, Result, Store, pieces
from core.experiments.trial import Corruption, at_levels
from core.measures.metrics import wilson
from core.networks.digits import Classifier
from core.noise import ReplaceGaussian, SaltAndPepper
from core.params import strength
from core.runs import folder
from core.types import Logits, Model

BATCH = 250  # images a sweep corrupts at once
WORST = 1000  # digits for the worst case, half a second each
FRACTIONS = tuple(round(0.05 * k, 2) for k in range(21))  # Figure 7: 0 to 100 %
EPSILONS = tuple(round(0.025 * k, 3) for k in range(21))  # Figure 12, to 0.5
MEASURED: dict[str, tuple[Corruption, tuple[float, ...]]] = {
    type(corruption).__name__.lower(): (corruption, levels)
    for corruption, levels in (
        (SaltAndPepper(), FRACTIONS),
        (ReplaceGaussian(), FRACTIONS),
        (FGSM(), EPSILONS),
        (PGD(), EPSILONS),
        (WorstCase(), EPSILONS[::2]),
    )
}

Counts = tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True, kw_only=True)
class Curve(Result):
    """A network's confusion at every strength: counts[level][true class][answer]."""

    FOUND: ClassVar[tuple[str, ...]] = ("counts",)

    corruption: str  # repr; its strength is the field that varies
    field: str
    levels: tuple[float, ...]
    counts: Counts

    @property
    def kind(self) -> str:
        """Name the class of the noise or attack."""
        return self.corruption.partition("(")[0]

    @property
    def hits(self) -> list[int]:
        """Count the right answers at every strength."""
        return [sum(row[k] for k, row in enumerate(table)) for table in self.counts]

    @property
    def accuracy(self) -> list[float]:
        """Return the share of right answers at every strength, in percent."""
        return [100 * hits / self.n for hits in self.hits]

    @property
    def line(self) -> str:
        """Write the curve as one line, in percent."""
        points = " ".join(f"{level:g}:{share:.2f}" for level, share in zip(self.levels, self.accuracy, strict=True))
        return f"{self.network} {self.corruption} n={self.n}: {points}"

    def at(self, levels: Sequence[float]) -> list[float]:
        """Return the share of right answers, in percent, at some of its strengths."""
        return [self.accuracy[self.levels.index(level)] for level in levels]

    def apart(self, levels: Sequence[float], shares: Sequence[float]) -> float:
        """Return how far published shares, in percent, lie from it, in points on average."""
        return sum(abs(a - b) for a, b in zip(self.at(levels), shares, strict=True)) / len(levels)

    def interval(self, level: float) -> tuple[float, float]:
        """Bound the accuracy at one of its strengths by its 95 % interval, in percent."""
        low, high = wilson(self.hits[self.levels.index(level)], self.n)
        return 100 * low, 100 * high


C = TypeVar("C", bound=Curve)
STORE = Store("accuracy", Curve)
BESIDE = Store(
    "accuracy", Curve, place=lambda: folder.root() / ".results"
)  # what visitors measured, which ships nowhere


def key(network: str, corruption: Corruption, dataset: Dataset) -> str:
    """Return the key of a curve; what is measured on the built-in sample has one of its own."""
    return f"{network}.{type(corruption).__name__.lower()}" + ("" if dataset.full else ".sample")


def of(network: str) -> list[Curve]:
    """Return the curves of a network that hold, those on the built-in sample included.

    Of what ships and what was measured in the app the one on more images; where they are as many, what ships.
    """
    keys = (f"{network}.{kind}{sample}" for kind in MEASURED for sample in ("", ".sample"))
    both = ([found for store in (STORE, BESIDE) if (found := store.get(k))] for k in keys)
    return [max(found, key=lambda c: c.n) for found in both if found]


def clean(network: str) -> tuple[float, Curve] | None:
    """Return how often a network reads clean test digits right, in percent, and the curve that says so; None: not measured."""
    full = [c for c in of(network) if c.levels[0] == 0 and not c.data.startswith("built-in sample")]
    most = max(full, key=lambda c: c.n, default=None)
    return (most.accuracy[0], most) if most else None


def flattered(network: str) -> tuple[float, Curve, Curve] | None:
    """Return where FGSM flatters a network most, its curve and that of the worst case; None where their 95 % intervals meet everywhere."""
    weak, worst = (STORE.get(f"{network}.{kind}") for kind in ("fgsm", "worstcase"))
    if weak is None or worst is None:
        return None
    beyond = {e: weak.interval(e)[0] - worst.interval(e)[1] for e in worst.levels if e in weak.levels}
    most = max(beyond, key=beyond.__getitem__)
    return (most, weak, worst) if beyond[most] > 0 else None


@torch.no_grad()
def logits(model: Model, dataset: Dataset, batch: int = 1000) -> Logits:
    """Run a model over a whole data set: (N, classes)."""
    return torch.cat([model(dataset.images(slice(i, i + batch))) for i in range(0, len(dataset), batch)])


def sweep(
    model: Classifier,
    dataset: Dataset,
    corruption: Corruption,
    levels: Sequence[float],
    seed: int,
    batch: int | None = None,
    workers: int = 1,
    done: int = 0,
    n: int | None = None,
) -> Iterator[Tensor]:
    """Count answers at all strengths, batch by batch, yielding the counts so far: int64 (levels, true class, answer).

    Batches are of `batch` images, else as many as suit the corruption.

    The images come in an order drawn from `seed`, so that a sweep that is stopped has measured a fair sample; the first
    `done` of them are passed over, and it ends with the batch that reaches n. Every batch has noise of its own; the labels
    are the true ones, also for attacks. Several `workers` take a batch each, on one thread each: networks as small as
    these gain nothing from two threads on one batch.
    """

    def count(numbered: tuple[int, Tensor]) -> Tensor:
        number, chosen = numbered
        x, y = dataset.images(chosen), dataset.labels[chosen]
        corrupted = at_levels(corruption, model, x, y, levels, seed=seed + number)
        with torch.no_grad():
            answers = torch.stack([model(z).argmax(1) for z in corrupted])  # (levels, N)
        place = torch.arange(len(levels), device=y.device)[:, None] * 100
        cells = (place + 10 * y + answers).flatten()
        return torch.bincount(cells, minlength=100 * len(levels)).view(len(levels), 10, 10).cpu()

    counts = torch.zeros(len(levels), 10, 10, dtype=torch.int64)
    order, size = datasets.shuffled(len(dataset), seed), batch or at_once(corruption)
    for part in parallel.spread(count, pieces(order, size, done, len(order) if n is None else n), workers):
        counts = counts + part
        yield counts


def at_once(corruption: Corruption) -> int:
    """Say how many images a sweep corrupts at once: few of those that take long, so that it can be watched and stopped."""
    return BATCH // 5 if isinstance(corruption, Nested) else BATCH


def begin(
    store: Store[C],
    card: Card,
    dataset: Dataset,
    corruption: Corruption,
    levels: Sequence[float],
    device: str = "cpu",
) -> Curve:
    """Return a curve on which nothing is counted yet."""
    field, _ = strength(type(corruption))
    return Curve(
        **store.provenance([card], dataset, "float32", device),
        corruption=repr(corruption), field=field, levels=tuple(levels), counts=(((0,) * 10,) * 10,) * len(levels),
    )  # fmt: skip


def grown(curve: C, counts: Tensor) -> C:
    """Add the counts of a sweep to a curve."""
    total = (torch.tensor(curve.counts) + counts).tolist()
    table = tuple(tuple(tuple(row) for row in level) for level in total)
    return replace(curve, n=int(sum(map(sum, table[0]))), counts=table)


def measure(key: str, n: int) -> Iterator[Curve]:
    """Sweep the test digits for the key of a network and a kind; raises UserError where there is no such thing."""
    network, _, kind = key.rpartition(".")
    device = networks.device()
    model, card = checkpoints.classifier(network, device)
    if kind not in MEASURED:
        raise UserError(f"{kind!r} is not measured: choose one of {', '.join(MEASURED)}.")
    corruption, levels = MEASURED[kind]
    dataset = datasets.full(card.dataset, "test")
    yield from swept(STORE, key, model, begin(STORE, card, dataset, corruption, levels, device), dataset, corruption, n)


def swept(
    store: Store[C], key: str, model: Classifier, begun: C, dataset: Dataset, corruption: Corruption, n: int,
    batch: int | None = None,
) -> Iterator[C]:  # fmt: skip
    """Go on with a curve from what a store knows of it, up to n images, yielding what is counted so far."""
    known = store.resume(key, begun)
    yield known
    here = dataset.to(torch.device(begun.device))
    workers = networks.workers(begun.device)
    for counts in sweep(model, here, corruption, begun.levels, begun.seed, batch, workers, known.n, n):
        yield grown(known, counts)


def keys(network: str) -> list[str]:
    """Return the keys of all that is measured of a network."""
    return [f"{network}.{kind}" for kind in MEASURED]


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    levels = MEASURED["worstcase"][1]
    yield "## Digit networks under attack"
    yield ""
    yield f"Digits read right, percent, over epsilon. At its worst a digit must survive every attack of `{MEASURED['worstcase'][0]!r}`."
    yield ""
    yield "| classifier | attack | n | " + " | ".join(f"{e:g}" for e in levels) + " |"
    yield "|---|---|---|" + "---|" * len(levels)
    for name in networks.classifiers():
        for kind in ("fgsm", "pgd", "worstcase"):
            if found := STORE.get(f"{name}.{kind}"):
                cells = " | ".join(f"{share:.1f}" for share in found.at(levels))
                yield f"| `{name}` | {type(MEASURED[kind][0]).TITLE} | {found.n:,} | {cells} |"


def asked(key: str) -> int:
    """Say how many digits a key is worth."""
    return WORST if key.endswith(".worstcase") else 10_000


EXPERIMENT = Experiment(
    "how often digit networks are right under noise and attack", STORE, networks.classifiers, measure, asked, keys,
    document="attacks", table=section,
)  # fmt: skip
