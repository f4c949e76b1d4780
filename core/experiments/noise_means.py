"""Which noises are mean zero, before and after clipping (sections 3.2.2 and 3.2.3 of the study)?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from core import UserError
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments.results import Experiment, Result, Store, slug
from core.noise import Gaussian, Impulse, Noise, Poisson, RandomImpulse
from core.types import generator

NOISES: tuple[Noise, ...] = (Gaussian(50.0), Poisson(100.0), Impulse(0.2, 50.0), RandomImpulse(0.5))
IMAGES = 1000


@dataclass(frozen=True, kw_only=True)
class Mean(Result):
    """The mean of a noise over the first n test images, in grey levels, before and after clipping."""

    FOUND: ClassVar = ("before", "after")

    noise: str
    before: float
    after: float

    @property
    def line(self) -> str:
        """Say both."""
        return f"{self.noise} {self.before:+.2f} before and {self.after:+.2f} after clipping"


STORE = Store("noise-means", Mean)


def begin(noise: Noise, dataset: Dataset) -> Mean:
    """Return a mean of nothing."""
    return Mean(**STORE.provenance([], dataset, "float32"), noise=repr(noise), before=0.0, after=0.0)


def averaged(noise: Noise, begun: Mean, dataset: Dataset, n: int) -> Mean:
    """Draw a noise once for the first n images and average it."""
    x = dataset.images(slice(0, n))
    drawn = noise(x, generator(begun.seed))
    before, after = (255 * float((z - x).double().mean()) for z in (drawn, drawn.clamp(0, 1)))
    return replace(begun, n=len(x), before=before, after=after)


def measure(key: str, n: int) -> Iterator[Mean]:
    """Average a noise, by key, over n images, in one draw; raises UserError where there is no such noise."""
    noise = {slug(repr(noise)): noise for noise in NOISES}.get(key)
    if noise is None:
        raise UserError(f"There is no noise {key!r}: choose one of {', '.join(slug(repr(noise)) for noise in NOISES)}.")
    dataset = datasets.full("cifar10", "test")
    known = STORE.resume(key, begin(noise, dataset))
    yield known
    if known.n < min(n, len(dataset)):
        yield averaged(noise, begin(noise, dataset), dataset, n)


EXPERIMENT = Experiment(
    "which noises are mean zero", STORE, lambda: [slug(repr(noise)) for noise in NOISES], measure, lambda _: IMAGES
)  # fmt: skip
