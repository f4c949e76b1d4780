"""One digit, asked under noise of several strengths: what the votes guarantee, and the attack that tries to break it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.experiments import certificate
from core.measures import smoothing
from core.measures.smoothing import Certificate
from core.types import Images, Labels, Model, Scores, generator

LEVELS = tuple(round(0.1 * step, 1) for step in range(1, 11))  # sigma, of the grey range


@dataclass(frozen=True, eq=False)
class Vote:
    """A digit, (1, 1, H, W), one draw of noise at every one of LEVELS, what the denoiser makes of it, and each of BASES' certificates."""

    clean: Images
    noisy: Float[Tensor, "levels c h w"]  # not clipped
    denoised: Float[Tensor, "levels c h w"]
    certificates: Mapping[str, tuple[Certificate, ...]]

    def radius(self, base: str) -> Scores:
        """Return what is guaranteed at every one of LEVELS; 0 where it abstains."""
        return torch.cat([found.radius for found in self.certificates[base]]).float()

    def share(self, base: str) -> Scores:
        """Return the share of votes for the answer, at every one of LEVELS."""
        return torch.cat([found.hits / found.votes.sum() for found in self.certificates[base]])

    def answer(self, base: str) -> Labels:
        """Return the answer at every one of LEVELS, also where it abstains from it."""
        return torch.cat([found.answer for found in self.certificates[base]])


def vote(answering: Mapping[str, Model], denoiser: Model, x: Images, votes: int, seed: int) -> Iterator[float | Vote]:
    """Ask about one digit under noise, yielding the share done and at last the votes."""
    rng, certificates = generator(seed), dict[str, tuple[Certificate, ...]]()
    n = torch.randn(x.shape, generator=rng)
    for base, model in answering.items():
        for sigma in LEVELS:
            found = smoothing.certify(model, x, sigma, votes, rng)
            certificates[base] = (*certificates.get(base, ()), found)
            yield (len(certificates) - 1 + len(certificates[base]) / len(LEVELS)) / len(answering)
    noisy = x + torch.tensor(LEVELS).view(-1, 1, 1, 1) * n
    with torch.no_grad():
        yield Vote(x, noisy, denoiser(noisy.clamp(0, 1)).clamp(0, 1), certificates)


@dataclass(frozen=True, eq=False)
class Changed:
    """The nearest change found that alters an answer: the picture, (1, 1, H, W), its L2 (infinite: none was found), answers before and after."""

    image: Images
    length: float
    before: int
    after: int


def attack(
    answering: Mapping[str, Model], x: Images, base: str, given: Certificate, seed: int
) -> Iterator[float | dict[str, Changed]]:
    """Attack one digit: without noise each of BASES, by name, and the vote of `base`, as "vote"; yields the share done, then all."""
    found, rng = {}, generator(seed + 1)
    for name, model in answering.items():
        with torch.no_grad():
            y = model(x).argmax(1)
        z, length = certificate.unguarded(model, x, y)
        with torch.no_grad():
            found[name] = Changed(z, float(length), int(y), int(model(z).argmax()))
        yield len(found) / 3 / len(answering)
    model, y = answering[base], given.answer
    z, length = certificate.broken(model, x, y, given.sigma, rng)
    after = smoothing.votes(model, z, given.sigma, certificate.VERDICT, rng)
    other = after if length.isinf() else after.scatter(1, y[:, None], -1)
    found["vote"] = Changed(z, float(length), int(y), int(other.argmax()))
    yield found
