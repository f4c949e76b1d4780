"""How a denoiser's output hangs on its input: its Jacobian J at images x, J[i, j] = d f(x)_i / d x_j.

Convolutions, LeakyReLU and max-pool make f piecewise linear: on the piece where x lies J is exact, of the next it knows nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.types import Images, Model, generator

Vectors = Float[Tensor, "n d r"]  # r columns for each image


@dataclass(frozen=True, eq=False)
class Jacobian:
    """J at images: the network runs once, then products with J and J^T are to be had, image by image.

    J^T u is a backward pass. It is linear in u, so that its own backward pass is J v: both see the same side of every
    kink, and are each other's transpose to rounding (forward mode splits the gradient of a tie in max-pooling).
    """

    x: Images
    output: Images
    _u: Images
    _pulled: Images  # J^T u, with the way back to u

    @classmethod
    def at(cls, model: Model, x: Images) -> "Jacobian":
        """Run `model`, whose outputs have the shape of its inputs, at `x`, (N, C, H, W)."""
        x = x.detach().requires_grad_()
        output = model(x)
        u = torch.zeros_like(output).requires_grad_()
        (pulled,) = torch.autograd.grad(output, x, u, create_graph=True)
        return cls(x, output, u, pulled)

    def jvp(self, v: Images) -> Images:
        """Return J v, how the output moves for an input that moves by `v`."""
        return torch.autograd.grad(self._pulled, self._u, v, retain_graph=True)[0]

    def vjp(self, u: Images) -> Images:
        """Return J^T u, the direction in which the output moves most along `u`."""
        return torch.autograd.grad(self.output, self.x, u, retain_graph=True)[0]


@dataclass(frozen=True, eq=False)
class Singular:
    """The largest singular values of J, image by image, the largest first, with the input directions of length 1 they belong to."""

    s: Float[Tensor, "n k"]
    v: Float[Tensor, "n k c h w"]
    residual: Float[Tensor, "n k"]  # |J^T J v - s^2 v| / s^2


def vjp(model: Model, x: Images, v: Images) -> Images:
    """Return J^T v at `x`, (N, C, H, W): the direction in which the output moves most along `v`. DAG's first step is J^T n."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad((model(x) * v).sum(), x)[0]


def refined(jacobian: Jacobian, k: int, rounds: int, seed: int = 0) -> Iterator[Singular]:
    """Yield the `k` largest singular values and vectors as they are known after 1, 2, ... rounds of power iteration.

    A round is v <- J^T J v. None is forgotten: the best in the span of all (Lanczos 1950, each made orthogonal to those
    before) is exact after a third of the rounds that the last one alone would take (docs/log.md). After fewer than k
    rounds fewer than k are known. The start is drawn from `seed`, the same for all images.
    """
    x = jacobian.x.detach()
    n, *shape = x.shape
    rng, size = generator(seed), x[0].numel()

    def drawn() -> Vectors:
        return torch.randn((1, size, 1), generator=rng).to(x).expand(n, -1, -1)

    basis, images = x.new_empty(n, size, 0), x.new_empty(n, size, 0)
    q = _unit(drawn())
    for _ in range(min(rounds, size)):
        image = jacobian.vjp(jacobian.jvp(q.reshape(x.shape))).reshape(n, size, 1)
        basis, images = torch.cat([basis, q], 2), torch.cat([images, image], 2)
        values, mixed = torch.linalg.eigh(basis.mT @ images)  # smallest first
        squares, mixed = values[:, -k:].flip(1).clamp(min=0), mixed[:, :, -k:].flip(2)
        v = basis @ mixed
        off = torch.linalg.vector_norm(images @ mixed - squares[:, None] * v, dim=1)
        yield Singular(squares.sqrt(), v.mT.reshape(n, -1, *shape), off / squares.clamp(min=1e-30))
        rest = _orthogonal(image, basis)
        spent = _length(rest) <= 1e-5 * _length(image)  # nothing new: the span is closed, go on from elsewhere
        q = _unit(torch.where(spent, _orthogonal(drawn(), basis), rest))


def largest(jacobian: Jacobian, k: int = 1, rounds: int = 30, seed: int = 0) -> Singular:
    """Return the `k` largest singular values of J at each image, with their vectors, after `rounds` rounds (see `refined`)."""
    *_, found = refined(jacobian, k, rounds, seed)
    return found


def _length(v: Vectors) -> Float[Tensor, "n 1 r"]:
    length: Tensor = torch.linalg.vector_norm(v, dim=1, keepdim=True)
    return length


def _unit(v: Vectors) -> Vectors:
    return v / _length(v).clamp(min=1e-30)


def _orthogonal(v: Vectors, basis: Float[Tensor, "n d known"]) -> Vectors:
    """Take away what lies in the span of the basis; twice, for rounding leaves some of it the first time."""
    for _ in range(2):
        v = v - basis @ (basis.mT @ v)
    return v
