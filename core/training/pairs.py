"""What is learned is decided by the pairs a network is fed: an image and its label, or two noisy images of one scene."""

from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

from core import noise, params
from core.attacks import Attack
from core.data.datasets import Dataset
from core.models import Classifier
from core.noise import Noise
from core.types import Images, Scores

Batch = tuple[Tensor, Tensor, Scores | float]  # what goes in, what should come out, what each image weighs
Pairs = Callable[[int, Generator], Iterator[Batch]]  # the batches of epoch 0, 1, ..., in an order drawn from the stream


def labelled(dataset: Dataset, batch: int) -> Pairs:
    """Feed (image, label), every image once an epoch, in random order."""

    def pairs(epoch: int, rng: Generator) -> Iterator[Batch]:
        for chosen in _order(dataset, rng).split(batch):
            yield dataset.images(chosen), dataset.labels[chosen], 1.0

    return pairs


def noise2clean(dataset: Dataset, corrupt: Noise, batch: int) -> Pairs:
    """Feed (noisy image, the image itself), half of them mirrored; what goes in is of 8 bits."""

    def pairs(epoch: int, rng: Generator) -> Iterator[Batch]:
        for x in _mirrored(dataset, batch, rng):
            one = corrupt(x, rng)
            yield noise.eight_bit(one), x, _weights(one, x)

    return pairs


def noise2noise(dataset: Dataset, corrupt: Noise, batch: int) -> Pairs:
    """Feed (noisy image, the same image under other noise of the same level), half of them mirrored.

    What goes in is of 8 bits; the target is neither clipped nor rounded, for its noise must keep its mean (Lehtinen et
    al. 2018).
    """

    def pairs(epoch: int, rng: Generator) -> Iterator[Batch]:
        for x in _mirrored(dataset, batch, rng):
            one, other = noise.pair(corrupt, x, rng)
            yield noise.eight_bit(one), other, _weights(one, other, 2)

    return pairs


def _order(dataset: Dataset, rng: Generator) -> Tensor:
    return torch.randperm(len(dataset), generator=rng)


def _mirrored(dataset: Dataset, batch: int, rng: Generator) -> Iterator[Tensor]:
    for chosen in _order(dataset, rng).split(batch):
        x = dataset.images(chosen)
        flip = torch.rand((len(x), 1, 1, 1), generator=rng).to(x.device) < 0.5
        yield torch.where(flip, x.flip(3), x)


def _weights(one: Images, other: Images, noisy: int = 1) -> Scores:
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
