"""Attacks on a classifier that may change every value a little: within epsilon in L-infinity."""

from collections.abc import Callable
from typing import Annotated, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from core.params import Span, validated
from core.types import Images, Labels, Levels, Model, generator

CHUNK = 256  # images a gradient is taken of at once: what fits a processor's cache
EPSILON = Span(0, 0.5, 0.01, unit="of the grey range", label="Strength (epsilon)")
STEP = Span(0.01, 1, 0.01, unit="of epsilon", label="Step")
STEPS = Span(1, 100, 1, label="Steps")
START = Span(0, 2**31 - 1, 1, label="Seed of the start")

Gradient = Callable[[Model, Images, Labels], Images]


@runtime_checkable
class Attack(Protocol):
    """Aim a change of a batch of images at a model: away from the labels `y`."""

    def __call__(self, model: Model, x: Images, y: Labels) -> Images: ...

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        """Attack at several strengths at once; the same as one call per strength, and faster."""
        ...


@validated
class FGSM:
    """Fast gradient sign method (Goodfellow et al. 2014): clip(x + epsilon sign(grad_x J(x, y)))."""

    epsilon: Annotated[float, EPSILON] = 0.1

    def __call__(self, model: Model, x: Images, y: Labels) -> Images:
        return self.levels(model, x, y, [self.epsilon])[0]

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        direction = gradient(model, x, y).sign()  # does not depend on epsilon: one backward pass for all
        return torch.stack([torch.add(x, direction, alpha=epsilon).clamp_(0, 1) for epsilon in strengths])


@validated
class PGD:
    """Projected gradient descent in the L-infinity ball (Madry et al. 2018), from a random start.

    x <- clip(x0 +- epsilon, x + step epsilon sign(grad J)), `steps` times; `step` is a share of epsilon.
    Every image starts from the same random offset, drawn from `seed`: the result does not depend on the batch.
    """

    epsilon: Annotated[float, EPSILON] = 0.1
    steps: Annotated[int, STEPS] = 10
    step: Annotated[float, STEP] = 0.25
    seed: Annotated[int, START] = 0

    def __call__(self, model: Model, x: Images, y: Labels) -> Images:
        return self.levels(model, x, y, [self.epsilon])[0]

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        return _climb(self, gradient, model, x, y, strengths)


@validated
class TargetedPGD:
    """PGD towards a chosen class: it descends J(x, target), whatever the image shows (Kurakin et al. 2017)."""

    epsilon: Annotated[float, EPSILON] = 0.1
    target: Annotated[int, Span(0, 9, 1, label="Make it read as")] = 8
    steps: Annotated[int, STEPS] = 10
    step: Annotated[float, STEP] = 0.25
    seed: Annotated[int, START] = 0

    def __call__(self, model: Model, x: Images, y: Labels) -> Images:
        return self.levels(model, x, y, [self.epsilon])[0]

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        """Attack at several strengths at once; `y` is not looked at."""
        return _climb(self, _descent, model, x, torch.full_like(y, self.target), strengths)


def gradient(model: Model, x: Images, y: Labels) -> Images:
    """Return grad_x J(x, y), J the cross-entropy of the model's logits summed over the batch."""
    x = x.detach().requires_grad_()
    loss: Tensor = F.cross_entropy(model(x), y, reduction="sum")
    return torch.autograd.grad(loss, x)[0]


def _descent(model: Model, x: Images, y: Labels) -> Images:
    return -gradient(model, x, y)


def _climb(
    attack: PGD | TargetedPGD, direction: Gradient, model: Model, x: Images, y: Labels, strengths: list[float]
) -> Levels:
    """Step along the sign of a direction, all strengths at once, a CHUNK of images after another."""

    def climb(x: Images, y: Labels, epsilon: Tensor, start: Tensor) -> Images:
        low, high = (x - epsilon).clamp_(0, 1), (x + epsilon).clamp_(0, 1)
        z = (x + start).clamp(low, high)
        for _ in range(attack.steps):
            z = (z + attack.step * epsilon * direction(model, z, y).sign()).clamp(low, high)
        return z

    count = len(strengths)
    epsilon = torch.tensor(strengths).repeat_interleave(len(x)).view(-1, 1, 1, 1)  # (levels N, 1, 1, 1)
    start = epsilon * (2 * torch.rand(x.shape[1:], generator=generator(attack.seed)) - 1)
    batch = (x.repeat(count, 1, 1, 1), y.repeat(count), epsilon, start)
    parts = [climb(*part) for part in zip(*(values.split(CHUNK) for values in batch), strict=True)]
    return torch.cat(parts).view(count, *x.shape)
