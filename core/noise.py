"""Every noise of the study, one frozen value each, and all that is known of it.

A noise takes images in [0, 1] and a random stream on the CPU, and returns images of the same shape, on the same device,
*not* clipped: the mean of the noise is part of its law. The same stream gives the same noise on every device, and where
the law allows it the same draw at every strength, so that sliding the strength makes one noise grow instead of flicker.

A new noise is one class and one line in NOISES, or in BLIND; a denoiser can be trained on those in TRAINABLE.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from core import params
from core.params import Span, at, validated
from core.types import Images, Levels, PerImage, generator

SIGMA = Span(0, 100, 1, unit="grey levels", label="Noise (sigma)")
LIGHT = Span(1, 1000, 1, unit="photons at white", label="Light (photons per pixel)", falling=True)


class Noise(ABC):
    """Draw a corrupted version of a batch of images from chance; the first field says how strong it is."""

    TITLE: ClassVar[str]  # what a list calls it

    @abstractmethod
    def __call__(self, x: Images, rng: Generator) -> Images:
        """Corrupt a batch; the result is not clipped, and lies where `x` does, while `rng` is a stream on the CPU."""

    def draw(self, n: int, rng: Generator) -> PerImage:
        """Say which level each of `n` images gets, (n, 1, 1, 1) on the CPU: here, without drawing, the one of all."""
        return torch.full((n, 1, 1, 1), params.level(self))

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images:
        """Corrupt images at the levels that were drawn for them."""
        return self(x, rng)

    @property
    def nominal(self) -> "Noise":
        """Return the noise of one level that single pictures are shown under."""
        return self

    @property
    def fixed(self) -> "tuple[Noise, ...]":
        """Return the noises of one level each, from weak to strong, under which a denoiser made for this one is measured."""
        return ()

    @property
    def sentence(self) -> str:
        """Say the noise in words: "Gaussian noise of sigma 0 to 50 grey levels"."""
        return repr(self)


class Blind(Noise):
    """A noise whose level differs from image to image: it is drawn, in the unit of LEVEL, then the image corrupted."""

    LEVEL: ClassVar[Span]
    SHARES: ClassVar = (0.1, 0.2, 0.5, 1.0)  # of the nominal level: where a denoiser is measured

    @abstractmethod
    def draw(self, n: int, rng: Generator) -> PerImage: ...

    @abstractmethod
    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images: ...

    @abstractmethod
    def alone(self, share: float) -> Noise:
        """Return the noise of one level, this share of the nominal one."""

    def __call__(self, x: Images, rng: Generator) -> Images:
        return self.at_level(x, self.draw(len(x), rng), rng)

    @property
    def nominal(self) -> Noise:
        return self.alone(1.0)

    @property
    def fixed(self) -> tuple[Noise, ...]:
        return tuple(self.alone(share) for share in self.SHARES)


@validated
class Gaussian(Noise):
    """Additive white noise, y = x + sigma / 255 n with n ~ N(0, 1) per value; mean x, variance (sigma / 255)^2."""

    TITLE: ClassVar = "Gaussian"
    sigma: Annotated[float, SIGMA] = 25.0

    def __call__(self, x: Images, rng: Generator) -> Images:
        return _gaussian(x, self.sigma, rng)


@validated
class Poisson(Noise):
    """Shot noise, y = Poisson(x photons) / photons; mean x, variance x / photons: the brighter, the noisier."""

    TITLE: ClassVar = "Poisson"
    photons: Annotated[float, LIGHT] = 100.0

    def __call__(self, x: Images, rng: Generator) -> Images:
        return _poisson(x, self.photons, rng)


@validated
class Impulse(Noise):
    """Masked Gaussian noise, y = x + m sigma / 255 n, m ~ Bernoulli(p) per value (the study's "random impulse").

    Mean x, variance p (sigma / 255)^2.
    """

    TITLE: ClassVar = "impulse"
    p: Annotated[float, Span(0, 1, 0.01, unit="share of values", label="Share hit (p)", share=True)] = 0.2
    sigma: Annotated[float, Span(0, 100, 1, unit="grey levels", label="Noise (sigma)")] = 50.0

    def __call__(self, x: Images, rng: Generator) -> Images:
        return _impulse(x, self.p, self.sigma, rng)

    def draw(self, n: int, rng: Generator) -> PerImage:
        return torch.full((n, 1, 1, 1), float(self.sigma))


@validated
class RandomImpulse(Noise):
    """Replace a pixel, all channels at once, by a uniform random colour with probability p (Lehtinen et al. 2018).

    Mean (1 - p) x + p / 2: the one noise here that shifts the mean.
    """

    TITLE: ClassVar = "random impulse"
    p: Annotated[float, Span(0, 0.95, 0.01, unit="share of pixels", label="Share replaced (p)", share=True)] = 0.5

    def __call__(self, x: Images, rng: Generator) -> Images:
        hit = _uniform((len(x), 1, *x.shape[2:]), rng, x.device) < self.p
        return torch.where(hit, _uniform(x.shape, rng, x.device), x)

    @property
    def fixed(self) -> tuple[Noise, ...]:
        return tuple(RandomImpulse(p) for p in (0.1, 0.3, 0.7, 0.9))


@validated
class ReplaceGaussian(Noise):
    """Replace exactly int(fraction H W) pixels of each image by clip(N(mean, std), 0, 1) per value (study, 2.3.1)."""

    TITLE: ClassVar = "replace by Gaussian"
    fraction: Annotated[float, Span(0, 1, 0.01, unit="share of pixels", label="Share replaced", share=True)] = 0.1
    mean: Annotated[float, Span(0, 1, 0.05, label="Mean")] = 0.5
    std: Annotated[float, Span(0, 1, 0.05, label="Spread (std)")] = 0.2

    def __call__(self, x: Images, rng: Generator) -> Images:
        hit = _exactly(self.fraction, x, rng)
        values = (self.mean + self.std * _normal(x, rng)).clamp(0, 1)
        return torch.where(hit, values, x)


@validated
class SaltAndPepper(Noise):
    """Make exactly int(fraction H W) pixels of each image pepper or salt, all channels alike, each with probability 1/2."""

    TITLE: ClassVar = "salt and pepper"
    fraction: Annotated[float, Span(0, 1, 0.01, unit="share of pixels", label="Share replaced", share=True)] = 0.1
    pepper: Annotated[float, Span(0, 1, 0.05, label="Pepper, dark")] = 0.05  # the study's code has these two
    salt: Annotated[float, Span(0, 1, 0.05, label="Salt, bright")] = 0.95

    def __call__(self, x: Images, rng: Generator) -> Images:
        hit, salted = _exactly(self.fraction, x, rng), _uniform((len(x), 1, *x.shape[2:]), rng, x.device) < 0.5
        return torch.where(hit, torch.where(salted, self.salt, self.pepper).to(x.dtype), x)


@validated
class BlindGaussian(Blind):
    """Gaussian noise whose level differs from image to image, sigma ~ U(0, sigma_max)."""

    TITLE: ClassVar = "blind Gaussian"
    LEVEL: ClassVar = SIGMA
    sigma_max: Annotated[float, Span(0, 100, 1, unit="grey levels", label="Largest sigma")] = 50.0

    def draw(self, n: int, rng: Generator) -> PerImage:
        """Draw a sigma for each of `n` images, in grey levels, (n, 1, 1, 1)."""
        return self.sigma_max * _uniform((n, 1, 1, 1), rng)

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images:
        return _gaussian(x, levels.to(x.device), rng)

    def alone(self, share: float) -> Noise:
        return Gaussian(self.sigma_max * share)

    @property
    def sentence(self) -> str:
        return f"Gaussian noise of sigma 0 to {self.sigma_max:g} grey levels"


@validated
class BlindPoisson(Blind):
    """Shot noise whose light differs from image to image: photons ~ NB(mean / d, 1 / mean) d / mean, at least 1.

    The negative binomial is spread out by the dispersion d: mean about `mean`, variance about d `mean`.
    """

    TITLE: ClassVar = "blind Poisson"
    LEVEL: ClassVar = LIGHT
    SHARES: ClassVar = (2.0, 1.0, 0.5, 0.1)
    mean: Annotated[float, Span(2, 1000, 1, unit="photons at white", label="Mean light")] = 100.0
    dispersion: Annotated[float, Span(1, 500, 1, label="Dispersion (d)")] = 75.0

    def draw(self, n: int, rng: Generator) -> PerImage:
        """Draw the light of each of `n` images, in photons at white, (n, 1, 1, 1), at least 1."""
        stream = np.random.default_rng(int(torch.randint(2**62, (1,), generator=rng)))
        counts = stream.negative_binomial(self.mean / self.dispersion, 1 / self.mean, size=(n, 1, 1, 1))
        return torch.from_numpy(counts * self.dispersion / self.mean).float().clamp(min=1)

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images:
        return _poisson(x, levels.to(x.device), rng)

    def alone(self, share: float) -> Noise:
        return Poisson(min(max(self.mean * share, LIGHT.low), LIGHT.high))

    @property
    def sentence(self) -> str:
        return f"shot noise at about {self.mean:g} photons per pixel"


@validated
class BlindImpulse(Blind):
    """Masked Gaussian noise whose level differs from image to image, sigma ~ U(0, sigma_max); p stays."""

    TITLE: ClassVar = "blind impulse"
    LEVEL: ClassVar = SIGMA
    p: Annotated[float, Span(0, 1, 0.01, unit="share of values", label="Share hit (p)", share=True)] = 0.2
    sigma_max: Annotated[float, Span(0, 100, 1, unit="grey levels", label="Largest sigma")] = 50.0

    def draw(self, n: int, rng: Generator) -> PerImage:
        """Draw a sigma for each of `n` images, in grey levels, (n, 1, 1, 1)."""
        return self.sigma_max * _uniform((n, 1, 1, 1), rng)

    def at_level(self, x: Images, levels: PerImage, rng: Generator) -> Images:
        return _impulse(x, self.p, levels.to(x.device), rng)

    def alone(self, share: float) -> Noise:
        return Impulse(self.p, self.sigma_max * share)

    @property
    def sentence(self) -> str:
        return f"impulse noise that hits {100 * self.p:g} % of the values, of sigma 0 to {self.sigma_max:g} grey levels"


NOISES: dict[str, type[Noise]] = {
    kind.__name__: kind for kind in (SaltAndPepper, ReplaceGaussian, Gaussian, Poisson, Impulse, RandomImpulse)
}
BLIND: dict[str, type[Blind]] = {kind.__name__: kind for kind in (BlindGaussian, BlindPoisson, BlindImpulse)}
TRAINABLE: dict[str, type[Noise]] = {**BLIND, "RandomImpulse": RandomImpulse}  # what a denoiser can be trained on


@dataclass(frozen=True, eq=False)
class NoisyBatch:
    """A batch of images under noise, and what is needed to judge an attack by chance: all (N, C, H, W)."""

    clean: Images
    noise: Images  # as drawn, not clipped
    noisy: Images  # of 8 bits
    white: Images  # white noise of standard deviation 1, the direction of the referee's


def noisy_batch(x: Images, noise: Noise, seed: int) -> NoisyBatch:
    """Draw the noise of a batch, and the white noise it is judged by, from one stream."""
    rng = generator(seed)
    drawn = noise(x, rng)
    return NoisyBatch(x, drawn - x, eight_bit(drawn), _normal(x, rng))


@lru_cache(maxsize=1000)
def parse(text: str) -> Noise:
    """Build the noise whose repr is `text`; raises UserError where there is none."""
    return params.parse(text, {**NOISES, **BLIND, **TRAINABLE})


def levels(noise: Noise, x: Images, strengths: list[float], seed: int) -> Levels:
    """Corrupt `x` at every strength, each from the same stream, so that one noise is seen to grow; not clipped."""
    return torch.stack([at(noise, level)(x, generator(seed)) for level in strengths])


def pair(noise: Noise, x: Images, rng: Generator) -> tuple[Images, Images]:
    """Draw two independent corruptions of each image, both at its one level where levels differ; not clipped."""
    drawn = noise.draw(len(x), rng)
    return noise.at_level(x, drawn, rng), noise.at_level(x, drawn, rng)


def eight_bit(x: Images) -> Images:
    """Clip to [0, 1] and round to 1/255, as a camera's file does."""
    return (x.clamp(0, 1) * 255).round() / 255


def _uniform(shape: tuple[int, ...], rng: Generator, device: torch.device | str = "cpu") -> Tensor:
    return torch.rand(shape, generator=rng).to(device)


def _normal(x: Images, rng: Generator) -> Images:
    return torch.randn(x.shape, generator=rng).to(x.device)


def _gaussian(x: Images, sigma: float | Tensor, rng: Generator) -> Images:
    return x + sigma / 255 * _normal(x, rng)


def _poisson(x: Images, photons: float | Tensor, rng: Generator) -> Images:
    """Count photons on the CPU, where the stream is."""
    return torch.poisson((x * photons).cpu(), generator=rng).to(x.device) / photons


def _impulse(x: Images, p: float, sigma: float | Tensor, rng: Generator) -> Images:
    return torch.where(_uniform(x.shape, rng, x.device) < p, _gaussian(x, sigma, rng), x)


def _exactly(fraction: float, x: Images, rng: Generator) -> Bool[Tensor, "n 1 h w"]:
    """Mark int(fraction H W) distinct pixels of each image; a larger fraction keeps those of a smaller one."""
    n, _, h, w = x.shape
    count = int(fraction * h * w)
    if not count:
        return torch.zeros((n, 1, h, w), dtype=torch.bool, device=x.device)
    drawn = torch.randint(2**62 // (h * w), (n, h * w), generator=rng)
    keys = drawn * (h * w) + torch.arange(h * w)  # all different
    last = torch.from_numpy(np.partition(keys.numpy(), count - 1, axis=1)[:, count - 1 : count])
    return (keys <= last).view(n, 1, h, w).to(x.device)
