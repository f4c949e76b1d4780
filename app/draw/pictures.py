"""Tensors in, pictures out, uint8 (H, W, 3).

Greys for images. Differences and weights are blue to red through grey, centred on zero, over a limit the caller states.
"""

import io

import numpy as np
import streamlit as st
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

FRAME = (230, 159, 0)
DIVERGING = np.array([[0x21, 0x66, 0xAC], [0xF7, 0xF7, 0xF7], [0xB2, 0x18, 0x2B]], dtype=float)
GAP = 255  # white between the tiles of a mosaic

Map = Float[Tensor, "h w"]
Picture = np.ndarray  # uint8 (H, W, 3)


def grey(values: Map, low: float = 0.0, high: float = 1.0) -> Picture:
    """Paint a map in greys, black at `low`, white at `high`."""
    scaled = ((values - low) / max(high - low, 1e-9)).clamp(0, 1).numpy()
    return np.repeat(np.round(255 * scaled)[..., None], 3, axis=2).astype(np.uint8)


def colour(image: Float[Tensor, "3 h w"]) -> Picture:
    """Paint an image in its own colours."""
    return np.ascontiguousarray((image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def diverging(values: Map, limit: float) -> Picture:
    """Paint a map blue below zero and red above, full colour at plus or minus `limit`."""
    place = (values.numpy() / max(limit, 1e-9)).clip(-1, 1) + 1  # 0 to 2
    return np.stack([np.interp(place, (0, 1, 2), DIVERGING[:, c]) for c in range(3)], axis=2).round().astype(np.uint8)


def png(picture: Picture) -> bytes:
    """Write a picture as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def enlarged(picture: Picture, factor: int) -> Picture:
    """Repeat every pixel, so that a browser has nothing to smooth."""
    return picture.repeat(factor, 0).repeat(factor, 1)


def row(pictures: list[Picture], factor: int) -> Picture:
    """Put pictures of one height side by side, enlarged."""
    return grid([enlarged(p, factor) for p in pictures], len(pictures), gap=4)


def grid(pictures: list[Picture], columns: int, gap: int = 4) -> Picture:
    """Lay pictures of one size out in rows of `columns`, white where none is left."""
    h, w, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), GAP, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = (k // columns) * (h + gap), (k % columns) * (w + gap)
        sheet[top : top + h, left : left + w] = picture
    return sheet


def framed(image: Float[Tensor, "1 h w"], top: int, left: int, side: int, factor: int = 4) -> Picture:
    """Paint a digit with an orange frame around the square a unit sees."""
    picture = enlarged(grey(image[0]), factor)
    t, le, b, r = (v * factor for v in (top, left, top + side, left + side))
    for edge in (slice(t, t + 2), slice(b - 2, b)):
        picture[edge, le:r] = FRAME
    for edge in (slice(le, le + 2), slice(r - 2, r)):
        picture[t:b, edge] = FRAME
    return picture


def marked(picture: Picture, here: Bool[Tensor, "h w"], factor: int) -> Picture:
    """Enlarge a picture and frame the pixels that are marked."""
    large = enlarged(picture, factor)
    for row, column in here.nonzero().tolist():
        square = large[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        square[[0, 1, -2, -1]] = FRAME
        square[:, [0, 1, -2, -1]] = FRAME
    return large


def show(picture: Picture, caption: str | None = None, alt: str | None = None) -> None:
    """Put a small picture on the page, as wide as there is room, its pixels as large as 256 allow; `alt` says what it is where no caption does."""
    large = enlarged(picture, max(1, 256 // picture.shape[0]))
    st.image(large, output_format="PNG", caption=caption, width="stretch", alt=alt or caption)


def beside(shown: dict[str, Picture]) -> None:
    """Put pictures beside each other, by their captions."""
    for column, (caption, picture) in zip(st.columns(len(shown)), shown.items(), strict=True):
        with column:
            show(picture, caption)
