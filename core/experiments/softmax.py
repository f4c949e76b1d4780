"""How often FGSM fools a linear classifier of digits, and how sure it then is: Goodfellow et al. 2014, which the study quotes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import nn

from core import UserError, models
from core.attacks import FGSM
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments.results import Experiment, Result, Store
from core.types import Model

ATTACK = FGSM(0.25)  # their epsilon
KEY = "softmax"


@dataclass(frozen=True, kw_only=True)
class Fooled(Result):
    """How many digits a softmax regression reads wrong, clean and attacked, and how sure it is of its wrong answers, 0 to 1.

    It has no hash: who measures it trains it.
    """

    FOUND: ClassVar = ("clean", "wrong", "sure")

    attack: str
    clean: int
    wrong: int
    sure: float

    @property
    def line(self) -> str:
        """Say both."""
        return f"{100 * self.wrong / max(1, self.n):.1f} % wrong under {self.attack} ({100 * self.clean / max(1, self.n):.1f} % clean), {100 * self.sure:.1f} % sure on average"


STORE = Store("softmax", Fooled)


def fitted(train: Dataset) -> Model:
    """Return a softmax regression on all pixels, as scikit-learn fits it with its own defaults, as a network."""
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(max_iter=200).fit(train.images(slice(None)).flatten(1).numpy(), train.labels.numpy())
    layer = nn.Linear(*reversed(found.coef_.shape))
    layer.load_state_dict(dict(weight=torch.from_numpy(found.coef_), bias=torch.from_numpy(found.intercept_)))
    return models.freeze(nn.Sequential(nn.Flatten(), layer))


def tested(begun: Fooled, model: Model, test: Dataset) -> Fooled:
    """Attack a classifier's every test digit."""
    x, y = test.images(slice(None)), test.labels
    clean = int((model(x).argmax(1) != y).sum())
    sure, answer = model(ATTACK(model, x, y)).softmax(1).max(1)
    fooled = answer != y
    return replace(begun, n=len(y), clean=clean, wrong=int(fooled.sum()), sure=float(sure[fooled].mean()))


def begin(dataset: Dataset) -> Fooled:
    """Return a result on no image yet."""
    return Fooled(**STORE.provenance([], dataset, "float32"), attack=repr(ATTACK), clean=0, wrong=0, sure=0.0)


def measure(key: str, n: int) -> Iterator[Fooled]:
    """Train the classifier and attack all test digits; raises UserError for another key, or without the data set."""
    if key != KEY:
        raise UserError(f"There is no {key!r} to measure here: only {KEY}.")
    train, test = (datasets.full("mnist", split) for split in ("train", "test"))
    known = STORE.resume(key, begun := begin(test))
    yield known
    if not known.n:
        yield tested(begun, fitted(train), test)


EXPERIMENT = Experiment(
    "how often FGSM fools a linear classifier of digits", STORE, lambda: (KEY,), measure, lambda _: 1
)
