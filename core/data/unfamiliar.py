"""Windows that small photographs of things hardly ever show: cut from large photographs, and drawn.

No network was trained on them, and what draws them here is not what draws the dead leaves of the training.
"""

from functools import cache
from math import cos, pi, sin

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from core.data import samples
from core.data.datasets import Dataset
from core.types import Uint8Images

DRAWN = ("edges", "stripes", "letters", "discs", "blocks", "checkerboards", "mosaics", "gradients")
KINDS = ("photographs", *DRAWN)
EACH = 80  # windows drawn of a kind
SEED = 0
SIDE = 32

Colour = tuple[int, ...]


@cache
def windows(channels: int = 3, side: int = SIDE) -> Dataset:
    """Return all windows, labelled by their kind: of colours, or grey; of 32 x 32 pixels, or cropped to `side`."""
    rng = np.random.default_rng(SEED)
    cut = torch.cat([_cut(samples.photograph(name)) for name in (*samples.PHOTOGRAPHS, *samples.LANDSCAPES)])
    drawn = torch.stack([_drawn(kind, rng) for kind in DRAWN for _ in range(EACH)])
    labels = torch.cat([torch.zeros(len(cut)), torch.arange(1, len(KINDS)).repeat_interleave(EACH)]).long()
    edge = (SIDE - side) // 2
    pixels = torch.cat([cut, drawn])[:, :, edge : edge + side, edge : edge + side]
    if channels == 1:
        pixels = pixels.float().mean(1, keepdim=True).round().byte()
    return Dataset("windows", "test", pixels.contiguous(), labels, KINDS, False, "")


def _cut(picture: np.ndarray) -> Uint8Images:
    whole = torch.from_numpy(picture).permute(2, 0, 1)
    return whole.unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE).permute(1, 2, 0, 3, 4).reshape(-1, 3, SIDE, SIDE)


def _drawn(kind: str, rng: np.random.Generator) -> torch.Tensor:
    """Draw one window, uint8 (3, SIDE, SIDE)."""
    picture = Image.new("RGB", (SIDE, SIDE), _colour(rng))
    PAINTERS[kind](ImageDraw.Draw(picture), rng)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _colour(rng: np.random.Generator, saturated: bool = False) -> Colour:
    """Draw a colour, three in ten of them, or all, a corner of the cube."""
    corner = saturated or rng.random() < 0.3
    return tuple(int(v) for v in (255 * rng.integers(0, 2, 3) if corner else rng.integers(0, 256, 3)))


def _edge(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    angle, (x, y), far = 2 * pi * rng.random(), rng.normal(SIDE / 2, 4, 2), 3 * SIDE
    right, down = far * cos(angle), far * sin(angle)
    draw.polygon(
        [(x - down, y + right), (x + down, y - right), (x + down + right, y - right + down)], fill=_colour(rng)
    )


def _stripes(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    width, fill, upright = int(rng.integers(1, 7)), _colour(rng), rng.random() < 0.5
    for start in range(0, SIDE, 2 * width):
        end = start + width - 1
        draw.rectangle((start, 0, end, SIDE) if upright else (0, start, SIDE, end), fill=fill)


def _letters(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    font = ImageFont.load_default(size=int(rng.integers(8, 28)))
    text = "".join(rng.choice(list("ABCDEFGHKMRSabcdeghk2345678"), 3))
    draw.text((int(rng.integers(-2, 8)), int(rng.integers(-2, 10))), text, fill=_colour(rng), font=font)


def _discs(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    for _ in range(6):
        radius, (x, y) = int(rng.integers(2, 14)), (int(v) for v in rng.integers(0, SIDE, 2))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng))


def _blocks(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    for _ in range(3):
        (x, y), (width, height) = (int(v) for v in rng.integers(0, 28, 2)), (int(v) for v in rng.integers(3, 20, 2))
        draw.rectangle((x, y, x + width, y + height), fill=_colour(rng, saturated=True))


def _checkerboard(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    size, fill = int(rng.integers(1, 9)), _colour(rng)
    for k, y in enumerate(range(0, SIDE, size)):
        for x in range(size * (k % 2), SIDE, 2 * size):
            draw.rectangle((x, y, x + size - 1, y + size - 1), fill=fill)


def _mosaic(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    size = int(rng.integers(2, 9))
    for y in range(0, SIDE, size):
        for x in range(0, SIDE, size):
            draw.rectangle((x, y, x + size - 1, y + size - 1), fill=_colour(rng))


def _gradient(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    first, last, upright = np.array(_colour(rng)), np.array(_colour(rng)), rng.random() < 0.5
    for k in range(SIDE):
        fill = tuple(int(v) for v in (first + (last - first) * k / (SIDE - 1)).round())
        draw.line((k, 0, k, SIDE) if upright else (0, k, SIDE, k), fill=fill)


PAINTERS = dict(
    zip(DRAWN, (_edge, _stripes, _letters, _discs, _blocks, _checkerboard, _mosaic, _gradient), strict=True)
)
