"""Attacks: corruptions drawn from the model itself.

An attack takes its parameters when it is built and the model when it is called, and returns images in [0, 1],
nothing else. What became of them is measured outside. Losses are summed over the batch, so no image feels its
neighbours; gradients are taken with respect to the images only, so a shared, frozen model is left untouched.
"""

from typing import Annotated, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from core.params import Span, spanned
from core.types import Images, Labels, Levels, Model, generator

CHUNK = 256  # images a gradient is taken of at once: what fits a processor's cache


@runtime_checkable
class Attack(Protocol):
    """Aim a change of a batch of images at a model: away from the labels `y`."""

    def __call__(self, model: Model, x: Images, y: Labels) -> Images: ...

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        """Attack at several strengths at once; the same as one call per strength, and faster."""
        ...


@spanned
class FGSM:
    """Fast gradient sign method (Goodfellow et al. 2014): clip(x + epsilon sign(grad_x J(x, y)))."""

    epsilon: Annotated[float, Span(0, 0.5, 0.01, unit="of the grey range", label="Strength (epsilon)")] = 0.1

    def __call__(self, model: Model, x: Images, y: Labels) -> Images:
        return self.levels(model, x, y, [self.epsilon])[0]

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        direction = gradient(model, x, y).sign()  # does not depend on epsilon: one backward pass for all
        return torch.stack([torch.add(x, direction, alpha=epsilon).clamp_(0, 1) for epsilon in strengths])


@spanned
class PGD:
    """Projected gradient descent in the L-infinity ball (Madry et al. 2018), from a random start.

    x <- clip(x0 +- epsilon, x + step epsilon sign(grad J)), `steps` times; `step` is a share of epsilon.
    Every image starts from the same random offset, drawn from `seed`: the result does not depend on the batch.
    """

    epsilon: Annotated[float, Span(0, 0.5, 0.01, unit="of the grey range", label="Strength (epsilon)")] = 0.1
    steps: Annotated[int, Span(1, 100, 1, label="Steps")] = 10
    step: Annotated[float, Span(0.01, 1, 0.01, unit="of epsilon", label="Step")] = 0.25
    seed: Annotated[int, Span(0, 2**31 - 1, 1, label="Seed of the start")] = 0

    def __call__(self, model: Model, x: Images, y: Labels) -> Images:
        return self.levels(model, x, y, [self.epsilon])[0]

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        count = len(strengths)
        epsilon = torch.tensor(strengths).repeat_interleave(len(x)).view(-1, 1, 1, 1)  # (levels N, 1, 1, 1)
        start = epsilon * (2 * torch.rand(x.shape[1:], generator=generator(self.seed)) - 1)
        batch = (x.repeat(count, 1, 1, 1), y.repeat(count), epsilon, start)
        parts = [self._climb(model, *part) for part in zip(*(values.split(CHUNK) for values in batch), strict=True)]
        return torch.cat(parts).view(count, *x.shape)

    def _climb(self, model: Model, x: Images, y: Labels, epsilon: Tensor, start: Tensor) -> Images:
        low, high = (x - epsilon).clamp_(0, 1), (x + epsilon).clamp_(0, 1)
        z = (x + start).clamp(low, high)
        for _ in range(self.steps):
            z = (z + self.step * epsilon * gradient(model, z, y).sign()).clamp(low, high)
        return z


ATTACKS = {"FGSM": FGSM, "PGD": PGD}


def gradient(model: Model, x: Images, y: Labels) -> Images:
    """Return grad_x J(x, y), J the cross-entropy of the model's logits summed over the batch."""
    x = x.detach().requires_grad_()
    loss: Tensor = F.cross_entropy(model(x), y, reduction="sum")
    return torch.autograd.grad(loss, x)[0]
