"""Attacks on a classifier that change few pixels, but these as much as they like (Su, Vargas and Sakurai 2019)."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from core.attacks.linf import Attack
from core.networks.digits import AffineFirst
from core.params import Span, validated
from core.types import Images, Labels, Levels, Model, generator

CHUNK = 250  # images a network looks at at once: what fits a processor's cache
TOGETHER = 4000  # candidates that are bred at once
FEW = 5  # pixels; changing more, it is faster to run the whole network
BLACK_AND_WHITE = (0.0, 1.0)

Candidates = Float[Tensor, "n p k f"]  # k pixels each: row, column, a value for each channel; all from 0 to 1


@dataclass(frozen=True, eq=False)
class Generation:
    """The candidates after some generations, how probable each leaves the label, and what they have cost so far."""

    candidates: Candidates
    probability: Float[Tensor, "n p"]
    best: Images  # the image of the best candidate
    queries: Int64[Tensor, " n"]  # images the network has looked at


@validated
class OnePixel(Attack):
    """Few-pixel attack by differential evolution (Su et al. 2019): it only asks for probabilities.

    A candidate is `pixels` times (row, column, value...). Each generation proposes a + F (b - c) for every candidate, from
    three drawn ones, F = 0.5, without crossover; the better of parent and child stays. An image that is misclassified is left in
    peace; one that never is comes back as its best try. All images share the random numbers of `seed`, so the result does
    not depend on the batch. Costs up to `population` (`generations` + 1) queries an image.
    """

    TITLE: ClassVar = "one pixel"
    pixels: Annotated[int, Span(1, 40, 1, unit="pixels", label="Pixels changed")] = 1
    population: Annotated[int, Span(4, 1000, 1, unit="candidates", label="Population")] = 400
    generations: Annotated[int, Span(0, 200, 1, label="Generations")] = 100
    seed: Annotated[int, Span(0, 2**31 - 1, 1, label="Seed of the search")] = 0

    def __call__(self, model: Model, x: Images, y: Labels) -> Images:
        at_once = max(1, TOGETHER // self.population)
        parts = zip(x.split(at_once), y.split(at_once), strict=True)
        return torch.cat([deque(self.search(model, *part), maxlen=1).pop().best for part in parts])

    def levels(self, model: Model, x: Images, y: Labels, strengths: list[float]) -> Levels:
        return torch.stack([replace(self, pixels=int(count))(model, x, y) for count in strengths])

    @torch.no_grad()
    def search(self, model: Model, x: Images, y: Labels) -> Iterator[Generation]:
        """Yield the candidates after 0, 1, ... generations, until every image is misclassified or the budget is spent."""
        rng = generator(self.seed)
        shape = (self.population, self.pixels, 2 + x.shape[1])
        candidates = torch.rand(shape, generator=rng).to(x.device).expand(len(x), *shape).clone()
        ask = _asking(model, x, self.pixels)
        probability, misclassified = _judged(ask(x, candidates), y)
        queries = torch.full((len(x),), self.population, device=x.device)
        yield _generation(x, candidates, probability, misclassified, queries)
        for _ in range(self.generations):
            mates = torch.rand(3, self.population, generator=rng).mul(self.population).long().to(x.device)
            left = (~misclassified.any(1)).nonzero().flatten()
            if not len(left):
                return
            herd = (candidates[left], probability[left], misclassified[left])
            candidates[left], probability[left], misclassified[left] = _bred(ask, x[left], y[left], mates, *herd)
            queries[left] += self.population
            yield _generation(x, candidates, probability, misclassified, queries)


@torch.no_grad()
def exhaustive(
    model: Model, x: Images, y: Labels, values: tuple[float, ...] = BLACK_AND_WHITE
) -> tuple[Float[Tensor, "n v h w"], Int64[Tensor, "n v h w"]]:
    """Set every single pixel, all channels alike, to each of `values` in turn: the label's probability, and the answer.

    Both are (N, V, H, W), V the number of values, each from 0 to 1. V H W queries an image; with enough values, no one-pixel
    attack finds what this does not.
    """
    n, _, h, w = x.shape
    every = torch.arange(h * w, device=x.device)
    middles = torch.stack([every // w, every % w], 1).add(0.5) / torch.tensor([h, w], device=x.device)
    level = torch.tensor(values, device=x.device).repeat_interleave(h * w)[:, None].expand(-1, x.shape[1])
    candidates = torch.cat([middles.repeat(len(values), 1), level], 1)[None, :, None]  # (1, V H W, 1, 2 + C)
    ask = _asking(model, x, 1)
    logits = torch.cat([ask(x[[i]], candidates) for i in range(n)])  # (n, V H W, classes)
    probability = logits.softmax(2).gather(2, y[:, None, None].expand(*logits.shape[:2], 1))[..., 0]
    return probability.view(n, -1, h, w), logits.argmax(2).view(n, -1, h, w)


def painted(x: Images, candidates: Candidates) -> Float[Tensor, "n p c h w"]:
    """Set the pixels of each candidate in its image."""
    n, p = candidates.shape[:2]
    _, c, h, w = x.shape
    rows, columns = places(candidates, h, w)  # (n, p, k)
    place = (rows * w + columns)[:, :, None, :].expand(-1, -1, c, -1)
    images = x.flatten(2)[:, None].repeat(1, p, 1, 1)  # (n, p, c, HW)
    return images.scatter_(3, place, candidates[..., 2:].transpose(2, 3)).view(n, p, c, h, w)


def places(candidates: Float[Tensor, "... k f"], h: int, w: int) -> tuple[Tensor, Tensor]:
    """Turn the shares of height and width of candidates into rows and columns."""
    return (candidates[..., 0] * h).long().clamp(max=h - 1), (candidates[..., 1] * w).long().clamp(max=w - 1)


Ask = Callable[[Images, Candidates], Float[Tensor, "n p classes"]]


def _bred(
    ask: Ask, x: Images, y: Labels, mates: Tensor, parents: Candidates, probability: Tensor, misclassified: Tensor
) -> tuple[Candidates, Tensor, Tensor]:
    """Put a child, a + 0.5 (b - c) of the `mates` a, b and c, (3, p), in the place of every parent that is no better."""
    a, b, c = mates
    children = (parents[:, a] + 0.5 * (parents[:, b] - parents[:, c])).clamp(0, 1)
    child, flipped = _judged(ask(x, children), y)
    better = child < probability
    return (
        torch.where(better[..., None, None], children, parents),
        torch.where(better, child, probability),
        torch.where(better, flipped, misclassified),
    )


def _asking(model: Model, x: Images, pixels: int) -> Ask:
    """Return what gives the logits of every candidate for images of the shape of `x`, and on its device.

    Where the network's first layer is affine and the pixels are few, they are added to what it makes of the image, which
    spares most of the work: f(x + d) = f(x) + sum d_k (f(e_k) - f(0)).
    """
    device, (_, c, h, w) = x.device, x.shape
    if not isinstance(model, AffineFirst) or pixels > FEW:
        return lambda x, candidates: torch.cat(
            [model(z) for z in painted(x, candidates).flatten(0, 1).split(CHUNK)]
        ).view(*candidates.shape[:2], -1)
    nothing = model.first(torch.zeros(1, c, h, w, device=device))
    response = (model.first(torch.eye(c * h * w, device=device).view(-1, c, h, w)) - nothing).flatten(1)  # (CHW, F)

    def ask(x: Images, candidates: Candidates) -> Tensor:
        n, p, k, _ = candidates.shape
        row, column = places(candidates, h, w)
        channels = torch.arange(c, device=device)
        place = (row * w + column)[..., None] + h * w * channels  # (n, p, k, c): an index into an image
        change = candidates[..., 2:] - x.flatten(1).gather(1, place.flatten(1)).view(place.shape)
        later = torch.ones(k, k, dtype=torch.bool, device=device).triu(1)
        hidden = ((place[..., 0][..., None] == place[..., 0][:, :, None]) & later).any(3)  # a later pixel lies on it
        change = change.masked_fill(hidden[..., None], 0)
        table = torch.cat([response, model.first(x).flatten(1)])
        image = len(response) + torch.arange(n, device=device).repeat_interleave(p)[:, None]
        rows = torch.cat([image, place.view(n * p, -1)], 1)
        shares = torch.cat([torch.ones(n * p, 1, device=device), change.view(n * p, -1)], 1)
        sums = (
            F.embedding_bag(row, table, mode="sum", per_sample_weights=share).unflatten(1, nothing.shape[1:])
            for row, share in zip(rows.split(CHUNK), shares.split(CHUNK), strict=True)
        )
        return torch.cat([model.rest(z) for z in sums]).view(n, p, -1)

    return ask


def _judged(logits: Float[Tensor, "n p classes"], y: Labels) -> tuple[Tensor, Tensor]:
    """Say how probable each candidate leaves the label, and whether it is misclassified."""
    label = y[:, None, None].expand(*logits.shape[:2], 1)
    return logits.softmax(2).gather(2, label)[..., 0], logits.argmax(2) != y[:, None]


def _generation(
    x: Images, candidates: Candidates, probability: Tensor, misclassified: Tensor, queries: Tensor
) -> Generation:
    """Copy what a generation leaves; its best candidate is one that is misclassified, if there is one, else the least probable."""
    first = (probability - 2 * misclassified.float()).argmin(1)
    chosen = candidates[torch.arange(len(x), device=x.device), first][:, None]
    return Generation(candidates.clone(), probability.clone(), painted(x, chosen)[:, 0], queries.clone())
