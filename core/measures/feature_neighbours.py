"""Which training images look like this one, to the second layer of the network (Figures 9, 10, 13, 14)?"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.data.datasets import Dataset
from core.measures import metrics
from core.networks.digits import DigitCNN
from core.types import Images, Labels, Scores

Maps = Float[Tensor, "n 5 8 8"]  # second-layer feature maps before pooling, as the study compares them
Query = Float[Tensor, "1 5 8 8"]

METRICS = ("SSIM", "cosine", "L2")


@dataclass(frozen=True, eq=False)
class Atlas:
    """The second-layer maps of every training image, and the range their values span."""

    maps: Maps
    labels: Labels
    span: float


@torch.no_grad()
def maps(model: DigitCNN, x: Images) -> Maps:
    """Return what the second convolution makes of digits (N, 1, 28, 28), before pooling: (N, 5, 8, 8)."""
    return model.stages(x)["conv2"]


@dataclass(frozen=True)
class Neighbours:
    """The training images most like a digit before and after a corruption, and how like they are."""

    clean: tuple[list[int], list[float]]
    corrupted: tuple[list[int], list[float]]


def atlas(model: DigitCNN, dataset: Dataset, batch: int = 500) -> Atlas:
    """Map a whole set of digits, `batch` at a time: 77 MB for 60,000 images."""
    all_maps = torch.cat([maps(model, dataset.images(slice(i, i + batch))) for i in range(0, len(dataset), batch)])
    return Atlas(all_maps, dataset.labels, float(all_maps.max() - all_maps.min()))


def likeness(atlas: Atlas, query: Query, metric: str, rows: Tensor | slice = slice(None)) -> Scores:
    """Compare one digit's maps (1, 5, 8, 8) with some rows of the atlas, by one of METRICS: one number per row, more is more alike.

    SSIM and cosine go up to 1, L2 counts as minus the distance.
    """
    candidates = atlas.maps[rows]
    if metric == "SSIM":
        return metrics.ssim(candidates, query, data_range=atlas.span)
    if metric == "cosine":
        return F.cosine_similarity(candidates.flatten(1), query.flatten(1))
    return -metrics.l2(candidates, query)


def nearest(atlas: Atlas, query: Query, metric: str, label: int | None, k: int) -> tuple[list[int], list[float]]:
    """Return the indices of the `k` training images most like `query`, (1, 5, 8, 8), best first, and how like they are.

    They are taken from the class `label`, or (None) from all; where there are fewer, all of these. Likeness as in `likeness`.
    """
    rows = torch.arange(len(atlas.labels), device=atlas.labels.device)
    if label is not None:
        rows = rows[atlas.labels == label]
    scores, places = likeness(atlas, query, metric, slice(None) if label is None else rows).topk(min(k, len(rows)))
    return rows[places].tolist(), scores.tolist()
