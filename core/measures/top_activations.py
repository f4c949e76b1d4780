"""What a filter has learned to look for: the images, and the places in them, that it answers to most."""

from dataclasses import dataclass

import torch

from core.data.datasets import Dataset
from core.models import DigitCNN

BATCH = 500


@dataclass(frozen=True)
class Peak:
    """The strongest answer of a filter in one image: where in its map, and how strong."""

    image: int
    row: int
    column: int
    value: float


def peaks(model: DigitCNN, dataset: Dataset, layer: str, count: int) -> list[list[Peak]]:
    """Find the images that excite each filter of `layer` ("conv1", "conv2") most, before pooling: a list per filter, `count` long, best first."""
    with torch.no_grad():
        maps = torch.cat(
            [model.stages(dataset.images(slice(i, i + BATCH)))[layer] for i in range(0, len(dataset), BATCH)]
        )
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
