"""Training sets of robust and of brittle features, made from MNIST as Ilyas et al. (2019) made theirs from CIFAR-10, and what is learned from each.

Alike to a network (their section 3.1): each image begins as another one, drawn at random, and is moved until the network's
hidden layer answers to it as to the image whose label it takes: it holds of that image what this network looks at. Misnamed (section
3.2): each image is attacked towards another class and takes that as its label: only what the attack moved speaks for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from core import UserError, models, parallel
from core.attacks import PGD
from core.attacks.ascent import slope
from core.attacks.denoisers import unit
from core.attacks.linf import CHUNK, towards
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import accuracy, features, halves, networks
from core.experiments.accuracy import Curve
from core.experiments.results import SEED, Experiment, Store
from core.measures.features import FIRST_HIDDEN, drives
from core.networks.digits import DigitCNN
from core.training import recipes
from core.training.recipes import Classification
from core.types import Images, Labels, generator

ATTACK, LEVELS = PGD(), (0.0, 0.025, 0.05, 0.1, 0.15, 0.2)
TOLD = 0.1  # the epsilon that is put into words
CLIMB, FIRST = 100, 2.0  # steps towards the same answers, and the L2 length of the first: they shrink to 0
MISLEAD = PGD(epsilon=0.25, steps=20, step=0.1)
SHOWN = 10
SETS = {  # the network in question, and how images are made
    "robust": ("digit-cnn-robust", "alike"),
    "standard": ("digit-cnn", "alike"),
    "misnamed-random": ("digit-cnn", "random"),
    "misnamed-next": ("digit-cnn", "next"),
}
TITLES = {
    "robust": "what the robust network looks at", "standard": "what the ordinary network looks at",
    "misnamed-random": "misnamed, a random other class", "misnamed-next": "misnamed, the next class",
}  # fmt: skip


def alike(model: DigitCNN, x: Images, start: Images) -> Images:
    """Move images from `start` until the hidden layer answers to them as to `x`: down |g(z) - g(x)|^2, g what drives it, for silent units have no gradient."""
    with torch.no_grad():
        wanted = drives(model, x)[:, FIRST_HIDDEN:]

    def likeness(z: Images) -> Float[Tensor, " n"]:
        return -(drives(model, z)[:, FIRST_HIDDEN:] - wanted).square().sum(1)

    z = start
    for k in range(CLIMB):
        z = (z + FIRST * (1 - k / CLIMB) * unit(slope(likeness, z)[1])).clamp(0, 1)
    return z


def others(y: Labels, how: str) -> Labels:
    """Give every image another class: the next one, or (`how` "random") any."""
    if how == "next":
        return (y + 1) % 10
    return (y + 1 + torch.randint(9, y.shape, generator=generator(SEED)).to(y)) % 10


def construct(key: str, model: DigitCNN, learned: Dataset, workers: int = 1) -> Dataset:
    """Make one of SETS from a training set: as many images, of 8 bits, with the labels that are to be learned."""
    _, how = SETS[key]
    labels = learned.labels if how == "alike" else others(learned.labels, how)
    start = datasets.shuffled(len(learned), SEED)

    def made(chosen: Labels) -> Tensor:
        x = learned.images(chosen)
        if how == "alike":
            z = alike(model, x, learned.images(start[chosen]))
        else:
            z = towards(MISLEAD, model, x, labels[chosen])
        return (255 * z).round().byte()

    parts = list(parallel.imap(made, torch.arange(len(learned)).split(CHUNK), workers))
    return replace(learned, pixels=torch.cat(parts), labels=labels, note=f"made: {TITLES[key]}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Constructed(Curve):
    """What is read by a DigitCNN that was trained on a constructed set, over epsilon, and what the set is like.

    `told` are the shares of the set, in percent, that the network it was made by reads as its new label, and, if its images
    began as others or were misnamed, that digit-cnn-robust reads as what they began as. `before`, `after`: some images.
    """

    FOUND: ClassVar = (*Curve.FOUND, "told", "before", "after", "before_labels", "after_labels")

    made: str
    recipe: str
    told: tuple[float, float]
    before: UInt8[Tensor, "shown 1 28 28"]
    after: UInt8[Tensor, "shown 1 28 28"]
    before_labels: tuple[int, ...]
    after_labels: tuple[int, ...]

    @property
    def line(self) -> str:
        """Say what is read, clean and attacked."""
        if not self.n:
            return f"{self.made}: no digit yet"
        clean, attacked = self.at([0.0, TOLD])
        return f"{self.made}: {clean:.2f} % of {self.n:,} test digits right, {attacked:.2f} % under {self.corruption} at {TOLD:g}"


STORE = Store("constructed", Constructed)


def recipe() -> Classification:
    """Return how a network is trained on a constructed set: as digit-cnn is on MNIST."""
    found = recipes.recipe("digit-cnn")
    assert isinstance(found, Classification)
    return found


@torch.no_grad()
def read(model: DigitCNN, dataset: Dataset, as_: Labels) -> float:
    """Return the share of a set that a network reads as some labels, in percent."""
    return 100 * float((accuracy.logits(model, dataset).argmax(1) == as_).double().mean())


def begin(key: str, cards: list[Card], dataset: Dataset, device: str = "cpu") -> Constructed:
    """Return a curve on which nothing is counted yet; the first of the networks' cards is that of the one the set is made by."""
    plain = accuracy.begin(STORE, cards[0], dataset, ATTACK, LEVELS, device)
    values = {**vars(plain), "networks": {card.name: card.sha256 for card in cards}}
    none = torch.empty(0, 1, 28, 28, dtype=torch.uint8)
    how = f"{CLIMB} steps from L2 {FIRST:g} down to 0" if SETS[key][1] == "alike" else f"{MISLEAD!r}"
    return Constructed(
        **values, made=f"{TITLES[key]}; {how}", recipe=repr(recipe()), told=(0.0, 0.0), before=none, after=none,
        before_labels=(), after_labels=(),
    )  # fmt: skip


