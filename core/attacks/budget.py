"""Attacks on denoisers at one budget: every image is changed by exactly B (L2, after clipping), whatever the attack."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from core.attacks.denoisers import InBall
from core.measures import energy, metrics
from core.types import Images, Model, generator

MOMENTUM = 0.9  # of the climb from the best start


def at_length(z: Images, x: Images, budget: float) -> Images:
    """Bring every image to the distance `budget` from `x`, along what was changed; what is unchanged stays."""
    return energy.match_l2(x, z - x, torch.full((len(x),), budget, device=x.device))


def stopped(path: Iterable[Images], x: Images, budgets: Sequence[float]) -> list[Images]:
    """Follow a path away from `x`, and return the images as each first reaches each of the budgets, (N, C, H, W) a budget.

    They are brought to exactly there, as are those that the path leaves short. It is followed until all are far enough.
    """
    kept = [x] * len(budgets)
    for z in path:
        short = [metrics.l2(images, x) < budget for images, budget in zip(kept, budgets, strict=True)]
        if not any(bool(s.any()) for s in short):
            break
        kept = [torch.where(s.view(-1, 1, 1, 1), z, images) for s, images in zip(short, kept, strict=True)]
    return [at_length(images, x, budget) for images, budget in zip(kept, budgets, strict=True)]


def last(path: Iterable[Images]) -> Images:
    """Return where a path ends."""
    return deque(path, maxlen=1).pop()


def restarted(attack: InBall, model: Model, x: Images, y: Images, starts: int, first: int) -> Images:
    """Climb `first` steps from each of so many starts, in steps as long as the ball allows, and on as a heavy ball from the best of each image.

    Start k is drawn from seed k, at k / (starts - 1) of the radius, the first next to `x`; the result lies exactly on the sphere.
    """
    begun = replace(attack, step=1.0, steps=first)
    offsets = [torch.randn(x.shape[1:], generator=generator(k)).to(x.device) for k in range(starts)]
    radii = [attack.epsilon * max(0.01, k / max(1, starts - 1)) for k in range(starts)]
    found = [
        last(begun.climb(model, x + radius * offset / offset.norm(), x, y))
        for offset, radius in zip(offsets, radii, strict=True)
    ]
    with torch.no_grad():
        values = torch.stack([attack.SIGN * (model(z) - y).square().sum((1, 2, 3)) for z in found])
    best = torch.stack(found)[values.argmax(0), torch.arange(len(x), device=x.device)]
    return at_length(last(attack.climb(model, best, x, y, MOMENTUM)), x, attack.epsilon)
