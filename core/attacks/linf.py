"""Attacks on a classifier that may change every value a little: within epsilon in L-infinity."""

from abc import ABC, abstractmethod
from collections import deque
from itertools import islice
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from core.attacks.ascent import START, STEP, STEPS, ascend, slope
from core.params import Span, level, validated
from core.types import Images, Labels, Levels, Model, Scores, generator

CHUNK = 256  # images a gradient is taken of at once: what fits a processor's cache
EPSILON = Span(0, 0.5, 0.01, unit="of the grey range", label="Strength (epsilon)")


class Attack(ABC):
    """Aim a change of a batch of images at a classifier: away from the labels `y`; the first field is its strength.

    What it returns lies in [0, 1], on the device of `x`; the model is left as it is.
    """

    TITLE: ClassVar[str]  # what a list calls it

    def __call__(self, model: Model, x: Images, y: Labels) -> Images:
        return self.levels(model, x, y, [level(self)])[0]

    @abstractmethod
    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        """Attack at several strengths at once; the same as one call per strength, and faster."""


@validated
class FGSM(Attack):
    """Fast gradient sign method (Goodfellow et al. 2014): clip(x + epsilon sign(grad_x J(x, y)))."""

    TITLE: ClassVar = "FGSM"
    epsilon: Annotated[float, EPSILON] = 0.1

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        direction = gradient(model, x, y).sign()  # does not depend on epsilon: one backward pass for all
        return torch.stack([torch.add(x, direction, alpha=epsilon).clamp_(0, 1) for epsilon in strengths])


@validated
class PGD(Attack):
    """Projected gradient descent in the L-infinity ball (Madry et al. 2018), from a random start.

    x <- clip(x0 +- epsilon, x + step epsilon sign(grad J)), `steps` times; `step` is a share of epsilon.
    Every image starts from the same random offset, drawn from `seed`: the result does not depend on the batch.
    """

    TITLE: ClassVar = "PGD"
    epsilon: Annotated[float, EPSILON] = 0.1
    steps: Annotated[int, STEPS] = 10
    step: Annotated[float, STEP] = 0.25
    seed: Annotated[int, START] = 0

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        return _climb(self, 1, model, x, y, strengths)


@validated
class TargetedPGD(Attack):
    """PGD towards a chosen class: it descends J(x, target), whatever the image shows (Kurakin et al. 2017)."""

    TITLE: ClassVar = "targeted PGD"
    epsilon: Annotated[float, EPSILON] = 0.1
    target: Annotated[int, Span(0, 9, 1, label="Make it read as")] = 8
    steps: Annotated[int, STEPS] = 10
    step: Annotated[float, STEP] = 0.25
    seed: Annotated[int, START] = 0

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        return _climb(self, -1, model, x, torch.full_like(y, self.target), strengths)


def towards(attack: PGD, model: Model, x: Images, targets: Labels) -> Images:
    """Step down J(x, target) as `attack` steps up J: every image towards a class of its own."""
    return _climb(attack, -1, model, x, targets, [attack.epsilon])[0]


def offset(shape: tuple[int, ...], seed: int) -> Tensor:
    """Draw where PGD starts, -1 to 1 for every value, in units of epsilon."""
    return 2 * torch.rand(shape, generator=generator(seed)) - 1


def signs(x: Images, seed: int) -> Images:
    """Draw +1 or -1 for every value of `x`: what FGSM's direction is judged by, as large everywhere, and by chance."""
    return 2 * torch.randint(0, 2, x.shape, generator=generator(seed)).to(x) - 1


def gradient(model: Model, x: Images, y: Labels) -> Images:
    """Return grad_x J(x, y), (N, C, H, W), J the cross-entropy of the model's logits, image by image."""
    return slope(lambda z: cross_entropy(model, z, y), x)[1]


def cross_entropy(model: Model, x: Images, y: Labels) -> Scores:
    """Return minus the logarithm of the probability that a model gives the label of each image."""
    return F.cross_entropy(model(x), y, reduction="none")


def _climb(attack: PGD | TargetedPGD, sign: int, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
    """Step up J, or down where `sign` is -1, all strengths at once, a CHUNK of images after another."""

    def climb(x: Images, y: Labels, epsilon: Tensor, start: Tensor) -> Images:
        low, high = (x - epsilon).clamp_(0, 1), (x + epsilon).clamp_(0, 1)
        path = ascend(
            lambda z: sign * cross_entropy(model, z, y),
            (x + start).clamp(low, high),
            lambda g: attack.step * epsilon * g.sign(),
            lambda z: z.clamp(low, high),
        )
        return deque(islice(path, attack.steps), maxlen=1).pop()[-1]

    count = len(strengths)
    epsilon = torch.tensor(strengths, device=x.device).repeat_interleave(len(x)).view(-1, 1, 1, 1)
    start = offset(x.shape[1:], attack.seed).to(x.device)
    batch = (x.repeat(count, 1, 1, 1), y.repeat(count), epsilon, epsilon * start)
    parts = [climb(*part) for part in zip(*(values.split(CHUNK) for values in batch), strict=True)]
    return torch.cat(parts).view(count, *x.shape)
