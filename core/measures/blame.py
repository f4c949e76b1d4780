"""Which pixels of a change turned an answer (the study's Figure 11, measured): integrated gradients, Sundararajan et al. 2017."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from core.types import Images, Model, generator

STEPS = 128  # places on the way at which the gradient is taken
DRAWS = 100  # orders drawn, to compare with

Order = Int64[Tensor, " pixels"]


def blame(model: Model, x: Images, z: Images, answer: int, instead: int) -> Images:
    """Share out over the pixels what a change from `x` to `z`, (1, C, H, W), added to the logit of `instead` beyond that of `answer`.

    Each pixel gets its change times the gradient there, averaged over the straight way; all of them add up to what was added.
    """
    way = ((torch.arange(STEPS) + 0.5) / STEPS).view(-1, 1, 1, 1)
    along = (x + way * (z - x)).requires_grad_()
    logits = model(along)
    (gradient,) = torch.autograd.grad((logits[:, instead] - logits[:, answer]).sum(), along)
    return (z - x) * gradient.mean(0, keepdim=True)


def set_back(x: Images, z: Images, order: Order) -> Float[Tensor, "counts c h w"]:
    """Return `z`, then `z` with 1, 2, ... of its pixels as they are in `x`, in this order."""
    place = torch.full((x[0, 0].numel(),), len(order))
    place[order] = torch.arange(len(order))
    back = place.view(x.shape[-2:]) < torch.arange(len(order) + 1).view(-1, 1, 1, 1)
    return torch.where(back, x, z)


@torch.no_grad()
def needed(model: Model, x: Images, z: Images, order: Order, answer: int) -> int:
    """Count how many pixels must be set back, in this order, until a network gives its answer again."""
    return int((model(set_back(x, z, order)).argmax(1) == answer).long().argmax())


def worst_first(blamed: Images) -> Order:
    """Order the pixels that were changed, the most to blame first."""
    total = blamed.sum(1).flatten()
    order = total.argsort(descending=True)
    return order[total[order] != 0]


def by_chance(model: Model, x: Images, z: Images, answer: int, seed: int) -> float:
    """Count the same where the changed pixels are set back in an order drawn at random: the mean of DRAWS."""
    changed, rng = (x != z).any(1).flatten().nonzero().flatten(), generator(seed)
    draws = (changed[torch.randperm(len(changed), generator=rng)] for _ in range(DRAWS))
    return sum(needed(model, x, z, order, answer) for order in draws) / DRAWS
