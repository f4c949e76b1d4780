"""Which units of a digit network are useful, which of them robustly, and which does an attack move (Ilyas et al. 2019)?

What each unit is useful for, and how it is standardised, is settled on the training digits; all that is told of it then is
measured on test digits: on all of its class and, as both halves weigh the same anyway, on one in REST of the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from core import UserError, checkpoints
from core.attacks import FGSM, PGD, units
from core.attacks.linf import signs
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.results import Experiment, Result, Store
from core.measures import ranks
from core.measures.features import COUNT, FIRST_HIDDEN, Answers, PerUnit, Purpose, answers, purpose
from core.measures.ranks import Correlation
from core.networks.digits import DigitCNN
from core.types import Images, Labels

NETWORKS = ("digit-cnn", "digit-cnn-robust")
BATCH = 100
IMAGES = 10_000
REST = 9  # as many of the other nine classes as of its own
EPSILON = 0.1
ATTACKS = {"FGSM": FGSM(EPSILON), "PGD": PGD(EPSILON)}
CHANCE = "chance"  # every pixel brighter or darker by epsilon, at random
MOVERS = (*ATTACKS, CHANCE)
COLUMNS = (
    "useful",
    "at worst",
    *MOVERS,
)  # y s f(x); under an attack on the unit; |change of f|; all in deviations of f

Scored = Float[Tensor, "columns n units"]


@torch.no_grad()
def seen(model: DigitCNN, dataset: Dataset, batch: int = 1000) -> Answers:
    """Return what every unit answers to every image of a set."""
    return torch.cat([answers(model, dataset.images(slice(i, i + batch))) for i in range(0, len(dataset), batch)])


def scored(model: DigitCNN, x: Images, y: Labels, what: Purpose, counted: Answers, seed: int) -> Scored:
    """Measure every unit on a batch, COLUMNS; the attacks on single units are spared where it is not `counted`."""
    clean, side = answers(model, x), what.side(y)
    changed = [attack(model, x, y) for attack in ATTACKS.values()] + [(x + EPSILON * signs(x, seed)).clamp(0, 1)]
    moved = [(answers(model, z) - clean).abs() / what.deviation.clamp(min=1e-12) for z in changed]
    turned = units.worst(model, x, side * counted, EPSILON)
    alive = what.deviation > 0
    return torch.stack(
        [what.agreement(clean, y), what.agreement(turned, y), *(torch.where(alive, m, 0.0) for m in moved)]
    )


def share(y: Labels, label: Int64[Tensor, " units"], first: int) -> Answers:
    """Say 1 where a unit is measured on an image, else 0: all of its class, one in REST of the others; `first` is the number of the first image."""
    turn = (first + torch.arange(len(y), device=y.device)[:, None] + torch.arange(len(label), device=y.device)) % REST
    return ((y[:, None] == label) | (turn == 0)).float()


@dataclass(frozen=True, kw_only=True, eq=False)
class Features(Result):
    """What every unit is good for, and sums over its class and over the others, (2, ...), of COLUMNS and their squares."""

    FOUND: ClassVar = ("label", "sign", "mean", "deviation", "counts", "sums", "squares")

    epsilon: float
    steps: tuple[float, ...]  # of the attack on a unit, shares of epsilon
    attacks: tuple[str, ...]
    label: Int64[Tensor, " units"]
    sign: PerUnit
    mean: PerUnit
    deviation: PerUnit
    counts: Float[Tensor, "2 units"]
    sums: Float[Tensor, "2 columns units"]
    squares: Float[Tensor, "2 columns units"]

    @property
    def purpose(self) -> Purpose:
        """Return what the units are good for."""
        return Purpose(self.label, self.sign, self.mean, self.deviation)

    def column(self, name: str) -> PerUnit:
        """Return the mean of one of COLUMNS for every unit, its class and the others weighing the same."""
        return (self.sums[:, COLUMNS.index(name)] / self.counts.clamp(min=1)).mean(0)

    def half(self, name: str) -> PerUnit:
        """Return the half width of the 95 % interval of every such mean."""
        place, n = COLUMNS.index(name), self.counts.clamp(min=1)
        variance = (self.squares[:, place] / n - (self.sums[:, place] / n).square()).clamp(min=0)
        return 1.96 * (variance / n).sum(0).sqrt() / 2

    @property
    def hidden(self) -> Int64[Tensor, " some"]:
        """Return the hidden units that do not answer the same to all digits."""
        return FIRST_HIDDEN + self.deviation[FIRST_HIDDEN:].nonzero().flatten()

    def together(self, mover: str, with_: str) -> Correlation:
        """Correlate, over the hidden units, how far they are moved and how useful they are, or stay at worst."""
        return ranks.correlation(self.column(mover)[self.hidden], self.column(with_)[self.hidden])

    @property
    def robust(self) -> int:
        """Count the hidden units that are useful still at worst: above 0, as far as the 95 % interval tells."""
        low = self.column("at worst") - self.half("at worst")
        return int((low[self.hidden] > 0).sum())

    @property
    def line(self) -> str:
        """Say how useful hidden units are, and what is left at worst."""
        if not self.n:
            return f"{self.network}, no image yet"
        useful, left = (float(self.column(name)[self.hidden].mean()) for name in COLUMNS[:2])
        return (
            f"{self.network}, n = {self.n:,}: usefulness of {len(self.hidden)} hidden units {useful:.2f} on average, {left:.2f} at worst within "
            f"epsilon {self.epsilon:g}; {self.robust} useful still"
        )


STORE = Store("features", Features)


def begin(card: Card, model: DigitCNN, learned: Dataset, dataset: Dataset, device: str = "cpu") -> Features:
    """Settle on training digits what every unit is good for, and return a result on no test digit yet."""
    what = purpose(seen(model, learned), learned.labels)
    empty = torch.zeros(2, len(COLUMNS), COUNT, dtype=torch.float64)
    return Features(
        **STORE.provenance([card], dataset, "float32", device), epsilon=EPSILON, steps=units.SHARES, attacks=tuple(map(repr, ATTACKS.values())),
        label=what.label.cpu(), sign=what.sign.cpu(), mean=what.mean.cpu(), deviation=what.deviation.cpu(),
        counts=empty[:, 0], sums=empty, squares=empty,
    )  # fmt: skip


def spread(model: DigitCNN, known: Features, dataset: Dataset, n: int, workers: int = 1) -> Iterator[Features]:
    """Measure ever more digits, from what is known to n, and yield what is found so far."""
    device = dataset.labels.device
    what = Purpose(*(part.to(device) for part in (known.label, known.sign, known.mean, known.deviation)))

    def sums(piece: tuple[int, Tensor]) -> tuple[int, Tensor, Tensor, Tensor]:
        number, chosen = piece
        x, y = dataset.images(chosen), dataset.labels[chosen]
        counted = share(y, what.label, number * BATCH)
        found = scored(model, x, y, what, counted, known.seed + number).double()
        inside = (y[:, None] == what.label).double()
        halves = torch.stack([inside, counted - inside])  # its class is counted whole
        total, squares = (torch.einsum("hnu,cnu->hcu", halves, values).cpu() for values in (found, found.square()))
        return len(chosen), halves.sum(1).cpu(), total, squares

    for count, halves, total, squares in results.spread(sums, known, dataset, BATCH, n, workers):
        known = replace(
            known, n=known.n + count, counts=known.counts + halves, sums=known.sums + total, squares=known.squares + squares
        )  # fmt: skip
        yield known


def network(name: str, device: str = "cpu") -> tuple[DigitCNN, Card]:
    """Load a network whose units are looked at; raises UserError where it is none."""
    model, card = checkpoints.classifier(name, device)
    if not isinstance(model, DigitCNN):
        raise UserError(f"{name} has no channels and hidden units as a DigitCNN has: choose another.")
    return model, card


def measure(key: str, n: int) -> Iterator[Features]:
    """Measure the units of a digit network on n test digits; raises UserError where it is none, or MNIST is not here."""
    device = networks.device()
    model, card = network(key, device)
    learned, dataset = (datasets.full(card.dataset, split) for split in ("train", "test"))
    here = torch.device(device)
    known = STORE.resume(key, begin(card, model, learned.to(here), dataset, device))
    yield known
    yield from spread(model, known, dataset.to(here), n, networks.workers(device))


def current() -> dict[str, Features]:
    """Return what holds of the networks, in their order."""
    known = STORE.current()
    return {name: known[name] for name in NETWORKS if name in known and known[name].n}


def verdict(one: Features) -> str:
    """Say in words how many hidden units are robustly useful, and which units the attacks move."""
    told = {
        0: "whether a unit is robust says nothing of how far {} moves it",
        1: "the more robust a unit, the further {} moves it",
        -1: "the more robust a unit, the less {} moves it",
    }
    links = {mover: one.together(mover, "at worst") for mover in MOVERS}
    moves = "; ".join(f"{told[link.sign].format(mover)} ({link})" for mover, link in links.items())
    return (
        f"{one.robust} of {len(one.hidden)} hidden units of {one.network} that answer at all are still useful at worst (epsilon {one.epsilon:g}, n = {one.n:,}). "
        f"{moves[0].upper()}{moves[1:]}. In brackets: rank correlation of how far a unit moves with its robust usefulness, 95 % interval over the units."
    )


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    yield "## Useful, robust and brittle units"
    yield ""
    found = current()
    if not found:
        yield "Not measured yet: `python -m core measure features`."
        return
    first = next(iter(found.values()))
    yield "Usefulness of a hidden unit: E[y f(x)], f standardised, y = 1 on the class it tells best and -1 on all others, both halves weighing the same (Ilyas et al. 2019), so"
    yield f"its correlation with y; robust: E[min y f(x + d)], every d within epsilon {first.epsilon:g} (L-infinity), by an attack on the unit itself, {len(first.steps)} sign steps. Class, sign and scale are settled on"
    yield f"the training digits. Moved: rank correlation, over the hidden units, of how far `{'` and `'.join(first.attacks)}` and random signs as large move a unit with its usefulness and its robust usefulness (95 % interval over units)."
    yield ""
    yield "| network | n | hidden units | useful, mean | robust, mean | useful still | moved by | and usefulness | and robust usefulness |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, one in found.items():
        useful, left = (float(one.column(c)[one.hidden].mean()) for c in COLUMNS[:2])
        for mover in MOVERS:
            links = (str(one.together(mover, c)) for c in COLUMNS[:2])
            yield f"| `{name}` | {one.n:,} | {len(one.hidden)} | {useful:.2f} | {left:.2f} | {one.robust} | {mover} | {' | '.join(links)} |"


EXPERIMENT = Experiment(
    "which units of digit networks are useful, robust or brittle", STORE, lambda: NETWORKS, measure, lambda _: IMAGES,
    document="attacks", table=section,
)  # fmt: skip
