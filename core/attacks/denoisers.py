"""Attacks on a denoiser f. Each is a path: the images after 0, 1, 2, ... steps, of which the last is the result."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Annotated, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.params import Span, validated
from core.types import Images, Model, PerImage, Scores, generator

LENGTH = Span(0, 10, 0.1, unit="L2 over all values", label="Strength (epsilon)")
STEPS = Span(1, 100, 1, label="Steps")
STEP = Span(0.01, 1, 0.01, unit="of epsilon", label="Step")
START = Span(0, 2**31 - 1, 1, label="Seed of the start")

Mask = Bool[Tensor, "n 1 h w"]
Objective = Callable[[Images], Scores]


@runtime_checkable
class ImageAttack(Protocol):
    """Change pictures `x` so that a denoiser fails on them; `y` is where its output is to end up, or what it is to miss."""

    @property
    def steps(self) -> int: ...

    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        """Yield the images after 0, 1, ... steps; a caller may stop asking."""
        ...

    def __call__(self, model: Model, x: Images, y: Images) -> Images: ...


@validated
class DAG:
    """Dense adversary generation (Xie et al. 2017), as the study turns it on denoisers (section 4.1).

    From the clean image c towards the noisy a: T marks the pixels whose output is not yet within `tolerance` of a, summed
    over channels; x <- clip(x + gamma T r / |r|), r = grad_x sum T f(x) (a - c). The study's text takes the L-infinity norm
    of r, its published numbers come with the L2 norm.
    """

    gamma: Annotated[float, Span(0.01, 1, 0.01, unit="L2 a step", label="Step (gamma)")] = 0.1
    steps: Annotated[int, STEPS] = 40
    tolerance: Annotated[float, Span(0, 1, 0.01, unit="of the grey range", label="Tolerance")] = 0.04
    norm: Literal["l2", "linf"] = "l2"

    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        """Yield the images on their way from the clean `x`, the noisy `y` being where the output is to end up."""
        z = x
        yield z
        for _ in range(self.steps):
            z = z.detach().requires_grad_()
            output = model(z)
            active_mask = self.active_mask(output, y)
            (r,) = torch.autograd.grad((active_mask * output * (y - x)).sum(), z)
            z = (z.detach() + self.gamma * active_mask * _unit(r, self.norm)).clamp_(0, 1)
            yield z

    def active_mask(self, output: Images, y: Float[Tensor, "m c h w"]) -> Mask:
        """Return T: the pixels whose output is still further from `y`, or the single image `y`, than the tolerance."""
        return (output.detach() - y).abs().sum(1, keepdim=True) > self.tolerance

    def __call__(self, model: Model, x: Images, y: Images) -> Images:
        return _last(self.path(model, x, y))


@validated
class L2PGD:
    """Projected gradient ascent of |f(z) - y|^2, y the clean image, in the L2 ball of radius epsilon around `x`.

    Steps have the length `step` epsilon; the path begins 1/100 epsilon from x, for at the clean image the gradient may be
    nothing. Each image goes by its best so far, so the loss never falls with more steps.
    """

    epsilon: Annotated[float, LENGTH] = 3.5
    steps: Annotated[int, STEPS] = 40
    step: Annotated[float, STEP] = 0.1
    seed: Annotated[int, START] = 0

    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        """Yield the best images so far on the way from `x`, the output leaving the clean `y`."""
        return _climb(self, lambda z: _distance(model(z), y), x, lambda z: _ball(z, x, self.epsilon).clamp(0, 1))

    def __call__(self, model: Model, x: Images, y: Images) -> Images:
        return _last(self.path(model, x, y))


@validated
class ObsAtk:
    """Attack the observation (Yan et al. 2022): as L2PGD, from the noisy image, with a perturbation of zero mean.

    So the attacked noise keeps the mean that a denoiser may count on. x + delta is projected on the ball, then on the
    images in [0, 1] whose mean is x's, which brings it no further from x.
    """

    epsilon: Annotated[float, LENGTH] = 3.5
    steps: Annotated[int, STEPS] = 40
    step: Annotated[float, STEP] = 0.1
    seed: Annotated[int, START] = 0

    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        """Yield the best images so far on the way from the noisy `x`, the output leaving the clean `y`."""
        return _climb(self, lambda z: _distance(model(z), y), x, lambda z: _level(_ball(z, x, self.epsilon), x))

    def __call__(self, model: Model, x: Images, y: Images) -> Images:
        return _last(self.path(model, x, y))


@validated
class Lookalike:
    """Make the denoised picture look like another one, `y`: descend |f(z) - y|^2 in the L2 ball around `x`."""

    epsilon: Annotated[float, LENGTH] = 3.5
    steps: Annotated[int, STEPS] = 40
    step: Annotated[float, STEP] = 0.1
    seed: Annotated[int, START] = 0

    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        """Yield the best images so far on the way from `x`, the output nearing `y`."""
        return _climb(self, lambda z: -_distance(model(z), y), x, lambda z: _ball(z, x, self.epsilon).clamp(0, 1))

    def __call__(self, model: Model, x: Images, y: Images) -> Images:
        return _last(self.path(model, x, y))


IMAGE_ATTACKS = {"DAG": DAG, "L2PGD": L2PGD, "ObsAtk": ObsAtk, "Lookalike": Lookalike}


def _climb(
    attack: L2PGD | ObsAtk | Lookalike, objective: Objective, x: Images, project: Callable[[Images], Images]
) -> Iterator[Images]:
    """Ascend an objective along its normalised gradient, yielding the best images so far."""
    offset = torch.randn(x.shape[1:], generator=generator(attack.seed))  # the same for every image, whatever the batch
    z = project(x + attack.epsilon / 100 * offset / offset.norm())
    best, highest = z, torch.full((len(x),), -torch.inf)
    for _ in range(attack.steps + 1):
        z = z.detach().requires_grad_()
        value = objective(z)
        (g,) = torch.autograd.grad(value.sum(), z)
        better = value.detach() > highest
        best = torch.where(better.view(-1, 1, 1, 1), z.detach(), best)
        highest = torch.where(better, value.detach(), highest)
        yield best
        z = project(z.detach() + attack.step * attack.epsilon * _unit(g, "l2"))


def _unit(r: Images, norm: str) -> Images:
    """Divide each image by its norm; nothing stays nothing."""
    order = torch.inf if norm == "linf" else 2
    size: PerImage = torch.linalg.vector_norm(r, order, dim=(1, 2, 3), keepdim=True)
    return r / size.clamp(min=1e-30)


def _distance(a: Images, b: Images) -> Scores:
    return (a - b).square().sum((1, 2, 3))


def _ball(z: Images, x: Images, epsilon: float) -> Images:
    """Project on the L2 ball around x."""
    delta = z - x
    length: PerImage = torch.linalg.vector_norm(delta, dim=(1, 2, 3), keepdim=True)
    return x + delta * (epsilon / length.clamp(min=1e-30)).clamp(max=1)


def _level(z: Images, x: Images) -> Images:
    """Project on the images in [0, 1] whose mean is that of x: shift and clip, the shift found by halving."""

    def mean(shift: PerImage) -> PerImage:
        return (z - shift).clamp(0, 1).mean((1, 2, 3), keepdim=True)

    wanted = x.mean((1, 2, 3), keepdim=True)
    low = (z - 1).amin((1, 2, 3), keepdim=True)  # everything is 1
    high = z.amax((1, 2, 3), keepdim=True)  # everything is 0
    for _ in range(40):
        middle = (low + high) / 2
        above = mean(middle) > wanted
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    shift = torch.where(mean(torch.zeros_like(low)) == wanted, 0, (low + high) / 2)
    return (z - shift).clamp(0, 1)


def _last(path: Iterator[Images]) -> Images:
    return deque(path, maxlen=1).pop()
