"""What is learned is decided by the pairs a network is fed: an image and its label, or two noisy images of one scene."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Generator, Tensor

from core import noise, params
from core.attacks import Attack, ObsAtk
from core.data.datasets import Dataset
from core.networks.digits import Classifier
from core.networks.unet import ConditionedUNet
from core.noise import Noise
from core.training import dead_leaves
from core.types import Images, Labels, Model, Scores

SILENT = 0.2  # the share of a batch of which a conditioned network is told nothing, besides the dead leaves

Scene = tuple[Images, *tuple[Labels, ...]]  # images before any noise and, where a network is told it, what each shows
Batch = tuple[
    Tensor, Tensor, Scores | float, *tuple[Labels, ...]
]  # what goes in, what should come out, what each weighs
Scenes = Callable[[Generator], Iterator[Scene]]  # the batches of one epoch
Pairs = Callable[[int, Generator], Iterator[Batch]]  # the batches of epoch 0, 1, ..., in an order drawn from the stream


def labelled(dataset: Dataset, batch: int) -> Pairs:
    """Feed (image, label), every image once an epoch, in random order."""

    def pairs(epoch: int, rng: Generator) -> Iterator[Batch]:
        for chosen in _order(dataset, rng).split(batch):
            yield dataset.images(chosen), dataset.labels[chosen], 1.0

    return pairs


def noise2clean(scenes: Scenes, corrupt: Noise, unclipped: float = 0.0) -> Pairs:
    """Feed (noisy image, the image itself); what goes in is of 8 bits, but for a share that is left as the noise made it."""

    def pairs(epoch: int, rng: Generator) -> Iterator[Batch]:
        for x, *told in scenes(rng):
            one = corrupt(x, rng)
            yield _camera(one, unclipped, rng), x, weights(one, x), *told

    return pairs


def noise2noise(scenes: Scenes, corrupt: Noise, unclipped: float = 0.0, levels: int = 1) -> Pairs:
    """Feed (noisy image, the same image under other noise of the same level, or of a level of its own where `levels` is 2).

    What goes in is of 8 bits, but for a share; the target is neither clipped nor rounded, for its noise must keep its mean
    (Lehtinen et al. 2018).
    """

    def pairs(epoch: int, rng: Generator) -> Iterator[Batch]:
        for x, *told in scenes(rng):
            one, other = noise.pair(corrupt, x, rng) if levels == 1 else (corrupt(x, rng), corrupt(x, rng))
            yield _camera(one, unclipped, rng), other, weights(one, other, 2), *told

    return pairs


def scenes(dataset: Dataset, batch: int, synthetic: float = 0.0, told: bool = False) -> Scenes:
    """Show every image once an epoch, in random order, half of them mirrored; in a share of each batch, a dead-leaves picture in its place.

    `told`: beside each what it shows. To say so draws nothing, so that with one seed the images and their noise are the same.
    """

    def shown(rng: Generator) -> Iterator[Scene]:
        for chosen in _order(dataset, rng).split(batch):
            x = dataset.images(chosen)
            flip = torch.rand((len(x), 1, 1, 1), generator=rng).to(x.device) < 0.5
            x = torch.where(flip, x.flip(3), x)
            if drawn := round(synthetic * len(x)):
                pool = dead_leaves.pool(x.shape[1], x.shape[2])
                x[-drawn:] = (pool[torch.randint(len(pool), (drawn,), generator=rng)] / 255).to(x.device)
            yield (x, _labels(dataset, chosen, drawn)) if told else (x,)

    return shown


def _labels(dataset: Dataset, chosen: Tensor, drawn: int) -> Labels:
    """Return what the images of a batch show; nothing is said of the last, dead leaves, of the first, nor of a sample."""
    labels = dataset.labels[chosen]
    told = torch.arange(len(labels), device=labels.device)
    silent = (told < round(SILENT * len(labels))) | (told >= len(labels) - drawn) | (not dataset.full)
    return labels.masked_fill(silent, ConditionedUNet.UNTOLD)


def _order(dataset: Dataset, rng: Generator) -> Tensor:
    return torch.randperm(len(dataset), generator=rng)


def _camera(noisy: Images, unclipped: float, rng: Generator) -> Images:
    left = torch.rand((len(noisy), 1, 1, 1), generator=rng).to(noisy.device) < unclipped
    return torch.where(left, noisy, noise.eight_bit(noisy))


def weights(one: Images, other: Images, noisy: int = 1) -> Scores:
    """Let images of little noise count more, for PSNR is a logarithm: 1 / (deviation of the noise + 3 grey levels).

    The deviation is seen in the distance of the two, of which one or both are `noisy`.
    """
    return 1 / (((one - other).square().mean((1, 2, 3)) / noisy).sqrt() + 3 / 255)


def adversarial(pairs: Pairs, attack: Attack, model: Classifier, ramp: int) -> Pairs:
    """Feed what `attack` makes of each batch against the model as it is at that moment (Madry et al. 2018).

    Its strength grows linearly from 0 over the first `ramp` epochs: at full strength from the start, a network as small
    as the study's learns nothing at all.
    """
    full = params.level(attack)

    def attacked(epoch: int, rng: Generator) -> Iterator[Batch]:
        now = params.at(attack, full * min(1.0, epoch / ramp if ramp else 1.0))
        for x, y, weights, *_ in pairs(epoch, rng):
            yield now(model, x, y), y, weights

    return attacked


def hybrid(pairs: Pairs, attack: ObsAtk, model: Model) -> Pairs:
    """Feed every other image as `attack` leaves it, against the model as it is at that moment (Yan et al. 2022).

    The attack leads the output away from what the model makes of the noisy image. The paper's leads it away from the clean
    image, which Noise2Noise does not know; were it led away from the target, what goes in would tell of the target's noise,
    and the two be independent no more. It begins elsewhere in every batch.
    """

    def attacked(epoch: int, rng: Generator) -> Iterator[Batch]:
        for x, y, weights, *told in pairs(epoch, rng):
            half, start = x[::2].clamp(0, 1), int(torch.randint(2**31 - 1, (1,), generator=rng))
            with torch.no_grad():
                output = model(half)
            x[::2] = replace(attack, seed=start)(model, half, output)
            yield x, y, weights, *told

    return attacked
