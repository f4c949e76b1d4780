"""Denoising pictures of any size: in tiles, without seams and in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from math import ceil, inf, log10

import torch

from core.measures import metrics
from core.networks.unet import Denoiser
from core.parallel import imap
from core.types import Images, Model

TILE = 256  # pixels, the longest side of a tile: of larger ones a picture has too few for all workers, of smaller ones more is seen twice


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
    tiles = [(rows, columns) for rows in _cut(h, tile, workers) for columns in _cut(w, tile, 1)]

    @torch.no_grad()
    def denoised(place: tuple[slice, slice]) -> Images:
        rows, columns = place
        top, left = (max(0, part.start - Denoiser.REACH) for part in place)
        seen = model(x[..., top : rows.stop + Denoiser.REACH, left : columns.stop + Denoiser.REACH])
        inner: Images = seen[..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        return inner.clamp(0, 1)

    for done, ((rows, columns), inner) in enumerate(zip(tiles, imap(denoised, tiles, workers), strict=True), 1):
        out[..., rows, columns] = inner
        yield Progress(done / len(tiles), out)


def denoised(model: Model, x: Images, workers: int = 1) -> Images:
    """Return pictures denoised tile by tile: what `denoise` yields at last."""
    *_, last = denoise(model, x, workers=workers)
    return last.image


def ensembled(model: Model, x: Images) -> Images:
    """Return the mean of what is made of a picture's eight turned and mirrored copies: better, for eight times the work."""
    total = torch.zeros_like(x)
    for turns, mirrored in product(range(4), (False, True)):
        z = x.rot90(turns, (2, 3))
        y = model(z.flip(3)).flip(3) if mirrored else model(z)
        total += y.rot90(-turns, (2, 3))
    return total / 8


def _cut(length: int, longest: int, least: int) -> list[slice]:
    """Cut a side of a picture on the grid of windows into parts as alike as can be, at least so many where it is long enough.

    >>> [(part.start, part.stop) for part in _cut(500, 256, 1)]
    [(0, 256), (256, 500)]
    """
    grid = Denoiser.SIDE // 2
    count = max(ceil(length / longest), min(least, length // Denoiser.SIDE), 1)
    edges = [*(ceil(length / grid) * k // count * grid for k in range(count)), length]
    return [slice(*ends) for ends in pairwise(edges)]


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
