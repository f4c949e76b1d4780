"""What is learned is decided by the pairs a network is fed: an image and its label, or two noisy images of one scene."""

from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

from core import noise, params
from core.attacks import Attack
from core.data.datasets import Dataset
from core.models import Classifier
from core.noise import Noise
from core.training import dead_leaves
from core.types import Images, Scores

Batch = tuple[Tensor, Tensor, Scores | float]  # what goes in, what should come out, what each image weighs
Scenes = Callable[[Generator], Iterator[Images]]  # the batches of one epoch, before any noise
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
        for x in scenes(rng):
            one = corrupt(x, rng)
            yield _camera(one, unclipped, rng), x, weights(one, x)

    return pairs


def noise2noise(scenes: Scenes, corrupt: Noise, unclipped: float = 0.0, levels: int = 1) -> Pairs:
    """Feed (noisy image, the same image under other noise of the same level, or of a level of its own where `levels` is 2).

    What goes in is of 8 bits, but for a share; the target is neither clipped nor rounded, for its noise must keep its mean
    (Lehtinen et al. 2018).
    """

    def pairs(epoch: int, rng: Generator) -> Iterator[Batch]:
        for x in scenes(rng):
            one, other = noise.pair(corrupt, x, rng) if levels == 1 else (corrupt(x, rng), corrupt(x, rng))
            yield _camera(one, unclipped, rng), other, weights(one, other, 2)

    return pairs


def scenes(dataset: Dataset, batch: int, synthetic: float = 0.0) -> Scenes:
    """Show every image once an epoch, in random order, half of them mirrored; in a share of each batch, a dead-leaves picture in its place."""

    def shown(rng: Generator) -> Iterator[Images]:
        for chosen in _order(dataset, rng).split(batch):
            x = dataset.images(chosen)
            flip = torch.rand((len(x), 1, 1, 1), generator=rng).to(x.device) < 0.5
            x = torch.where(flip, x.flip(3), x)
            if drawn := round(synthetic * len(x)):
                pool = dead_leaves.pool(x.shape[1], x.shape[2])
                x[-drawn:] = (pool[torch.randint(len(pool), (drawn,), generator=rng)] / 255).to(x.device)
            yield x

    return shown


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
        for x, y, weights in pairs(epoch, rng):
            yield now(model, x, y), y, weights

    return attacked
