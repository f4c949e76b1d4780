"""Pictures from outside: read without trust, and made into what a digit network expects."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn.functional import interpolate, pad

from core import UserError
from core.data import samples
from core.types import Images

LARGEST = 40_000_000  # pixels; checked in the header, before anything is decoded
TOO_LARGE = "This picture is larger than the 40 million pixels this page takes: scale it down first."


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, (1, C, H, W) in [0, 1] with C = 1 or 3, and what had to be done to read it ("" if nothing)."""

    image: Images
    note: str


def decode(content: bytes, side: int | None = None) -> Picture:
    """Read a PNG, JPEG or WebP of any colour mode, upright, scaled down so that no side is longer than `side` pixels.

    Raises UserError for anything else, for more than LARGEST pixels and for a damaged file. A 16-bit, print-colour (CMYK)
    or animated picture is converted, and `note` says so.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked before decoding
            picture: Image.Image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP"))
        width, height = picture.size
        if width * height > LARGEST:
            raise UserError(TOO_LARGE)
        notes = {
            "This picture moves: its first frame is shown.": picture.format in ("PNG", "WEBP")
            and getattr(picture, "n_frames", 1) > 1,
            "This picture has 16 bits per colour: it is shown with 8.": content[:4] == b"\x89PNG" and content[24] == 16,
            "This picture is in print colours (CMYK): it was converted to RGB.": picture.mode == "CMYK",
        }
        picture.seek(0)
        if picture.mode.startswith("I"):  # 16-bit grey
            picture = Image.fromarray((np.asarray(picture, dtype=np.uint32) >> 8).astype(np.uint8))
        if side:
            picture.thumbnail((side, side))
        upright = ImageOps.exif_transpose(picture)
        grey = upright.mode in ("1", "L", "LA")
        flat = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        values = np.atleast_3d(np.asarray(flat.convert("L" if grey else "RGB"), dtype=np.float32)) / 255
    except UnidentifiedImageError:
        raise UserError("This file is not a PNG, JPEG or WebP picture: choose another one.") from None
    except Image.DecompressionBombError:
        raise UserError(TOO_LARGE) from None
    except (OSError, SyntaxError, ValueError):
        raise UserError("This picture is damaged and cannot be read: save it again or choose another one.") from None
    note = " ".join(text for text, true in notes.items() if true)
    return Picture(torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None], note)


def as_digit(image: Images) -> Float[Tensor, "1 1 28 28"]:
    """Bring a picture of one digit into MNIST's form: white on black, its box scaled to 20 pixels, centred by mass.

    Takes (1, C, H, W) of any size, dark on light or light on dark; gives (1, 1, 28, 28). Raises UserError for a blank one.
    """
    grey = image.mean(1, keepdim=True)
    border = torch.cat(
        [grey[..., 0, :].flatten(), grey[..., -1, :].flatten(), grey[..., 0].flatten(), grey[..., -1].flatten()]
    )
    ink = (grey - border.median()).abs()
    if ink.max() < 0.1:
        raise UserError("This picture is blank: draw or photograph one digit on a plain background.")
    ink = ink / ink.max()
    ink = torch.where(ink > 0.25, ink, 0.0)  # paper grain and shadows are not ink
    rows, columns = (torch.nonzero(ink[0, 0].amax(d)).flatten() for d in (1, 0))
    box = ink[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(20 * length / max(box.shape[-2:]))) for length in box.shape[-2:])
    small = interpolate(box, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
    top, left = (20 - height) // 2, (20 - width) // 2
    return samples.centred(pad(small, (left, 20 - width - left, top, 20 - height - top)))
