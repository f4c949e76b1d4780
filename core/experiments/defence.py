"""Is a denoiser a defence? A classifier's accuracy under attack, without, behind and through a denoiser."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool
from torch import Tensor

from core import checkpoints, params
from core.attacks import PGD
from core.attacks.worst_case import WorstCase
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.results import Experiment, Result, Store
from core.networks.digits import Classifier
from core.types import Images, Labels, Logits, Model

EPSILONS = (0.0, 0.1, 0.2, 0.3, 0.4)
ATTACK = PGD(steps=20, step=0.1)
WORST = WorstCase()
SHIELD = "n2n-digits"
DIGITS = 200  # each takes some thousand steps through the denoiser
BATCH = 50
THREATS = {
    "undefended": "no denoiser, at its worst",
    "oblivious": "attacked, then denoised",  # the attacker does not know of the denoiser
    "hasty": "attacked through the denoiser by PGD",  # he takes his gradient through it
    "adaptive": "attacked through the denoiser, at its worst",  # he does, and tries all he has
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Defence(Result):
    """Which of n digits, in the order drawn from the seed, are read right at every epsilon, under each of THREATS."""

    FOUND: ClassVar = ("right",)

    attack: str
    worst: str
    denoiser: str
    epsilons: tuple[float, ...]
    right: Bool[Tensor, "threats epsilons n"]

    @property
    def hits(self) -> dict[str, list[int]]:
        """Count the right answers at every epsilon, under each threat."""
        return dict(zip(THREATS, self.right.sum(2).tolist(), strict=True))

    @property
    def line(self) -> str:
        """Say how many are read right."""
        return f"{self.network}, n = {self.n:,}: {self.hits}"

    def typical(self, epsilon: float) -> int:
        """Return the place, in the order, of the digit that fares as most do: at this epsilon, and at as many others as can be."""
        most = 2 * self.right.sum(2, keepdim=True) > self.n
        alike = self.right == most
        score = alike.sum((0, 1)) + alike.numel() * alike[:, self.epsilons.index(epsilon)].all(0)
        return score.tolist().index(int(score.max()))


STORE = Store("defence", Defence, version=2)


def behind(classifier: Classifier, denoiser: Model) -> Callable[[Images], Logits]:
    """Put a denoiser before a classifier; what it gives is clipped to [0, 1], as a picture is."""
    return lambda x: classifier(denoiser(x).clamp(0, 1))


def judged(classifier: Classifier, denoiser: Model, x: Images, y: Labels) -> Bool[Tensor, "threats epsilons n"]:
    """Say which digits are read right under each of THREATS, at every one of EPSILONS.

    At its worst an image has fallen if any attack felled it, also those of less effort, and at any smaller epsilon.
    """

    @torch.no_grad()
    def right(model: Model, levels: Tensor) -> Tensor:
        return torch.stack([model(z).argmax(1) == y for z in levels])

    whole, levels = behind(classifier, denoiser), list(EPSILONS)
    alone = ATTACK.levels(classifier, x, y, levels)
    oblivious, hasty = right(whole, alone), right(whole, ATTACK.levels(whole, x, y, levels))
    undefended = right(classifier, alone) & right(classifier, WORST.levels(classifier, x, y, levels))
    adaptive = oblivious & hasty & right(whole, WORST.levels(whole, x, y, levels))
    undefended, adaptive = (found.byte().cummin(0).values.bool() for found in (undefended, adaptive))
    return torch.stack([undefended, oblivious, hasty, adaptive]).cpu()


@dataclass(frozen=True, eq=False)
class Sent:
    """What a threat sends, what the classifier sees of it, both (1, 1, H, W), and how sure it is of each class, (10,)."""

    sent: Images
    seen: Images
    sure: Tensor


def tried(
    classifier: Classifier, denoiser: Model, x: Images, y: Labels, epsilon: float
) -> Iterator[float | dict[str, Sent]]:
    """Try each of THREATS on one digit, yielding the share that is done, and at last what came of them; first the clean digit."""
    whole, attack, worst = behind(classifier, denoiser), params.at(ATTACK, epsilon), params.at(WORST, epsilon)
    blind, hasty = attack(classifier, x, y), attack(whole, x, y)
    sent = {"clean": x, "undefended": blind, "oblivious": blind, "hasty": hasty, "adaptive": hasty}
    searches = {"undefended": (classifier, [blind]), "adaptive": (whole, [blind, hasty])}
    for part, (threat, (model, known)) in enumerate(searches.items()):
        for number, z in enumerate(_searched(worst, model, x, y, known), 1):
            sent[threat] = z
            yield (part + number / (1 + worst.rounds)) / len(searches)
    with torch.no_grad():
        seen = {k: z if k in ("clean", "undefended") else denoiser(z).clamp(0, 1) for k, z in sent.items()}
        yield {k: Sent(sent[k], seen[k], classifier(seen[k]).softmax(1)[0]) for k in sent}


def _searched(attack: WorstCase, model: Model, x: Images, y: Labels, known: list[Images]) -> Iterator[Images]:
    """Yield ever worse versions of one image: what is known to fool the model, else what the rounds of an attack find."""
    with torch.no_grad():
        fooled = [z for z in known if int(model(z).argmax(1)) != int(y)]
    if fooled or not attack.epsilon:
        yield (fooled or known)[0]
    else:
        yield from attack.tries(model, x, y)


def begin(card: Card, shield: Card, dataset: Dataset, device: str = "cpu") -> Defence:
    """Return a result on no digit yet."""
    about = STORE.provenance([card, shield], dataset, "float32", device)
    none = torch.empty(len(THREATS), len(EPSILONS), 0, dtype=torch.bool)
    return Defence(**about, attack=repr(ATTACK), worst=repr(WORST), denoiser=shield.name, epsilons=EPSILONS, right=none)


def defended(
    classifier: Classifier, denoiser: Model, known: Defence, dataset: Dataset, n: int, workers: int = 1
) -> Iterator[Defence]:
    """Attack ever more test digits, in an order drawn from the seed, from what is known to n, yielding what is found so far."""

    def right(piece: tuple[int, Tensor]) -> Tensor:
        return judged(classifier, denoiser, dataset.images(piece[1]), dataset.labels[piece[1]])

    for found in results.spread(right, known, dataset, BATCH, n, workers):
        known = replace(known, n=known.n + found.shape[2], right=torch.cat([known.right, found], 2))
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
    yield f"Digits read right, percent, over epsilon; denoiser `{SHIELD}`. By PGD: `{ATTACK!r}`. At its worst: `{WORST!r}`, and whatever else felled it."
    yield ""
    found = STORE.current()
    if not found:
        yield "Not measured yet: `python -m core measure defence`."
        return
    yield "| classifier | way | n | " + " | ".join(f"{e:g}" for e in EPSILONS) + " |"
    yield "|---|---|---|" + "---|" * len(EPSILONS)
    for name, one in found.items():
        for threat, hits in one.hits.items():
            yield f"| `{name}` | {THREATS[threat]} | {one.n:,} | {' | '.join(f'{100 * h / one.n:.1f}' for h in hits)} |"


EXPERIMENT = Experiment(
    "whether a denoiser defends digit networks", STORE, networks.classifiers, measure, lambda _: DIGITS,
    document="attacks", table=section,
)  # fmt: skip
