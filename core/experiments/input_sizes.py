"""Does w . eta grow with the number of pixels? A linear model of the same digits at several sizes (the study, section 2.2.1).

A logistic regression that tells 3 from 7, as in Goodfellow et al. 2014: FGSM moves its logit by epsilon sum |w| = epsilon m n.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core import UserError
from core.attacks.linf import signs
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments.results import Experiment, Result, Store
from core.types import Images, Scores

SIDES = (4, 7, 14, 28, 56)  # pixels
PAIR = (3, 7)
EPSILON = 0.1
HITS = ("clean", "chance", "attack")

Weights = Float[Tensor, "1 c h w"]


@dataclass(frozen=True, kw_only=True)
class Sized(Result):
    """What a linear model of digits of `side` x `side` pixels is like, and how often it is right.

    `m` is the mean size of its weights; `spread` the standard deviation of its logit over the test images; `hits` count
    its right answers, as HITS. It has no hash: who measures it trains it.
    """

    FOUND: ClassVar = ("m", "spread", "hits")

    side: int
    m: float
    spread: float
    hits: tuple[int, ...]

    @property
    def moved(self) -> float:
        """Return how far the attack moves the logit, epsilon m n."""
        return EPSILON * self.m * self.side**2

    @property
    def line(self) -> str:
        """Say how far the attack moves the logit."""
        return f"{self.side} x {self.side}: epsilon m n = {self.moved:.2f}, {self.moved / max(self.spread, 1e-30):.2f} of the logit's spread"


STORE = Store("input-sizes", Sized)


def resized(x: Images, side: int) -> Float[Tensor, "n c side side"]:
    """Bring images to a side: smaller by areas, larger bilinearly."""
    smaller = side < x.shape[-1]
    return F.interpolate(x, (side, side), mode="area" if smaller else "bilinear", align_corners=None if smaller else False)  # fmt: skip


def pair(dataset: Dataset, side: int) -> tuple[Images, Scores]:
    """Return the images of both digits, and 1 for the first of PAIR and -1 for the other."""
    chosen = ((dataset.labels == PAIR[0]) | (dataset.labels == PAIR[1])).nonzero().flatten()
    return resized(dataset.images(chosen), side), 2.0 * (dataset.labels[chosen] == PAIR[0]) - 1


def fitted(x: Images, y: Scores) -> tuple[Weights, float]:
    """Return the weights, (1, C, H, W), and the bias of a logistic regression, as scikit-learn fits it with its own defaults."""
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(max_iter=1000).fit(x.flatten(1).numpy(), y.numpy())
    return torch.from_numpy(found.coef_).float().view(1, *x.shape[1:]), float(found.intercept_[0])


def tested(begun: Sized, w: Weights, bias: float, x: Images, y: Scores) -> Sized:
    """Measure a linear model on test images: clean, under random signs, and under its own."""
    drawn = signs(x, begun.seed)
    away = -y.view(-1, 1, 1, 1) * w.sign()

    def logit(z: Images) -> Tensor:
        return (z * w).sum((1, 2, 3)) + bias

    hits = tuple(int((y * logit(z) > 0).sum()) for z in (x, x + EPSILON * drawn, x + EPSILON * away))
    return replace(begun, n=len(x), m=float(w.abs().mean()), spread=float(logit(x).std()), hits=hits)


def begin(side: int, dataset: Dataset) -> Sized:
    """Return a result on no image yet."""
    return Sized(**STORE.provenance([], dataset, "float32"), side=side, m=0.0, spread=0.0, hits=(0,) * len(HITS))


def measure(key: str, n: int) -> Iterator[Sized]:
    """Train and measure the linear model of a key, on all test images of both digits; raises UserError where there is no such key."""
    sides = {f"{side}-pixels": side for side in SIDES}
    if key not in sides:
        raise UserError(f"There is no size {key!r}: choose one of {', '.join(sides)}.")
    train, test = (datasets.full("mnist", split) for split in ("train", "test"))
    known = STORE.resume(key, begun := begin(sides[key], test))
    yield known
    if not known.n:
        yield tested(begun, *fitted(*pair(train, begun.side)), *pair(test, begun.side))


def section() -> Iterator[str]:
    """Write its part of docs/why.md."""
    found = sorted(STORE.current().values(), key=lambda known: known.side)
    yield "## Does w · η grow with the number of inputs?"
    yield ""
    if not found:
        yield "Not measured yet: `python -m core measure input-sizes`."
        return
    yield f"Logistic regressions (scikit-learn's defaults) that tell {PAIR[0]} from {PAIR[1]}, on the same digits at other sizes; n inputs, weights of mean size m. FGSM at epsilon {EPSILON:g} moves the logit by epsilon m n; spread: the standard deviation of the"
    yield f"logit over {found[0].n:,} test images. Right answers in percent: clean, under random signs of the same size, under the attack; not clipped."
    yield ""
    yield "| pixels | n | m | epsilon m n | spread | epsilon m n / spread | clean | chance | attack |"
    yield "|---" * 9 + "|"
    for one in found:
        shares = " | ".join(f"{100 * hits / one.n:.1f}" for hits in one.hits)
        yield f"| {one.side} x {one.side} | {one.side**2:,} | {one.m:.4f} | {one.moved:.2f} | {one.spread:.2f} | {one.moved / one.spread:.2f} | {shares} |"


EXPERIMENT = Experiment(
    "how far an attack moves a linear model at several sizes of its input", STORE, lambda: [f"{s}-pixels" for s in SIDES],
    measure, lambda _: 1, document="why", table=section,
)  # fmt: skip
