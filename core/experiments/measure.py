"""`python -m core measure`: any experiment, with progress and an estimate, going on where it was stopped."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from tqdm import tqdm

from core import UserError
from core.experiments.registry import EXPERIMENTS
from core.experiments.results import Experiment, R


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
    found = None
    with closing(experiment.run(key, n)) as steps, tqdm(desc=f"{experiment.store.name} {key}", unit="image") as bar:  # type: ignore[type-var]
        for found in steps:
            bar.total = bar.total or n
            if bar.n == 0 and found.n:
                bar.initial = found.n  # what was known already took no time
            bar.update(found.n - bar.n)
    if found is not None:
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
