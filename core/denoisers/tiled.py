"""Denoising pictures of any size: in tiles, without seams and in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, log10

import torch

from core.measures import metrics
from core.models import Denoiser
from core.parallel import imap
from core.types import Images, Model

TILE = 512  # pixels, a multiple of Denoiser.SIDE


@dataclass(frozen=True, eq=False)
class Progress:
    """How much of a picture is done, from 0 to 1, and the picture itself, which fills up as it goes."""

    share: float
    image: Images


def denoise(model: Model, x: Images, tile: int = TILE, workers: int = 1) -> Iterator[Progress]:
    """Denoise pictures (N, C, H, W), tile by tile, clipped to [0, 1]; the last value yielded holds all of them.

    A tile is computed with the Denoiser.REACH pixels around it, beyond which nothing touches it, and begins on the grid of
    the network's windows: so it is what the whole picture would give, up to rounding. Several `workers` take a tile each,
    on one thread each, here, never on a cluster: the picture may be a visitor's.
    """
    *_, h, w = x.shape
    out = torch.empty_like(x)
    corners = [(row, column) for row in range(0, h, tile) for column in range(0, w, tile)]

    @torch.no_grad()
    def denoised(corner: tuple[int, int]) -> Images:
        row, column = corner
        top, left = max(0, row - Denoiser.REACH), max(0, column - Denoiser.REACH)
        seen = model(x[..., top : row + tile + Denoiser.REACH, left : column + tile + Denoiser.REACH])
        inner = seen[..., row - top :, column - left :][..., :tile, :tile]
        clipped: Images = inner.clamp(0, 1)
        return clipped

    for done, ((row, column), inner) in enumerate(zip(corners, imap(denoised, corners, workers), strict=True), 1):
        out[..., row : row + tile, column : column + tile] = inner
        yield Progress(done / len(corners), out)


def psnr_ssim(a: Images, b: Images, band: int = 512) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of one large picture (1, C, H, W), H and W 7 or more, against another, `band` rows at a time.

    The same as `core.measures.metrics` gives, up to rounding, in less memory; identical pictures have a PSNR of inf.
    """
    h = a.shape[2]
    error, likeness = 0.0, 0.0
    for top in range(0, h, band):
        rows = slice(top, top + band)
        error += float((a[..., rows, :].clamp(0, 1) - b[..., rows, :]).double().square().sum())
        windows = slice(top, min(h, top + band + 6))  # 7 x 7 windows that begin in the band
        count = windows.stop - top - 6
        if count > 0:
            likeness += count * float(metrics.ssim(a[..., windows, :], b[..., windows, :]))
    psnr = -10 * log10(error / a.numel()) if error else inf
    return psnr, likeness / (h - 6)