def trained(
    key: str, begun: Constructed, model: DigitCNN, judge: DigitCNN, learned: Dataset, workers: int = 1
) -> tuple[Constructed, DigitCNN]:
    """Make a set, describe it, and train a network on it by the recipe of digit-cnn."""
    made = construct(key, model, learned, workers)
    first = datasets.shuffled(len(learned), SEED) if SETS[key][1] == "alike" else torch.arange(len(learned))
    begun = replace(
        begun, told=(read(model, made, made.labels), read(judge, made, learned.labels[first])),
        before=learned.pixels[first[:SHOWN]].cpu(), after=made.pixels[:SHOWN].cpu(),
        before_labels=tuple(learned.labels[first[:SHOWN]].tolist()), after_labels=tuple(made.labels[:SHOWN].tolist()),
    )  # fmt: skip
    network = recipes.untrained(recipe())
    assert isinstance(network, DigitCNN)
    for _ in recipes.train(recipe(), network, made):
        pass
    return begun, models.freeze(network)


def measure(key: str, n: int) -> Iterator[Constructed]:
    """Make a set, train on it and attack what was learned on n test digits; raises UserError where there is no such set.

    Set and training are made anew where a measurement goes on: they are some minutes' work, the same to the last bit.
    """
    if key not in SETS:
        raise UserError(f"There is no set {key!r}: choose one of {', '.join(SETS)}.")
    device = networks.device()
    (model, card), (judge, its) = (features.network(name, device) for name in (SETS[key][0], "digit-cnn-robust"))
    learned, dataset = (datasets.full(card.dataset, split).to(torch.device(device)) for split in ("train", "test"))
    begun = STORE.resume(key, begin(key, [card, its], dataset, device))
    yield begun
    if begun.n < n:
        begun, network = trained(key, begun, model, judge, learned, networks.workers(device))
        yield from accuracy.swept(STORE, key, network.to(device), begun, dataset, ATTACK, n)


def rows() -> list[dict[str, str]]:
    """Write what was learned from each set, clean and attacked, beside digit-cnn, in percent."""
    whole = accuracy.STORE.get("digit-cnn.pgd")
    found = [("MNIST itself (digit-cnn)", whole)] if whole else []
    known = STORE.current()
    found += [(TITLES[key], known[key]) for key in SETS if key in known and known[key].n]
    return [
        {"trained on": title, "clean": halves.said(one, 0.0), **{f"PGD {e:g}": halves.said(one, e) for e in (0.05, TOLD)}, "n": f"{one.n:,}"}
        for title, one in found
    ]  # fmt: skip


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    known = STORE.current()
    yield "## Trained on robust or on brittle features alone"
    yield ""
    if not known:
        yield "Not measured yet: `python -m core measure constructed`."
        return
    yield f"Training sets made from MNIST's 60,000 as Ilyas et al. (2019) made theirs, a DigitCNN trained on each by digit-cnn's recipe (one training, seed {recipe().seed}), MNIST's own test digits: percent"
    yield f"read right with 95 % interval (over digits, not over trainings), clean and under `{ATTACK!r}`. *As its label*: share of the set the network it was made by reads as its new label."
    yield "*As before*: share that `digit-cnn-robust` reads as what the image began as."
    yield ""
    table = rows()
    yield f"| {' | '.join(table[0])} |"
    yield "|---" * len(table[0]) + "|"
    for row in table:
        yield f"| {' | '.join(row.values())} |"
    yield ""
    yield "| set | made | as its label | as before |"
    yield "|---|---|---|---|"
    for key, one in known.items():
        yield f"| {TITLES[key]} | {one.made.partition('; ')[2]}, by `{one.network}` | {one.told[0]:.1f} % | {one.told[1]:.1f} % |"


EXPERIMENT = Experiment(
    "what is learned from robust or from brittle features alone", STORE, lambda: SETS, measure, lambda _: 10_000,
    document="attacks", table=section,
)  # fmt: skip
