"""One picture under attack, step by step, beside chance of equal energy: what a timeline shows."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core import noise
from core.attacks import DenoiserAttack
from core.measures import energy, metrics
from core.noise import Noise, NoisyBatch
from core.types import Images, Model, Scores

SIDE = 64  # pixels, the largest side of a picture that is attacked while somebody waits
SMALLEST = 8  # pixels, the least
Masks = Float[Tensor, "steps 1 h w"]
Steps = Float[Tensor, "steps c h w"]


@dataclass(frozen=True, eq=False)
class Timeline:
    """A picture after 0, 1, ... steps of an attack, (steps + 1, C, H, W), and what the denoiser makes of it."""

    batch: NoisyBatch
    start: Images  # (1, C, H, W): the clean picture, or the noisy one where that is what is attacked
    attacked: Steps
    denoised: Steps
    white: Steps  # white noise of the same L2 at each step
    white_denoised: Steps
    noisy_denoised: Images  # (1, C, H, W)
    active_mask: Masks | None  # 1 where the attack is not done yet

    @property
    def l2(self) -> Scores:
        """Measure how far the attack has gone."""
        return metrics.l2(self.attacked, self.start)


def shrunk(x: Images) -> Float[Tensor, "n c small_h small_w"]:
    """Return a picture no larger than SIDE pixels, scaled down where it must be."""
    share = SIDE / max(x.shape[-2:])
    return (
        x
        if share >= 1
        else F.interpolate(x, [max(SMALLEST, round(side * share)) for side in x.shape[-2:]], mode="area")
    )


def aimed(aim: Images, x: Float[Tensor, "m c small_h small_w"]) -> Float[Tensor, "n c small_h small_w"]:
    """Return the picture that an attack is to make `x` look like, in its size."""
    return F.interpolate(shrunk(aim), x.shape[-2:], mode="area")


def run(
    model: Model, attack: DenoiserAttack, x: Images, corrupt: Noise, seed: int, aim: Images
) -> Iterator[float | Timeline]:
    """Attack one picture, (1, C, H, W), yielding the share that is done and at last the timeline."""
    batch = noise.noisy_batch(x, corrupt, seed)
    start, y = attack.ends(batch, aim)
    steps = []
    for z in attack.path(model, start, y):
        steps.append(z)
        yield 0.9 * len(steps) / (attack.steps + 1)
    yield _timeline(model, attack, batch, start, y, torch.cat(steps))


def begin(model: Model, attack: DenoiserAttack, x: Images, corrupt: Noise, seed: int, aim: Images) -> Timeline:
    """Return the timeline before the first step, which takes hardly any time."""
    batch = noise.noisy_batch(x, corrupt, seed)
    start, y = attack.ends(batch, aim)
    return _timeline(model, attack, batch, start, y, next(attack.path(model, start, y)))


def _timeline(
    model: Model, attack: DenoiserAttack, batch: NoisyBatch, start: Images, y: Images, attacked: Steps
) -> Timeline:
    """Set what an attack has come to beside chance, and beside what the denoiser makes of both."""
    white = energy.match_l2(start.expand_as(attacked), batch.white.expand_as(attacked), metrics.l2(attacked, start))
    with torch.no_grad():
        images = torch.cat([attacked, white, batch.noisy])
        outputs = torch.cat([model(z) for z in images.split(8)]).split([len(attacked), len(white), 1])
    mask = attack.active_mask(outputs[0], y)
    denoised, white_denoised, noisy_denoised = (z.clamp(0, 1) for z in outputs)
    return Timeline(
        batch, start, attacked, denoised, white, white_denoised, noisy_denoised, None if mask is None else mask.float()
    )
