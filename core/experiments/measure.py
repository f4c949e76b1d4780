"""`python -m core measure`: any experiment, with progress and an estimate, going on where it was stopped."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from tqdm import tqdm

from core import UserError, checkpoints
from core.checkpoints import Card
from core.experiments import accuracy, denoising
from core.experiments.registry import EXPERIMENTS
from core.experiments.results import Experiment, R
from core.training import recipes


def chosen(experiment: Experiment[R], subjects: Sequence[str]) -> list[str]:
    """Return the keys of some subjects of an experiment; of all, where none is named."""
    return [key for subject in subjects or experiment.subjects() for key in experiment.keys(subject)]


def measure(name: str, subjects: Sequence[str] = (), n: int | None = None) -> None:
    """Measure an experiment on some subjects, or on all, and say what was found. Raises UserError.

    `n` is how many images to measure, in whole batches; without it as many as the experiment asks for.
    """
    experiment = EXPERIMENTS[name]
    for key in chosen(experiment, subjects):
        one(experiment, key, n or experiment.n(key))


def one(experiment: Experiment[R], key: str, n: int) -> None:
    """Measure one key, with a bar; what is measured when somebody stops it is kept."""
    begun, found = None, None
    with closing(experiment.run(key, n)) as steps, tqdm(desc=f"{experiment.store.name} {key}", unit="image") as bar:  # type: ignore[type-var]
        for found in steps:
            begun = begun or found
            bar.total = bar.total or n
            if bar.n == 0 and found.n:
                bar.initial = found.n  # what was known already took no time
            bar.update(found.n - bar.n)
    if found is not None and found is not begun:
        print(found.line)


def everything(n: int | None = None) -> int:
    """Measure all that is stale, and return how many keys could not be: each says why in one sentence."""
    failed = 0
    for experiment in EXPERIMENTS.values():
        for key in experiment.stale():
            try:
                one(experiment, key, n or experiment.n(key))
            except UserError as refusal:
                print(f"{experiment.store.name} {key}: {refusal}", file=sys.stderr)
                failed += 1
    return failed


def stale(names: Iterable[str] = ()) -> Iterator[str]:
    """List what is to be measured, and why."""
    for name in names or EXPERIMENTS:
        for key, why in EXPERIMENTS[name].stale().items():
            yield f"{name} {key}: {why}"


def listing() -> Iterator[str]:
    """Describe every network that ships, and what it scores."""
    for name, recipe in recipes.RECIPES.items():
        try:
            yield f"{name:20} {recipe.title}: {scored(checkpoints.read(name))}"
        except UserError as refusal:
            yield f"{name:20} {recipe.title}: {refusal}"


def scored(card: Card) -> str:
    """Say in a few words how well a network does."""
    if "noise" in card.recipe:
        found = denoising.STORE.get(card.name)
        return found.line if found else f"not measured yet: python -m core measure denoising {card.name}"
    clean = accuracy.clean(card.name)
    if clean is None:
        return f"not measured yet: python -m core measure accuracy {card.name}"
    return f"{clean[0]:.2f} % of {clean[1].n:,} test digits right"
