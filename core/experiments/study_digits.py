"""The three digits the study follows through its network, on a network here: what it answers, before and after, and which pixels turned it (Figures 8 to 14)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from core import checkpoints
from core.attacks import FGSM
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments.results import SEED, Experiment, Result, Store
from core.experiments.trial import Corruption, Trial, bind, trial
from core.measures import blame
from core.networks.digits import Classifier
from core.noise import ReplaceGaussian, SaltAndPepper

# Test image -> what is done to it, and the seed of the noise: the study gives none, so it is the first at which digit-cnn is
# as sure as the study's network was.
SHOWN: dict[int, tuple[Corruption, int]] = {
    333: (ReplaceGaussian(0.1), 17),
    118: (SaltAndPepper(0.1), 11),
    20: (FGSM(0.1), 0),
}


@dataclass(frozen=True)
class Answers:
    """What a network says of one digit before and after, how sure it is, 0 to 1, and what was done to the digit."""

    before: int
    after: int
    sure: tuple[float, float]
    corruption: str
    seed: int
    # pixels changed; how many, the most to blame first, are enough to set back; how many by chance
    turned: tuple[int, int, float]


@dataclass(frozen=True, kw_only=True)
class Digits(Result):
    """The answers to each of SHOWN, in their order: (before, after), the probabilities of these, and what `turned` them."""

    FOUND: ClassVar = ("answers", "sure", "turned")

    shown: tuple[int, ...]
    corruptions: tuple[str, ...]
    seeds: tuple[int, ...]
    answers: tuple[tuple[int, int], ...]
    sure: tuple[tuple[float, float], ...]
    turned: tuple[tuple[int, int, float], ...]

    @property
    def line(self) -> str:
        """Say what became of each."""
        return f"{self.network}: " + ", ".join(f"{a} -> {b}" for a, b in self.answers)

    def of(self, index: int) -> Answers | None:
        """Return what was said of a test image; None where it was not asked."""
        if index not in self.shown[: self.n]:
            return None
        place = self.shown.index(index)
        corruption, seed = self.corruptions[place], self.seeds[place]
        return Answers(*self.answers[place], self.sure[place], corruption, seed, self.turned[place])


STORE = Store("study-digits", Digits, version=2)


def begin(card: Card, dataset: Dataset) -> Digits:
    """Return a result on no digit yet."""
    corruptions, seeds = zip(*SHOWN.values(), strict=True)
    return Digits(
        **STORE.provenance([card], dataset, "float32"), shown=tuple(SHOWN), corruptions=tuple(map(repr, corruptions)),
        seeds=seeds, answers=(), sure=(), turned=(),
    )  # fmt: skip


def what_turned(model: Classifier, seen: Trial) -> tuple[int, int, float]:
    """Count the pixels that were changed, and those that must be set back for the first answer: by their blame, and by chance."""
    x, z = seen.clean, seen.corrupted
    before, after = int(seen.before.argmax()), int(seen.after.argmax())
    order = blame.worst_first(blame.blame(model, x, z, before, after))
    few = blame.needed(model, x, z, order, before)
    return int((x != z).sum()), few, blame.by_chance(model, x, z, before, SEED)


def asked(model: Classifier, known: Digits, dataset: Dataset) -> Iterator[Digits]:
    """Ask about the digits that are not known yet, yielding what is found so far."""
    for index in known.shown[known.n :]:
        corruption, seed = SHOWN[index]
        x, y = dataset.images([index]), dataset.labels[[index]]
        seen = trial(model, x, bind(corruption, model, y, seed))
        before, after = (logits.softmax(1)[0] for logits in (seen.before, seen.after))
        known = replace(
            known, n=known.n + 1, answers=(*known.answers, (int(before.argmax()), int(after.argmax()))),
            sure=(*known.sure, (float(before.max()), float(after.max()))), turned=(*known.turned, what_turned(model, seen)),
        )  # fmt: skip
        yield known


def measure(key: str, n: int) -> Iterator[Digits]:
    """Ask a network about the study's digits, whatever n; raises UserError where it is none of digits."""
    model, card = checkpoints.classifier(key)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, dataset))
    yield known
    yield from asked(model, known, dataset)


EXPERIMENT = Experiment(
    "what becomes of the study's three digits", STORE, lambda: ["digit-cnn"], measure, lambda _: len(SHOWN)
)
