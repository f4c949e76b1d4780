"""What ships: the recipe of every network. Its name is the checkpoint's and the one in the address bar."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
import torch.nn.functional as F

from core import Refusal, data, models, training
from core.attacks import PGD
from core.models import Classifier
from core.training import Step


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained: everything that, with the data and the seed, decides its weights."""

    name: str
    title: str
    architecture: str
    dataset: str = "mnist"
    epochs: int = 5
    batch: int = 64
    learning_rate: float = 0.01
    momentum: float = 0.5
    attack: PGD | None = None  # trained on what this makes of its images
    ramp: int = 0  # epochs over which the attack grows to its full strength
    seed: int = 2


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("digit-cnn", "The study's digit network", "DigitCNN"),
        Recipe("digit-mlp", "A network without convolutions", "DigitMLP"),
        Recipe(
            "digit-cnn-robust", "The digit network, trained against attacks", "DigitCNN",
            epochs=12, learning_rate=0.02, momentum=0.9, attack=PGD(epsilon=0.15, steps=5, step=0.35), ramp=4,
        ),
    )
}  # fmt: skip


def recipe(name: str) -> Recipe:
    """Return the recipe called `name`; raises Refusal, listing the names, where there is none."""
    if name not in RECIPES:
        raise Refusal(f"There is no recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def train(recipe: Recipe, model: Classifier) -> Iterator[Step]:
    """Train `model` in place as `recipe` says, yielding every step; the full data set must be there."""
    dataset = data.full(recipe.dataset, "train")
    pairs = training.labelled(dataset, recipe.batch)
    if recipe.attack:
        pairs = training.adversarial(pairs, recipe.attack, model, recipe.ramp)
    optimiser = torch.optim.SGD(model.parameters(), recipe.learning_rate, recipe.momentum)
    steps = recipe.epochs * ceil(len(dataset) / recipe.batch)
    return training.fit(model, pairs, F.cross_entropy, optimiser, epochs=recipe.epochs, steps=steps, seed=recipe.seed)


def untrained(recipe: Recipe) -> Classifier:
    """Build the network of a recipe with its first weights."""
    return models.build(recipe.architecture, recipe.seed)
