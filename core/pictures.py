"""Pictures from outside: read without trust, and made into what a digit network expects."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn.functional import interpolate, pad

from core import Refusal, data
from core.types import Images

LARGEST = 40_000_000  # pixels; checked in the header, before anything is decoded


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, (1, C, H, W) in [0, 1] with C = 1 or 3, and what had to be done to read it ("" if nothing)."""

    image: Images
    note: str


def decode(content: bytes) -> Picture:
    """Read a PNG, JPEG or WebP of any colour mode.

    Raises Refusal for anything else, for more than LARGEST pixels and for a damaged file. A 16-bit, print-colour (CMYK)
    or animated picture is converted, and `note` says so.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # the size is checked below, before decoding
            picture = Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP"))
        width, height = picture.size
        if width * height > LARGEST:
            raise Refusal(
                f"This picture is {width:,} x {height:,} pixels, more than the {LARGEST // 10**6} million this page takes: scale it down first."
            )
        notes = {
            "This picture moves: its first frame is shown.": getattr(picture, "n_frames", 1) > 1,
            "This picture has 16 bits per colour: it is shown with 8.": picture.mode.startswith("I"),
            "This picture is in print colours (CMYK): it was converted to RGB.": picture.mode == "CMYK",
        }
        picture.seek(0)
        if picture.mode.startswith("I"):
            values = np.asarray(picture, dtype=np.float32)[..., None] / 65535
        else:
            grey = picture.mode in ("1", "L", "LA")
            flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
            values = np.asarray(flat.convert("L" if grey else "RGB"), dtype=np.float32).reshape(height, width, -1) / 255
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        if isinstance(error, Image.DecompressionBombError):
            raise Refusal(
                f"This picture has more than {LARGEST // 10**6} million pixels: scale it down first."
            ) from None
        raise Refusal("This file is not a PNG, JPEG or WebP picture: choose another one.") from None
    except (OSError, SyntaxError, ValueError):
        raise Refusal("This picture is damaged and cannot be read: save it again or choose another one.") from None
    return Picture(
        torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None].clamp(0, 1),
        " ".join(n for n, yes in notes.items() if yes),
    )


def as_digit(image: Images) -> Float[Tensor, "1 1 28 28"]:
    """Bring a picture of one digit into MNIST's form: white on black, its box scaled to 20 pixels, centred by mass.

    Takes (1, C, H, W) of any size, dark on light or light on dark; gives (1, 1, 28, 28). Raises Refusal for a blank one.
    """
    grey = image.mean(1, keepdim=True)
    border = torch.cat(
        [grey[..., 0, :].flatten(), grey[..., -1, :].flatten(), grey[..., 0].flatten(), grey[..., -1].flatten()]
    )
    ink = (grey - border.median()).abs()
    if ink.max() < 0.1:
        raise Refusal("This picture is blank: draw or photograph one digit on a plain background.")
    ink = ink / ink.max()
    ink = torch.where(ink > 0.25, ink, 0.0)  # paper grain and shadows are not ink
    rows, columns = (torch.nonzero(ink[0, 0].amax(d)).flatten() for d in (1, 0))
    box = ink[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = box.shape[-2:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = pad(box, (left, side - width - left, top, side - height - top))
    return data.centred(interpolate(square, (20, 20), mode="bicubic", antialias=True).clamp(0, 1))
