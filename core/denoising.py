"""Denoising pictures of any size: in tiles, without seams and in bounded memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from core.models import UNet
from core.types import Images

TILE = 768  # pixels, a multiple of UNet.SIDE


@dataclass(frozen=True, eq=False)
class Progress:
    """How much of a picture is done, from 0 to 1, and the picture itself, which fills up as it goes."""

    share: float
    image: Images


def denoise(model: UNet, x: Images, tile: int = TILE, workers: int = 1) -> Iterator[Progress]:
    """Denoise pictures (N, C, H, W) tile by tile, clipped to [0, 1]; the last value yielded holds all of them.

    A tile is computed with the UNet.REACH pixels around it, beyond which nothing touches it, and begins on the grid of
    the network's pools: so it is what the whole picture would give, up to the rounding of float32. Several `workers`
    take a tile each, on one thread each.
    """
    *_, h, w = x.shape
    out = torch.empty_like(x)
    corners = [(row, column) for row in range(0, h, tile) for column in range(0, w, tile)]

    @torch.no_grad()
    def fill(corner: tuple[int, int]) -> None:
        row, column = corner
        top, left = max(0, row - UNet.REACH), max(0, column - UNet.REACH)
        seen = model(x[..., top : row + tile + UNet.REACH, left : column + tile + UNet.REACH])
        inner = seen[..., row - top :, column - left :][..., :tile, :tile]
        out[..., row : row + tile, column : column + tile] = inner.clamp(0, 1)

    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for start in range(0, len(corners), workers):
            list(pool.map(fill, corners[start : start + workers]))
            yield Progress(min(1.0, (start + workers) / len(corners)), out)
