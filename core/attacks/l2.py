"""The smallest change, in L2, that leads a classifier astray, also one that votes under noise."""

from collections import deque
from collections.abc import Callable, Iterator
from math import cos, log, pi
from typing import Annotated, ClassVar

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from core.attacks.ascent import STEPS, slope
from core.attacks.denoisers import unit
from core.attacks.worst_case import margin
from core.measures import metrics
from core.params import Span, validated
from core.types import Images, Labels, Logits, Model, Scores

Flags = Bool[Tensor, " n"]


@validated
class DDN:
    """Decoupled direction and norm (Rony et al. 2019): the direction follows the gradient, the distance shrinks where an image is misread.

    z <- clip(x + rho d / |d|), d = z - x + s g / |g|, g the gradient of the logits' margin. rho begins at `start` and shrinks
    by the share `gamma` where z is misread, else it grows by as much; s falls from rho to a hundredth of it.
    """

    TITLE: ClassVar = "DDN"
    start: Annotated[float, Span(0.01, 10, 0.01, unit="L2 over all values", label="First distance")] = 1.0
    steps: Annotated[int, STEPS] = 80
    gamma: Annotated[float, Span(0.01, 0.5, 0.01, label="Share by which it grows or shrinks")] = 0.05

    def path(self, model: Model, x: Images, y: Labels) -> Iterator[tuple[Images, Flags]]:
        """Yield the images in [0, 1] after 0, 1, ... `steps` steps, and where they are not read as `y`."""
        z, rho = x, torch.full((len(x), 1, 1, 1), self.start, device=x.device)
        for step in range(self.steps + 1):
            value, g = slope(lambda q: margin(model(q), y), z)
            misread = value > 0
            yield z, misread
            share = 0.01 + 0.99 * (1 + cos(pi * step / self.steps)) / 2
            direction = unit(z - x + share * rho * unit(g))
            rho = rho * torch.where(misread, 1 - self.gamma, 1 + self.gamma).view(-1, 1, 1, 1)
            z = (x + rho * direction).clamp(0, 1)

    def closest(self, model: Model, x: Images, y: Labels) -> Images:
        """Return the nearest image on the path that is misread, and of an image where none is the last."""
        best, nearest = x, torch.full((len(x),), torch.inf, device=x.device)
        for z, misread in self.path(model, x, y):
            length = metrics.l2(z, x)
            nearer = misread & (length < nearest)
            best = torch.where((nearer | nearest.isinf()).view(-1, 1, 1, 1), z, best)
            nearest = torch.where(nearer, length, nearest)
        return best

    def last(self, model: Model, x: Images, y: Labels) -> Images:
        """Return the last images of the path: of a model that is asked under noise none on the way is surely misread."""
        return deque(self.path(model, x, y), maxlen=1).pop()[0]


def expected(model: Model, sigma: float, draws: int, rng: Generator) -> Model:
    """Return the logarithm of a classifier's mean probability under noise (SmoothAdv's objective, Salman et al. 2019).

    Every question draws so many noises anew, the same for all images: no path can get used to them.
    """

    def ask(x: Images) -> Logits:
        n = torch.randn((draws, *x.shape[1:]), generator=rng).to(x.device)
        noisy = (x[:, None] + sigma * n).flatten(0, 1)
        logs: Tensor = model(noisy).log_softmax(1).unflatten(0, (len(x), draws))
        return logs.logsumexp(1) - log(draws)

    return ask


def along(x: Images, z: Images, share: Scores) -> Images:
    """Go a share of the way from `x` to `z`, or beyond it, within [0, 1]."""
    return (x + share.view(-1, 1, 1, 1) * (z - x)).clamp(0, 1)


def shortened(x: Images, z: Images, misread: Callable[[Images], Flags], low: float, high: float, rounds: int) -> Scores:
    """Look by halving for the least share of the way, of those from low to high, where images are misread; (N,).

    Where they are misread nowhere it is `high`, which is not asked about.
    """
    least, most = (torch.full((len(x),), share, device=x.device) for share in (low, high))
    for _ in range(rounds):
        middle = (least + most) / 2
        down = misread(along(x, z, middle))
        least, most = torch.where(down, least, middle), torch.where(down, middle, most)
    return most
