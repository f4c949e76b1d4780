"""What a filter has learned to look for: the images, and the places in them, that it answers to most."""

from dataclasses import dataclass

import torch

from core.data.datasets import Dataset
from core.networks.digits import DigitCNN

BATCH = 500


@dataclass(frozen=True)
class Peak:
    """The strongest answer of a unit in one image: where in its map, and how strong."""

    image: int
    row: int
    column: int
    value: float


def peaks(model: DigitCNN, dataset: Dataset, layer: str, count: int) -> list[list[Peak]]:
    """Find the images that excite each unit of `layer` most: filters ("conv1", "conv2") before pooling, or the units of "hidden".

    A list per unit, `count` long, best first. A hidden unit sees the whole image: its place is (0, 0).
    """
    with torch.no_grad():
        found = [model.stages(dataset.images(slice(i, i + BATCH)))[layer] for i in range(0, len(dataset), BATCH)]
    maps = torch.cat(found).view(len(dataset), found[0].shape[1], *(found[0].shape[2:] or (1, 1)))
    width = maps.shape[3]
    values, places = maps.flatten(2).max(2)  # (N, C)
    best, images = values.topk(count, dim=0)  # (count, C)
    return [
        [
            Peak(i, int(places[i, k]) // width, int(places[i, k]) % width, v)
            for i, v in zip(images[:, k].tolist(), best[:, k].tolist(), strict=True)
        ]
        for k in range(maps.shape[1])
    ]
