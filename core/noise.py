"""Every noise of the study, one frozen value each.

A noise takes images in [0, 1] and a random stream, and returns images of the same shape, *not* clipped:
the mean of the noise is part of its law. The same stream gives the same noise, and where the law allows it
the same draw at every strength, so that sliding the strength makes one noise grow instead of flicker.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from core import params
from core.params import Span, at, validated
from core.types import Images, Levels, PerImage, generator

SIGMA = Span(0, 100, 1, unit="grey levels", label="Noise (sigma)")
LIGHT = Span(1, 1000, 1, unit="photons at white", label="Light (photons per pixel)", falling=True)


@runtime_checkable
class Noise(Protocol):
    """Draw a corrupted version of a batch of images from chance."""

    def __call__(self, x: Images, rng: Generator) -> Images: ...


@runtime_checkable
class Blind(Noise, Protocol):
    """A noise whose level differs from image to image: `draw` the levels, then corrupt `at_level`."""

    LEVEL: ClassVar[Span]  # what a level is

    def draw(self, n: int, rng: Generator) -> PerImage: ...

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images: ...


@validated
class Gaussian:
    """Additive white noise, y = x + sigma / 255 n with n ~ N(0, 1) per value; mean x, variance (sigma / 255)^2."""

    sigma: Annotated[float, SIGMA] = 25.0

    def __call__(self, x: Images, rng: Generator) -> Images:
        return _gaussian(x, self.sigma, rng)


@validated
class Poisson:
    """Shot noise, y = Poisson(x photons) / photons; mean x, variance x / photons: the brighter, the noisier."""

    photons: Annotated[float, LIGHT] = 100.0

    def __call__(self, x: Images, rng: Generator) -> Images:
        return torch.poisson(x * self.photons, generator=rng) / self.photons


@validated
class Impulse:
    """Masked Gaussian noise, y = x + m sigma / 255 n, m ~ Bernoulli(p) per value (the study's "random impulse").

    Mean x, variance p (sigma / 255)^2.
    """

    p: Annotated[float, Span(0, 1, 0.01, unit="share of values", label="Share hit (p)")] = 0.2
    sigma: Annotated[float, Span(0, 100, 1, unit="grey levels", label="Noise (sigma)")] = 50.0

    def __call__(self, x: Images, rng: Generator) -> Images:
        return _impulse(x, self.p, self.sigma, rng)


@validated
class RandomImpulse:
    """Replace a pixel, all channels at once, by a uniform random colour with probability p (Lehtinen et al. 2018).

    Mean (1 - p) x + p / 2: the one noise here that shifts the mean.
    """

    p: Annotated[float, Span(0, 0.95, 0.01, unit="share of pixels", label="Share replaced (p)")] = 0.5

    def __call__(self, x: Images, rng: Generator) -> Images:
        n, _, h, w = x.shape
        hit = _uniform((n, 1, h, w), rng) < self.p
        return torch.where(hit, _uniform(x.shape, rng), x)


@validated
class ReplaceGaussian:
    """Replace exactly int(fraction H W) pixels of each image by clip(N(mean, std), 0, 1) per value (study, 2.3.1)."""

    fraction: Annotated[float, Span(0, 1, 0.01, unit="share of pixels", label="Share replaced")] = 0.1
    mean: Annotated[float, Span(0, 1, 0.05, label="Mean")] = 0.5
    std: Annotated[float, Span(0, 1, 0.05, label="Spread (std)")] = 0.2

    def __call__(self, x: Images, rng: Generator) -> Images:
        hit = _exactly(self.fraction, x, rng)
        values = (self.mean + self.std * _normal(x.shape, rng)).clamp(0, 1)
        return torch.where(hit, values, x)


@validated
class SaltAndPepper:
    """Set exactly int(fraction H W) pixels of each image to 0 or 1, all channels alike, each with probability 1/2."""

    fraction: Annotated[float, Span(0, 1, 0.01, unit="share of pixels", label="Share replaced")] = 0.1

    def __call__(self, x: Images, rng: Generator) -> Images:
        n, _, h, w = x.shape
        hit = _exactly(self.fraction, x, rng)
        return torch.where(hit, (_uniform((n, 1, h, w), rng) < 0.5).to(x.dtype), x)


@validated
class BlindGaussian:
    """Gaussian noise whose level differs from image to image, sigma ~ U(0, sigma_max)."""

    LEVEL: ClassVar = SIGMA
    sigma_max: Annotated[float, Span(0, 100, 1, unit="grey levels", label="Largest sigma")] = 50.0

    def draw(self, n: int, rng: Generator) -> PerImage:
        return self.sigma_max * _uniform((n, 1, 1, 1), rng)

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images:
        return _gaussian(x, levels, rng)

    def __call__(self, x: Images, rng: Generator) -> Images:
        return self.at_level(x, self.draw(len(x), rng), rng)


@validated
class BlindPoisson:
    """Shot noise whose light differs from image to image: photons ~ NB(mean / d, 1 / mean) d / mean, at least 1.

    The negative binomial is spread out by the dispersion d: mean about `mean`, variance about d `mean`.
    """

    LEVEL: ClassVar = LIGHT
    mean: Annotated[float, Span(2, 1000, 1, unit="photons at white", label="Mean light")] = 100.0
    dispersion: Annotated[float, Span(1, 500, 1, label="Dispersion (d)")] = 75.0

    def draw(self, n: int, rng: Generator) -> PerImage:
        """Draw the light of `n` images, in photons at white."""
        stream = np.random.default_rng(int(torch.randint(2**62, (1,), generator=rng, device=rng.device)))
        counts = stream.negative_binomial(self.mean / self.dispersion, 1 / self.mean, size=(n, 1, 1, 1))
        return torch.from_numpy(counts * self.dispersion / self.mean).float().clamp(min=1).to(rng.device)

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images:
        return torch.poisson(x * levels, generator=rng) / levels

    def __call__(self, x: Images, rng: Generator) -> Images:
        return self.at_level(x, self.draw(len(x), rng), rng)


@validated
class BlindImpulse:
    """Masked Gaussian noise whose level differs from image to image, sigma ~ U(0, sigma_max); p stays."""

    p: Annotated[float, Span(0, 1, 0.01, unit="share of values", label="Share hit (p)")] = 0.2
    LEVEL: ClassVar = SIGMA
    sigma_max: Annotated[float, Span(0, 100, 1, unit="grey levels", label="Largest sigma")] = 50.0

    def draw(self, n: int, rng: Generator) -> PerImage:
        return self.sigma_max * _uniform((n, 1, 1, 1), rng)

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images:
        return _impulse(x, self.p, levels, rng)

    def __call__(self, x: Images, rng: Generator) -> Images:
        return self.at_level(x, self.draw(len(x), rng), rng)


NOISES = {
    "SaltAndPepper": SaltAndPepper,
    "ReplaceGaussian": ReplaceGaussian,
    "Gaussian": Gaussian,
    "Poisson": Poisson,
    "Impulse": Impulse,
    "RandomImpulse": RandomImpulse,
}
BLIND = {"BlindGaussian": BlindGaussian, "BlindPoisson": BlindPoisson, "BlindImpulse": BlindImpulse}


def parse(text: str) -> Noise:
    """Build the noise whose repr is `text`; raises UserError where there is none."""
    return params.parse(text, {**NOISES, **BLIND})


def levels(noise: Noise, x: Images, strengths: list[float], seed: int) -> Levels:
    """Corrupt `x` at every strength, each from the same stream, so that one noise is seen to grow."""
    return torch.stack([at(noise, level)(x, generator(seed)) for level in strengths])


def pair(noise: Noise, x: Images, rng: Generator) -> tuple[Images, Images]:
    """Draw two independent corruptions of each image, both at its one level where levels differ."""
    if isinstance(noise, Blind):
        levels = noise.draw(len(x), rng)
        return noise.at_level(x, levels, rng), noise.at_level(x, levels, rng)
    return noise(x, rng), noise(x, rng)


def eight_bit(x: Images) -> Images:
    """Clip to [0, 1] and round to 1/255, as a camera's file does."""
    return (x.clamp(0, 1) * 255).round() / 255


def _uniform(shape: Sequence[int], rng: Generator) -> Tensor:
    return torch.rand(tuple(shape), generator=rng, device=rng.device)


def _normal(shape: Sequence[int], rng: Generator) -> Tensor:
    return torch.randn(tuple(shape), generator=rng, device=rng.device)


def _gaussian(x: Images, sigma: float | Tensor, rng: Generator) -> Images:
    return x + sigma / 255 * _normal(x.shape, rng)


def _impulse(x: Images, p: float, sigma: float | Tensor, rng: Generator) -> Images:
    hit = _uniform(x.shape, rng) < p
    return torch.where(hit, _gaussian(x, sigma, rng), x)


def _exactly(fraction: float, x: Images, rng: Generator) -> Bool[Tensor, "n 1 h w"]:
    """Mark int(fraction H W) distinct pixels of each image; a larger fraction keeps those of a smaller one."""
    n, _, h, w = x.shape
    count = int(fraction * h * w)
    if not count:
        return torch.zeros((n, 1, h, w), dtype=torch.bool, device=rng.device)
    place = torch.arange(h * w, device=rng.device)
    drawn = torch.randint(2**62 // (h * w), (n, h * w), generator=rng, device=rng.device)
    keys = drawn * (h * w) + place  # all different
    last = torch.from_numpy(np.partition(keys.cpu().numpy(), count - 1, axis=1)[:, count - 1 : count]).to(keys.device)
    return (keys <= last).view(n, 1, h, w)
