"""The strongest attacks within epsilon in L-infinity: each image by its worst, any point on the way counting.

PGD and FGSM say how a network fares against them; how robust it is, only the worst of several attacks can bound. These are
the parts of AutoAttack (Croce and Hein 2020), with restarts.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from math import ceil
from typing import Annotated, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from core.attacks.ascent import START, STEPS
from core.attacks.linf import EPSILON, Attack
from core.params import Span, at, validated
from core.types import Images, Labels, Levels, Logits, Model, Scores, generator

ROUND = 100  # questions of Square between two looks at it
RESTARTS = Span(1, 20, 1, label="Restarts")


def margin(logits: Logits, y: Labels) -> Scores:
    """The largest other logit less the label's: above 0 where the network is wrong."""
    own = logits.gather(1, y[:, None])[:, 0]
    return logits.scatter(1, y[:, None], -torch.inf).amax(1) - own


def dlr(logits: Logits, y: Labels) -> Scores:
    """Difference of logits ratio, (max_i!=y z_i - z_y) / (z_1 - z_3), the sorted logits below (Croce and Hein 2020).

    Unlike cross-entropy it does not fade where the network is sure.
    """
    first, _, third = logits.topk(3, dim=1).values.unbind(1)
    return margin(logits, y) / (first - third).clamp(min=1e-12)


LOSSES: dict[str, Callable[[Logits, Labels], Scores]] = {
    "cross-entropy": partial(F.cross_entropy, reduction="none"),
    "dlr": dlr,
}


class Nested(Attack):
    """An attack whose result at a strength starts from those at the weaker ones, for the larger ball holds the smaller.

    An image that has fallen stays so: the share that is read right never rises with the strength, and what has fallen costs
    nothing more. At one strength alone an attack may find less than among several.
    """

    @property
    @abstractmethod
    def rounds(self) -> int:
        """Say how many rounds `tries` has at most."""

    @abstractmethod
    def tries(self, model: Model, x: Images, y: Labels) -> Iterator[Images]:
        """Attack a batch at the strength of this value, yielding the best so far after every round; ends once all have fallen."""

    def within(self, model: Model, x: Images, y: Labels) -> Images:
        """Attack a batch at the strength of this value."""
        return deque(chain([x], self.tries(model, x, y)), maxlen=1).pop()

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        found, now = {}, x
        for epsilon in sorted(strengths):
            standing = _right(model, now, y)
            if epsilon > 0 and standing.any():
                now = _replaced(now, standing, at(self, epsilon).within(model, x[standing], y[standing]))
            found[epsilon] = now
        return torch.stack([found[epsilon] for epsilon in strengths])


@validated
class APGD(Nested):
    """Auto-PGD (Croce and Hein 2020): momentum 0.75, a step that is halved where it has stopped helping, from the best so far.

    Begins with steps of 2 epsilon; the checkpoints lie at 22 % of the steps and then ever closer. An image comes back as the
    first point that is misclassified, else as the one of the largest loss. All images share the random starts of `seed`.
    """

    TITLE: ClassVar = "APGD"
    epsilon: Annotated[float, EPSILON] = 0.1
    loss: Literal["cross-entropy", "dlr"] = "cross-entropy"
    steps: Annotated[int, STEPS] = 50
    restarts: Annotated[int, RESTARTS] = 5
    seed: Annotated[int, START] = 0

    @property
    def rounds(self) -> int:
        return self.restarts

    def tries(self, model: Model, x: Images, y: Labels) -> Iterator[Images]:
        rng, found = generator(self.seed), x
        for _ in range(self.restarts):
            standing = _right(model, found, y)
            if not standing.any():
                return
            start = (2 * torch.rand(x.shape[1:], generator=rng) - 1).to(x.device)
            found = _replaced(found, standing, self._climb(model, x[standing], y[standing], start))
            yield found

    def _climb(self, model: Model, x: Images, y: Labels, start: Tensor) -> Images:
        low, high = (x - self.epsilon).clamp(min=0), (x + self.epsilon).clamp(max=1)
        objective = LOSSES[self.loss]
        checkpoints = _checkpoints(self.steps)

        def ask(z: Images) -> tuple[Scores, Images, Bool[Tensor, " n"]]:
            z = z.detach().requires_grad_()
            logits = model(z)
            value = objective(logits, y)
            return value.detach(), torch.autograd.grad(value.sum(), z)[0], logits.detach().argmax(1) != y

        z = (x + self.epsilon * start).clamp(low, high)
        before = z
        value, g, wrong = ask(z)
        best, best_value, best_g = z, value, g
        found, fallen = z, wrong
        step = torch.full((len(x), 1, 1, 1), 2 * self.epsilon, device=x.device)
        halved = torch.ones(len(x), dtype=torch.bool, device=x.device)  # at the last checkpoint
        highest_then, rises, last = best_value, torch.zeros(len(x), device=x.device), 0
        for k in range(self.steps):
            ahead = (z + step * g.sign()).clamp(low, high)
            share = 0.75 if k else 1.0
            z, before = (z + share * (ahead - z) + (1 - share) * (z - before)).clamp(low, high), z
            previous = value
            value, g, wrong = ask(z)
            found, fallen = torch.where(_wide(wrong & ~fallen), z, found), fallen | wrong
            rises += value > previous
            better = value > best_value
            best, best_g = torch.where(_wide(better), z, best), torch.where(_wide(better), g, best_g)
            best_value = torch.where(better, value, best_value)
            if k + 1 in checkpoints:
                idle = (rises < 0.75 * (k + 1 - last)) | (~halved & (highest_then == best_value))
                step = torch.where(_wide(idle), step / 2, step)
                z, before = torch.where(_wide(idle), best, z), torch.where(_wide(idle), best, before)
                g, value = torch.where(_wide(idle), best_g, g), torch.where(idle, best_value, value)
                halved, highest_then, rises, last = idle, best_value, torch.zeros_like(rises), k + 1
        return torch.where(_wide(fallen), found, best)


