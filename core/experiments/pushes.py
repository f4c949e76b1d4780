"""Pictures pushed along directions: what the Jacobian J foretells of a denoiser's output, and what then happens.

A picture x moves to x + t d, |d| = 1, unclipped: J foretells that the output moves by t |J d|. No direction can have a
larger |J d| than the first singular vector v1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core import noise
from core.attacks import DAG, L2PGD
from core.attacks.denoisers import unit
from core.measures import jacobian, metrics
from core.measures.jacobian import Jacobian, Singular
from core.measures.linearity import explained
from core.noise import Noise, NoisyBatch
from core.types import Images, Model, Scores

REACH = 3.0  # L2, how far a picture is pushed
LENGTHS = tuple(round(0.1 * step, 1) for step in range(31))
CLOSE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, REACH)
ATTACKERS = {"DAG": DAG(), "L2PGD": L2PGD(epsilon=REACH)}
V1, PULLED, WHITE, NOISE = "v1", "Jᵀn", "white noise", "n"
NAMES = (V1, *ATTACKERS, PULLED, WHITE)
FURTHER = ("v2", "v3")
ROUNDS = 30


def aimed(model: Model, at: Jacobian, batch: NoisyBatch, clean: Images) -> dict[str, Images]:
    """Return the directions v1 is compared with, at the pictures `batch.clean`: what both attacks add, J^T n, chance, and n.

    DAG goes towards `batch.noisy`, L2PGD away from `clean`; n is the noise of the batch as the network sees it.
    """
    x, n = batch.clean, batch.noisy - batch.clean
    ends = {"DAG": batch.noisy, "L2PGD": clean}
    added = {name: attack(model, x, ends[name]).detach() - x for name, attack in ATTACKERS.items()}
    return {name: unit(d) for name, d in {**added, PULLED: at.vjp(n), WHITE: batch.white, NOISE: n}.items()}


@torch.no_grad()
def pushed(model: Model, x: Images, d: Images, lengths: Sequence[float]) -> Float[Tensor, "lengths n c h w"]:
    """Return the outputs for pictures pushed along `d` by each of some lengths."""
    return torch.stack([model(x + t * d) for t in lengths])


def realised(model: Model, x: Images, d: Images, lengths: Sequence[float]) -> Float[Tensor, "n lengths"]:
    """Measure how far the outputs move, L2, when pictures are pushed along `d` by each of some lengths."""
    before, *after = pushed(model, x, d, (0.0, *lengths))
    return torch.stack([metrics.l2(z, before) for z in after], 1)


def worse_sign(model: Model, x: Images, d: Images) -> Images:
    """Return d or -d, image by image, whichever moves the output further at REACH: a singular vector has no sign."""
    forth, back = (realised(model, x, side, (REACH,)) for side in (d, -d))
    return torch.where((forth >= back).view(-1, 1, 1, 1), d, -d)


def cosine(a: Images, b: Images) -> Scores:
    """Return the cosine of the angle between two directions of length 1, image by image, without its sign."""
    return (a * b).sum((1, 2, 3)).abs()


@dataclass(frozen=True, eq=False)
class Pushed:
    """One picture, (1, C, H, W), pushed along directions of length 1, and how the output answers, both by name."""

    batch: NoisyBatch  # around the picture that is pushed, `batch.clean`
    clean: Images  # what it would be without noise
    singular: Singular
    directions: Mapping[str, Images]
    answers: Mapping[str, Images]  # J d
    output: Images
    outputs: Mapping[str, Float[Tensor, "lengths c h w"]]  # at every one of LENGTHS, for NAMES and NOISE
    close: Mapping[str, Float[Tensor, " close"]]  # |f(x + t d) - f(x)| at every t of CLOSE, for NAMES

    def gain(self, name: str) -> float:
        """Return |J d|, by which J amplifies a direction."""
        return float(self.answers[name].norm())

    def cosine(self, name: str) -> float:
        """Return the cosine of a direction with v1, without its sign."""
        return float(cosine(self.directions[name], self.directions[V1]))

    def moved(self, name: str) -> Scores:
        """Return how far the output moves, L2, at every one of LENGTHS."""
        return metrics.l2(self.outputs[name], self.output)

    def straight(self, name: str) -> float:
        """Return how much of what the output does over LENGTHS a straight line explains, at most 1."""
        return float(explained(torch.tensor(LENGTHS), self.outputs[name].flatten(1)[:, None]))

    def foretold(self, name: str) -> Scores:
        """Return how far J says that it moves."""
        return self.gain(name) * torch.tensor(LENGTHS)


def push(model: Model, clean: Images, there: Noise | None, corrupt: Noise, seed: int) -> Iterator[float | Pushed]:
    """Push one picture, (1, C, H, W), under the noise `there` (None: clean), yielding the share done and at last all of it.

    `corrupt` is the noise of n, which is another draw.
    """
    x = clean if there is None else noise.noisy_batch(clean, there, seed + 1).noisy
    batch = noise.noisy_batch(x, corrupt, seed)
    at, path = Jacobian.at(model, x), []
    for singular in jacobian.refined(at, 1 + len(FURTHER), ROUNDS):
        path.append(singular)
        yield 0.6 * len(path) / ROUNDS
    found = dict(zip((V1, *FURTHER), (worse_sign(model, x, v) for v in path[-1].v.unbind(1)), strict=True))
    directions = {**found, **aimed(model, at, batch, clean)}
    yield 0.8
    with torch.no_grad():
        steps = torch.tensor(LENGTHS).view(-1, 1, 1, 1)
        outputs = {n: torch.cat([model(z) for z in (x + steps * directions[n]).split(8)]) for n in (*NAMES, NOISE)}
    answers = {name: at.jvp(d) for name, d in directions.items()}
    close = {name: realised(model, x, directions[name], CLOSE)[0] for name in NAMES}
    yield Pushed(batch, clean, path[-1], directions, answers, at.output.detach(), outputs, close)
