"""What matters in the training? One thing of n2n-gaussian-50's recipe is changed at a time, in short trainings from drawn weights, three seeds each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from core import UserError, models
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import denoising, networks
from core.experiments.results import SEED, Experiment, Result, Store
from core.measures.paired import of_few
from core.training import pairs, recipes
from core.training.loop import Fit
from core.training.pairs import Batch, Pairs
from core.training.recipes import Denoising
from core.types import generator

PICTURES = 9000  # learned from
EPOCHS = 4
ASIDE = 1000
TESTED = 2000  # test images a network is scored on
SEEDS = 3


@dataclass(frozen=True)
class Variant:
    """A recipe and what no recipe says: how many noisy pairs there are of each picture (0: new ones in every epoch), and what is left out."""

    recipe: Denoising
    draws: int = 0
    averaged: bool = True
    weighted: bool = True


def variants() -> dict[str, Variant]:
    """Return what is compared, by key, the recipe itself first."""
    recipe = recipes.recipe("n2n-gaussian-50")
    assert isinstance(recipe, Denoising)
    base = replace(recipe, epochs=EPOCHS)

    def changed(**fields: Any) -> Variant:
        return Variant(replace(base, **fields))

    return {
        "recipe": Variant(base),
        "clean-targets": changed(target="clean"),
        "two-levels-a-pair": changed(levels=2),
        "one-pair-a-picture": Variant(base, draws=1),
        "two-pairs-a-picture": Variant(base, draws=2),
        "no-dead-leaves": changed(synthetic=0.0),
        "no-unclipped-inputs": changed(unclipped=0.0),
        "weight-decay-0.01": changed(decay=0.01),
        "adamw": changed(optimiser="AdamW", learning_rate=2e-3, decay=0.01),
        "no-average": Variant(base, averaged=False),
        "all-weigh-alike": Variant(base, weighted=False),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained(Result):
    """What n trainings of a variant came to, with seeds of their own: mean PSNR, in dB, over the first TESTED test images."""

    FOUND: ClassVar = ("scores",)

    variant: str
    scores: Float[Tensor, " n"]

    @property
    def line(self) -> str:
        """Say how well they did."""
        return f"{self.variant}: " + ", ".join(f"{score:.2f}" for score in self.scores.tolist()) + " dB"

    def beyond(self, other: "Trained") -> tuple[float, float]:
        """Return the mean difference to the same seeds of another variant, in dB, and the half width of its 95 % interval."""
        n = min(self.n, other.n)
        return of_few(self.scores[:n] - other.scores[:n])


STORE = Store("trainings", Trained)


def fixed(dataset: Dataset, recipe: Denoising, draws: int) -> Pairs:
    """Feed the pairs of Noise2Noise, of which there are only so many a picture: epoch k is that of draw k modulo `draws` again."""
    shown = pairs.scenes(dataset, recipe.batch, recipe.synthetic)
    feed = pairs.noise2noise(shown, recipe.noise, recipe.unclipped, recipe.levels)
    return lambda epoch, rng: feed(epoch, generator(1000 * recipe.seed + epoch % draws))


def fit(variant: Variant, model: models.Network, dataset: Dataset) -> Fit:
    """Return the training of a variant."""
    found = recipes.train(variant.recipe, model, dataset)
    if variant.draws:
        learned = dataset.part(slice(-ASIDE)).to(found.fabric.device)
        found.pairs = fixed(learned, variant.recipe, variant.draws)
    if not variant.weighted:
        found.pairs = alike(found.pairs)
    if not variant.averaged:
        found.averaged = None
    return found


def alike(feed: Pairs) -> Pairs:
    """Let all images weigh the same."""

    def same(epoch: int, rng: Generator) -> Iterator[Batch]:
        for x, y, *_ in feed(epoch, rng):
            yield x, y, 1.0

    return same


def trained(variant: Variant, seed: int, learned: Dataset) -> models.Network:
    """Train a variant with a seed, and return its network, frozen."""
    variant = replace(variant, recipe=replace(variant.recipe, seed=seed))
    model = recipes.untrained(variant.recipe)
    for _ in fit(variant, model, learned):
        pass
    return models.freeze(model)


def score(variant: Variant, seed: int, learned: Dataset, test: Dataset) -> float:
    """Train a variant with a seed and return its mean PSNR on test images, in dB."""
    model = trained(variant, seed, learned)
    run, x = models.autocast(model), test.images(slice(0, TESTED)).to(next(model.parameters()).device)
    rows = [denoising.scored(run, part, variant.recipe.noise, SEED + k) for k, part in enumerate(x.split(250))]
    return float(torch.cat(rows)[:, 2].double().mean())


def measure(key: str, n: int) -> Iterator[Trained]:
    """Train a variant, by key, with n seeds; raises UserError where there is none of that name."""
    known = variants()
    if key not in known:
        raise UserError(f"There is no training {key!r}: choose one of {', '.join(known)}.")
    learned = datasets.full("cifar10", "train").part(slice(0, PICTURES + ASIDE))
    test = datasets.full("cifar10", "test")
    device = networks.device()
    about = STORE.provenance([], test, models.precision(device), device)
    found = STORE.resume(key, Trained(**about, variant=repr(known[key]), scores=torch.empty(0)))
    yield found
    while found.n < n:
        scores = torch.cat([found.scores, torch.tensor([score(known[key], found.n, learned, test)])])
        found = replace(found, n=len(scores), scores=scores)
        yield found


def section() -> Iterator[str]:
    """Write docs/trainings.md's table."""
    found = STORE.current()
    yield "## What matters in the training"
    yield ""
    yield f"n2n-gaussian-50's recipe with one thing changed: {PICTURES:,} pictures, {EPOCHS} epochs, from drawn weights; mean PSNR on {TESTED:,} test"
    yield "images, and the difference to the recipe with the same seeds, with its 95 % interval (Student's t over the seeds)."
    yield ""
    yield "| changed | seeds | dB | difference, dB |"
    yield "|---|---|---|---|"
    for key in variants():
        if key in found:
            mean, apart = found[key].scores.mean(), ""
            if key != "recipe" and "recipe" in found:
                apart = "{:+.2f} ± {:.2f}".format(*found[key].beyond(found["recipe"]))
            yield f"| {key.replace('-', ' ')} | {found[key].n} | {mean:.2f} | {apart} |"


EXPERIMENT = Experiment(
    "what matters in the training of a denoiser", STORE, variants, measure, lambda _: SEEDS, document="denoisers", table=section
)  # fmt: skip