@validated
class Square(Nested):
    """Square attack (Andriushchenko et al. 2020): random search by squares of plus or minus epsilon; asks for logits only.

    Begins with vertical stripes; the squares shrink as the queries are spent. It needs no gradient, so a defence that hides
    its gradient does not stop it. All images share the random numbers of `seed`.
    """

    TITLE: ClassVar = "Square"
    epsilon: Annotated[float, EPSILON] = 0.1
    queries: Annotated[int, Span(1, 20_000, 1, label="Questions")] = 1000
    share: Annotated[float, Span(0.01, 1, 0.01, label="First share of the image")] = 0.8
    seed: Annotated[int, START] = 0

    @property
    def rounds(self) -> int:
        return ceil(self.queries / ROUND)

    def tries(self, model: Model, x: Images, y: Labels) -> Iterator[Images]:
        rng = generator(self.seed)
        _, c, h, w = x.shape
        low, high = (x - self.epsilon).clamp(min=0), (x + self.epsilon).clamp(max=1)

        def signs(*shape: int) -> Tensor:
            return self.epsilon * (2 * torch.randint(2, shape, generator=rng) - 1).to(x)

        found = (x + signs(c, 1, w)).clamp(low, high)
        best = _margin(model, found, y)
        for query in range(1, self.queries):
            side = min(max(1, round((self._share(query) * h * w) ** 0.5)), h - 1)
            top, left = (int(torch.randint(size - side, (1,), generator=rng)) for size in (h, w))
            part = (..., slice(top, top + side), slice(left, left + side))
            sign = 2 * signs(c, 1, 1)
            open_ = best <= 0
            if not open_.any():
                break
            tried = found[open_]
            tried[part] = (tried[part] + sign).clamp(low[open_][part], high[open_][part])
            value = _margin(model, tried, y[open_])
            better = value > best[open_]
            found[open_] = torch.where(_wide(better), tried, found[open_])
            best[open_] = torch.where(better, value, best[open_])
            if query % ROUND == 0:
                yield found.clone()
        yield found

    def _share(self, query: int) -> float:
        """Return the share of the image that a square covers: halved at fixed shares of 10,000 queries, as published."""
        place = query / self.queries * 10_000
        return self.share * 0.5 ** sum(place > mark for mark in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000))


@validated
class WorstCase(Nested):
    """Each image by its worst: APGD on cross-entropy, then on the logits' margin (DLR), then Square, on what still stands."""

    TITLE: ClassVar = "worst case"
    epsilon: Annotated[float, EPSILON] = 0.1
    steps: Annotated[int, STEPS] = 50
    restarts: Annotated[int, RESTARTS] = 5
    queries: Annotated[int, Span(1, 20_000, 1, label="Questions of Square")] = 1000
    seed: Annotated[int, START] = 0

    @property
    def parts(self) -> tuple[Nested, ...]:
        """Return the attacks it is made of."""
        return (
            APGD(self.epsilon, "cross-entropy", self.steps, self.restarts, self.seed),
            APGD(self.epsilon, "dlr", self.steps, self.restarts, self.seed),
            Square(self.epsilon, self.queries, seed=self.seed),
        )

    @property
    def rounds(self) -> int:
        return sum(part.rounds for part in self.parts)

    def tries(self, model: Model, x: Images, y: Labels) -> Iterator[Images]:
        found = x
        for part in self.parts:
            before, standing = found, _right(model, found, y)
            if not standing.any():
                return
            for z in part.tries(model, x[standing], y[standing]):
                found = _replaced(before, standing, z)
                yield found


def _checkpoints(steps: int) -> set[int]:
    """Return the steps after which APGD looks back.

    >>> sorted(_checkpoints(50))
    [11, 21, 29, 35, 40, 44, 47, 50]
    """
    marks = [0.0, 0.22]
    while marks[-1] < 1:
        marks.append(marks[-1] + max(marks[-1] - marks[-2] - 0.03, 0.06))
    return {ceil(mark * steps) for mark in marks[1:] if mark < 1}


@torch.no_grad()
def _right(model: Model, x: Images, y: Labels) -> Bool[Tensor, " n"]:
    return model(x).argmax(1) == y


@torch.no_grad()
def _margin(model: Model, x: Images, y: Labels) -> Scores:
    return margin(model(x), y)


def _replaced(x: Images, where: Bool[Tensor, " n"], values: Float[Tensor, "m c h w"]) -> Images:
    copy = x.clone()
    copy[where] = values
    return copy


def _wide(flags: Tensor) -> Tensor:
    return flags.view(-1, 1, 1, 1)
