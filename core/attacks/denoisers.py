"""Attacks on a denoiser f. Each is a path: the images after 0, 1, 2, ... steps, of which the last is the result."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.attacks.ascent import START, STEP, STEPS, ascend
from core.noise import NoisyBatch
from core.params import Span, validated
from core.types import Images, Model, PerImage, generator

LENGTH = Span(0, 10, 0.1, unit="L2 over all values", label="Strength (epsilon)")

Mask = Bool[Tensor, "n 1 h w"]


class DenoiserAttack(ABC):
    """Change pictures `x` so that a denoiser fails on them; `y` is where its output is to end up, or what it is to miss.

    A new one is one class, with a `path` and its `ends`, and one line in DENOISER_ATTACKS.
    """

    TITLE: ClassVar[str]  # what a list calls it
    AIMED: ClassVar[bool] = False  # whether it needs a picture to look like

    @property
    @abstractmethod
    def steps(self) -> int: ...

    @abstractmethod
    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        """Yield the images in [0, 1] after 0, 1, ... `steps` steps; a caller may stop asking."""

    @abstractmethod
    def ends(self, batch: NoisyBatch, aim: Images) -> tuple[Images, Images]:
        """Return where it begins, `x`, and what it is about, `y`; `aim` is the picture to look like."""

    def active_mask(self, output: Images, y: Float[Tensor, "m c h w"]) -> Mask | None:
        """Return which pixels are still to be moved, given the denoiser's output; None where it moves all."""
        return None

    def __call__(self, model: Model, x: Images, y: Images) -> Images:
        return deque(self.path(model, x, y), maxlen=1).pop()


@validated
class DAG(DenoiserAttack):
    """Dense adversary generation (Xie et al. 2017), as the study turns it on denoisers (section 4.1).

    From the clean image c towards the noisy a: T marks the pixels whose output is not yet within `tolerance` of a, summed
    over channels; x <- clip(x + gamma T r / |r|), r = grad_x sum T f(x) (a - c). The study's text takes the L-infinity norm
    of r, its published numbers come with the L2 norm.
    """

    TITLE: ClassVar = "DAG (the study's)"
    gamma: Annotated[float, Span(0.01, 1, 0.01, unit="L2 a step", label="Step (gamma)")] = 0.1
    steps: Annotated[int, STEPS] = 40
    tolerance: Annotated[float, Span(0, 1, 0.01, unit="of the grey range", label="Tolerance")] = 0.04
    norm: Literal["l2", "linf"] = "l2"

    def ends(self, batch: NoisyBatch, aim: Images) -> tuple[Images, Images]:
        return batch.clean, batch.noisy

    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        z = x
        yield z
        for _ in range(self.steps):
            z = z.detach().requires_grad_()
            output = model(z)
            active_mask = self.active_mask(output, y)
            (r,) = torch.autograd.grad((active_mask * output * (y - x)).sum(), z)
            z = (z.detach() + self.gamma * active_mask * unit(r, self.norm)).clamp_(0, 1)
            yield z

    def active_mask(self, output: Images, y: Float[Tensor, "m c h w"]) -> Mask:
        """Return T: the pixels whose output is still further from `y`, or the single image `y`, than the tolerance."""
        return (output.detach() - y).abs().sum(1, keepdim=True) > self.tolerance


@validated
class InBall(DenoiserAttack):
    """Ascend an objective by its normalised gradient in the L2 ball of radius epsilon around `x`.

    Steps have the length `step` epsilon; the path begins 1/100 epsilon from x, for at the clean image the gradient may be
    nothing. Each image goes by its best so far, so the loss never falls with more steps.
    """

    SIGN: ClassVar = 1.0  # -1: the output nears y, instead of leaving it
    epsilon: Annotated[float, LENGTH] = 3.5
    steps: Annotated[int, STEPS] = 40
    step: Annotated[float, STEP] = 0.1
    seed: Annotated[int, START] = 0

    def project(self, z: Images, x: Images) -> Images:
        """Return the nearest images that are allowed."""
        return _ball(z, x, self.epsilon).clamp(0, 1)

    def path(self, model: Model, x: Images, y: Images) -> Iterator[Images]:
        """Yield the best images so far on the way from `x`."""
        offset = torch.randn(x.shape[1:], generator=generator(self.seed))  # the same for all images, whatever the batch
        yield from self.climb(model, x + (self.epsilon / 100 * offset / offset.norm()).to(x.device), x, y)

    def climb(self, model: Model, start: Images, x: Images, y: Images, momentum: float = 0.0) -> Iterator[Images]:
        """Yield the best images so far on the way from anywhere in the ball around `x`."""
        best = self.project(start, x)
        highest = torch.full((len(x),), -torch.inf, device=x.device)
        path = ascend(
            lambda z: self.SIGN * (model(z) - y).square().sum((1, 2, 3)),
            best,
            lambda g: self.step * self.epsilon * unit(g, "l2"),
            lambda z: self.project(z, x),
            momentum,
        )
        for z, value, _ in islice(path, self.steps + 1):
            better = value > highest
            best, highest = torch.where(better.view(-1, 1, 1, 1), z, best), torch.where(better, value, highest)
            yield best


@validated
class L2PGD(InBall):
    """Projected gradient ascent of |f(z) - y|^2 from the clean image, which is also `y`."""

    TITLE: ClassVar = "L2PGD (largest error)"

    def ends(self, batch: NoisyBatch, aim: Images) -> tuple[Images, Images]:
        return batch.clean, batch.clean


@validated
class ObsAtk(InBall):
    """Attack the observation (Yan et al. 2022): as L2PGD, from the noisy image, with a perturbation of zero mean.

    So the attacked noise keeps the mean that a denoiser may count on. x + delta is projected on the ball, then on the
    images in [0, 1] whose mean is x's, which brings it no further from x.
    """

    TITLE: ClassVar = "ObsAtk (on the noisy one)"

    def ends(self, batch: NoisyBatch, aim: Images) -> tuple[Images, Images]:
        return batch.noisy, batch.clean

    def project(self, z: Images, x: Images) -> Images:
        return _level(_ball(z, x, self.epsilon), x)


@validated
class Lookalike(InBall):
    """Make the denoised picture look like another one, `y`: descend |f(z) - y|^2 in the L2 ball around `x`."""

    TITLE: ClassVar = "Lookalike (another picture)"
    AIMED: ClassVar = True
    SIGN: ClassVar = -1.0

    def ends(self, batch: NoisyBatch, aim: Images) -> tuple[Images, Images]:
        return batch.clean, aim


DENOISER_ATTACKS: dict[str, type[DenoiserAttack]] = {kind.__name__: kind for kind in (DAG, L2PGD, ObsAtk, Lookalike)}


def unit(r: Images, norm: str = "l2") -> Images:
    """Divide each image by its norm; nothing stays nothing."""
    order = torch.inf if norm == "linf" else 2
    size: PerImage = torch.linalg.vector_norm(r, order, dim=(1, 2, 3), keepdim=True)
    return r / size.clamp(min=1e-30)


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
