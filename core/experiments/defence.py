"""Is a denoiser a defence? A classifier's accuracy under attack, without, behind and through a denoiser."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from core import checkpoints
from core.attacks import PGD
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.results import Experiment, Result, Store
from core.models import Classifier, Denoiser
from core.types import Images, Labels, Logits

EPSILONS = tuple(round(0.05 * k, 2) for k in range(9))
ATTACK = PGD(steps=20, step=0.1)
SHIELD = "n2n-digits"
DIGITS = 1000  # each takes 180 steps through the denoiser
BATCH = 250
THREATS = {
    "undefended": "attacked",
    "oblivious": "attacked, then denoised",  # the attacker does not know of the denoiser
    "adaptive": "attacked through the denoiser, then denoised",  # he takes his gradient through it
}


@dataclass(frozen=True, kw_only=True)
class Defence(Result):
    """How many of n digits are read right at every epsilon, under each of THREATS."""

    FOUND: ClassVar = ("hits",)

    attack: str
    denoiser: str
    epsilons: tuple[float, ...]
    hits: dict[str, tuple[int, ...]]

    @property
    def line(self) -> str:
        """Say how many are read right."""
        return f"{self.network}, n = {self.n:,}: {self.hits}"


STORE = Store("defence", Defence)


def behind(classifier: Classifier, denoiser: Denoiser) -> Callable[[Images], Logits]:
    """Put a denoiser before a classifier; what it gives is clipped to [0, 1], as a picture is."""
    return lambda x: classifier(denoiser(x).clamp(0, 1))


def counted(classifier: Classifier, denoiser: Denoiser, x: Images, y: Labels) -> Tensor:
    """Count right answers: int64 (threats, epsilons)."""
    whole = behind(classifier, denoiser)
    oblivious = ATTACK.levels(classifier, x, y, list(EPSILONS))
    adaptive = ATTACK.levels(whole, x, y, list(EPSILONS))
    with torch.no_grad():
        pairs = ((classifier, oblivious), (whole, oblivious), (whole, adaptive))
        return torch.tensor([[int((model(z).argmax(1) == y).sum()) for z in levels] for model, levels in pairs])


def begin(card: Card, shield: Card, dataset: Dataset, device: str = "cpu") -> Defence:
    """Return a count of nothing yet."""
    about = STORE.provenance([card, shield], dataset, "float32", device)
    none = dict.fromkeys(THREATS, (0,) * len(EPSILONS))
    return Defence(**about, attack=repr(ATTACK), denoiser=shield.name, epsilons=EPSILONS, hits=none)


def defended(
    classifier: Classifier, denoiser: Denoiser, known: Defence, dataset: Dataset, n: int, workers: int = 1
) -> Iterator[Defence]:
    """Count on ever more test digits, in an order drawn from the seed, from what is known to n, yielding what is found so far."""

    def hits(piece: tuple[int, Tensor]) -> tuple[int, Tensor]:
        x, y = dataset.images(piece[1]), dataset.labels[piece[1]]
        return len(x), counted(classifier, denoiser, x, y)

    for count, found in results.spread(hits, known, dataset, BATCH, n, workers):
        total = torch.tensor(list(known.hits.values())) + found
        known = replace(known, n=known.n + count, hits=dict(zip(THREATS, map(tuple, total.tolist()), strict=True)))
        yield known


def measure(key: str, n: int) -> Iterator[Defence]:
    """Attack a digit network without, behind and through the denoiser of digits; raises UserError where one is not here."""
    device = networks.device()
    (model, card), (shield, shield_card) = checkpoints.classifier(key, device), checkpoints.denoiser(SHIELD, device)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, shield_card, dataset, device))
    yield known
    yield from defended(model, shield, known, dataset.to(torch.device(device)), n, networks.workers(device))


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    yield "## A denoiser as a defence"
    yield ""
    yield f"Digits read right, percent, over epsilon; `{ATTACK!r}`, denoiser `{SHIELD}`."
    yield ""
    yield "| classifier | way | n | " + " | ".join(f"{e:g}" for e in EPSILONS) + " |"
    yield "|---|---|---|" + "---|" * len(EPSILONS)
    for name, found in STORE.current().items():
        for threat, title in THREATS.items():
            cells = " | ".join(f"{100 * hits / found.n:.1f}" for hits in found.hits[threat])
            yield f"| `{name}` | {title} | {found.n:,} | {cells} |"


EXPERIMENT = Experiment(
    "whether a denoiser defends digit networks", STORE, networks.classifiers, measure, lambda _: DIGITS,
    document="attacks", table=section,
)  # fmt: skip
