"""What the channels on the way down of a U-Net do for its answer: what each makes of a picture, and the answer without it.

A stage is one convolution of the way down, rectified and pooled, numbered from 0; the last encoder stage is LEVELS, the bottleneck LEVELS + 1.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from core.data.datasets import Dataset
from core.networks.unet import UNet
from core.types import Images, Scores

BATCH = 64

PerChannel = Float[Tensor, "stages channels"]

EXCITING = 512  # test pictures among which those are looked for that excite a channel


def maps(model: UNet, x: Images) -> list[Tensor]:
    """Return what every stage of the way down makes of images of SIDE x SIDE pixels: (N, channels, h, w) each."""
    return list(model.stages(x).values())[: model.LEVELS + 2]


@torch.no_grad()
def level(model: UNet, x: Images) -> tuple[PerChannel, PerChannel]:
    """Return mean and standard deviation of every channel of every stage, over images and places."""
    found = maps(model, x)
    return torch.stack([z.mean((0, 2, 3)) for z in found]), torch.stack([z.std((0, 2, 3)) for z in found])


def without(
    model: UNet, x: Images, stage: int, channel: Int64[Tensor, " n"], mean: Float[Tensor, " channels"]
) -> Images:
    """Denoise images of SIDE x SIDE pixels while of each one channel of a stage is held at its mean, everywhere."""

    def told(now: int, z: Tensor) -> Tensor:
        held = torch.arange(z.shape[1], device=z.device) == channel[:, None]  # (n, channels)
        return torch.where(held[..., None, None], mean.view(1, -1, 1, 1), z) if now == stage else z

    return x + model.followed(x, told)


def worth(
    model: UNet, z: Images, clean: Images, stage: int, channel: Int64[Tensor, " n"], mean: Float[Tensor, " channels"]
) -> Scores:
    """Return what a channel is worth to the answer at `z`, in dB: PSNR with it less PSNR while it is held at its mean, unclipped.

    It is the usefulness of the channel for the residual, the noise to be taken away: above 0 where it brings the answer nearer to the clean image.
    """
    answers = z + model.correction(z), without(model, z, stage, channel, mean)
    with_, silent = ((f - clean).square().sum((1, 2, 3)).clamp(min=1e-12) for f in answers)
    return 10 * (silent.log10() - with_.log10())


@torch.no_grad()
def moved(model: UNet, x: Images, z: Images, deviation: PerChannel) -> Float[Tensor, "n stages channels"]:
    """Measure how far every channel moves from `x` to `z`: root mean square over its places, in its own standard deviations."""
    pairs = zip(maps(model, x), maps(model, z), strict=True)
    return torch.stack([(b - a).square().mean((2, 3)).sqrt() for a, b in pairs], 1) / deviation.clamp(min=1e-12)


@torch.no_grad()
def exciting(model: UNet, dataset: Dataset, stage: int, channel: int, count: int) -> tuple[list[int], list[float]]:
    """Find the images of a set that a channel answers to most, anywhere in its map: their numbers and the answers, best first."""
    parts = [maps(model, dataset.images(slice(i, i + BATCH)))[stage][:, channel] for i in range(0, len(dataset), BATCH)]
    values, best = torch.cat(parts).flatten(1).amax(1).topk(min(count, len(dataset)))
    return best.tolist(), values.tolist()
