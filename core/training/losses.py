"""What a network is trained to make small: one number per image, so that a batch is their mean.

Trained towards noisy targets, a loss settles on a statistic of what the target may be: L2 on its mean, L1 on its
median (Lehtinen et al. 2018), annealed L0 on its likeliest value where single values have a share of their own, else on a
root of the Hilbert transform of its density (see `minimisers`). `progress`, from 0 to 1, is how far the training is.
"""

from typing import Annotated, Protocol, runtime_checkable

import torch.nn.functional as F
from torch import Tensor

from core.params import Span, validated
from core.types import Images, Labels, Logits, Scores


@runtime_checkable
class Loss(Protocol):
    """Measure how far an output is from its target, image by image."""

    def __call__(self, output: Tensor, target: Tensor, progress: float) -> Scores: ...


@validated
class CrossEntropy:
    """Minus the logarithm of the probability of the right class."""

    def __call__(self, output: Logits, target: Labels, progress: float) -> Scores:
        return F.cross_entropy(output, target, reduction="none")


@validated
class L2:
    """(f - y)^2, the mean over an image's values; settles on the mean of the targets."""

    def __call__(self, output: Images, target: Images, progress: float) -> Scores:
        return (output - target).square().mean((1, 2, 3))


@validated
class L1:
    """|f - y|, the mean over an image's values; settles on the median of the targets."""

    def __call__(self, output: Images, target: Images, progress: float) -> Scores:
        return (output - target).abs().mean((1, 2, 3))


@validated
class AnnealedL0:
    """(|f - y| + epsilon)^gamma with gamma falling linearly from `first` to `last`.

    Near gamma 0 it settles on a root of the Hilbert transform of the targets' density (the study's equation 11): their mode
    where that is an atom or the peak is symmetric, else not; an exponential density of mean 1 has its mode at 0 and that root at 0.373.

    The study's has epsilon = 1e-8 and goes from 2 to 0. Near 0 its gradient, gamma (|d| + epsilon)^(gamma - 1), is ruled
    by residuals that are almost zero; a larger epsilon and a `last` above 0 hold it (docs/log.md has the comparison).

    >>> AnnealedL0(2, 0).gamma(0.25)
    1.5
    """

    first: Annotated[float, Span(0, 2, 0.05, label="First gamma")] = 2.0
    last: Annotated[float, Span(0, 2, 0.05, label="Last gamma")] = 0.0
    epsilon: Annotated[float, Span(1e-8, 0.1, 1e-8)] = 1e-8

    def gamma(self, progress: float) -> float:
        """Return the exponent at `progress`."""
        return self.first + progress * (self.last - self.first)

    def __call__(self, output: Images, target: Images, progress: float) -> Scores:
        return ((output - target).abs() + self.epsilon).pow(self.gamma(progress)).mean((1, 2, 3))


LOSSES = {"L2": L2, "L1": L1, "AnnealedL0": AnnealedL0}
