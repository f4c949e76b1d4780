"""Train a few batches in this process, which may use so much memory and no more, and say how long the whole will take.

`python -m core.runs.estimate BATCHES MEGABYTES` reads a recipe's record on standard input and writes seconds; what is the
matter is one line on stderr and exit status 1. `control.estimate` calls it.
"""

import json
import sys
import time
from contextlib import suppress
from dataclasses import replace
from itertools import islice, pairwise
from statistics import mean

import torch

from core import UserError
from core.data import datasets
from core.training import recipes
from core.training.recipes import Denoising, Recipe


def seconds(recipe: Recipe, batches: int) -> float:
    """Train `batches` and one more, and say how many seconds all would take on this machine; raises UserError where a start is missing."""
    if isinstance(recipe, Denoising):
        recipe = replace(
            recipe, synthetic=0.0
        )  # dead leaves take seconds to draw, once, and then no longer than pictures
    model = recipes.untrained(recipe)
    fit = recipes.train(recipe, model, datasets.load(recipe.dataset, "train"))
    clock = [time.monotonic(), *(time.monotonic() for step in islice(fit, batches + 1) if step.loss == step.loss)]
    taken = [after - before for before, after in pairwise(clock)]
    return mean(taken[1:] or taken) * fit.steps  # the first takes longer than all others


def limit(megabytes: int) -> None:
    """Let this process have so much memory of its own; on Windows nothing holds it."""
    with suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))


def main(batches: str, megabytes: str) -> int:
    """Do what the module says; the exit status is 1 where it failed."""
    limit(int(megabytes))
    torch.set_num_threads(1)
    try:
        print(seconds(recipes.parse(json.load(sys.stdin)), int(batches)))
    except UserError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
