"""Decode a picture from outside in a process of its own: `python -m core.data.decoding BYTES SIDE`; `uploads.decode` starts it.

Reads a file of so many bytes on standard input; writes a line of JSON, {"refusal"} or {"width", "height", "channels", "note"}, and behind it the
rows, uint8. Imports Pillow and nothing else that is large, so that it starts in less than a tenth of a second.

The system ends it at MEMORY and CPU on Linux, at CPU on macOS, whose system counts no memory. On Windows nothing ends it but
`uploads.decode`, after a time: there memory is bounded by what the header says, which `checked` refuses beforehand everywhere.
"""

import io
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from math import prod

from PIL import Image, ImageOps

from core import UserError

LARGEST = 40_000_000  # pixels
MEMORY = 380_000_000  # bytes of its own that the process may take; with the code it shares with others below 400 MB
NEEDED = 365_000_000  # bytes that a picture may need, with its file, by its header; the rest is the interpreter's
CPU = 3  # seconds of computing that it may take, however busy the machine is
ROWS = 2**18  # pixels that are converted at once
SIGNATURES = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF"}
UNKNOWN = "This file is not a PNG, JPEG or WebP picture: choose another one."
TOO_LARGE = "This picture is larger than the 40 million pixels this page takes: scale it down first."
TOO_MUCH = "To read this picture takes more than 400 MB of memory: scale it down, or save it as an ordinary JPEG."
DAMAGED = "This picture is damaged and cannot be read: save it again or choose another one."


def limit(**most: int) -> None:
    """Let this process have so much of `DATA`, `CPU` or `CORE` and no more, as far as the system knows of it."""
    with suppress(ImportError):
        import resource

        for name, value in most.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value + 1))


def form(content: bytes) -> str:
    """Tell PNG, JPEG and WEBP by their first bytes; raises UserError for everything else."""
    for name, signature in SIGNATURES.items():
        if content.startswith(signature) and (name != "WEBP" or content[8:12] == b"WEBP"):
            return name
    raise UserError(UNKNOWN)


def decoded(content: bytes, side: int | None = None) -> tuple[Image.Image, bool, str]:
    """Decode a picture, upright, no side longer than `side` pixels; say whether it is grey, and what had to be done to read it.

    Raises UserError for all that cannot be read, and for nothing else whatever the file holds.
    """
    try:
        picture = checked(content)
        note = " ".join(text for text, true in noted(picture, content).items() if true)
        picture.seek(0)
        if picture.mode.startswith("I"):  # 16-bit grey, of which the upper byte is kept
            values = picture.tobytes()
            upper = values[1 :: len(values) // (picture.width * picture.height)]
            picture = Image.frombytes("L", picture.size, upper)
        if side:
            picture.thumbnail((side, side))
        upright = ImageOps.exif_transpose(picture)
        return upright, upright.mode in ("1", "L", "LA"), note
    except UserError:
        raise
    except MemoryError:
        raise UserError(TOO_MUCH) from None
    except Image.DecompressionBombError:
        raise UserError(TOO_LARGE) from None
    except Exception:  # Pillow has no list of what it raises: struct.error, SyntaxError, KeyError, EOFError ...
        raise UserError(DAMAGED) from None


def checked(content: bytes) -> Image.Image:
    """Open a picture whose header promises no more than LARGEST and NEEDED; nothing is decoded. Raises UserError."""
    name = form(content)
    if name == "WEBP":  # to open one takes two canvases already
        _affordable(canvas(content), each=16, more=2 * len(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        picture = Image.open(io.BytesIO(content), formats=(name,))
    _affordable(picture.size, each=4 + coefficients(picture), more=len(content))
    return picture


def canvas(content: bytes) -> tuple[int, int]:
    """Read width and height of a WebP file from the header of its first chunk."""

    def number(start: int, size: int) -> int:
        return int.from_bytes(content[start : start + size], "little")

    match content[12:16]:
        case b"VP8X":
            return number(24, 3) + 1, number(27, 3) + 1
        case b"VP8L":
            return (number(21, 4) & 0x3FFF) + 1, (number(21, 4) >> 14 & 0x3FFF) + 1
        case _:
            return number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF


def coefficients(picture: Image.Image) -> int:
    """Count the bytes a pixel that all coefficients of a progressive JPEG take, which are held to the end; 0 for other pictures."""
    return 2 * len(picture.getbands()) if picture.format == "JPEG" and "progressive" in picture.info else 0


def noted(picture: Image.Image, content: bytes) -> dict[str, bool]:
    """Say what has to be done to read a picture, and whether it has."""
    return {
        "This picture moves: its first frame is shown.": picture.format in ("PNG", "WEBP")
        and getattr(picture, "n_frames", 1) > 1,
        "This picture has 16 bits per colour: it is shown with 8.": picture.format == "PNG" and content[24] == 16,
        "This picture is in print colours (CMYK): it was converted to RGB.": picture.mode == "CMYK",
    }


def rows(picture: Image.Image, grey: bool) -> Iterator[bytes]:
    """Yield a picture some rows at a time, one byte a value, colours together, on white where it is transparent."""
    width, height = picture.size
    step = max(1, ROWS // width)
    for top in range(0, height, step):
        part = picture.crop((0, top, width, min(height, top + step)))
        flat = Image.alpha_composite(Image.new("RGBA", part.size, "white"), part.convert("RGBA"))
        yield flat.convert("L" if grey else "RGB").tobytes()


def _affordable(size: tuple[int, int], each: int, more: int) -> None:
    """Refuse a picture that has too many pixels, or takes too many bytes: `each` for a pixel and `more`."""
    if prod(size) > LARGEST:
        raise UserError(TOO_LARGE)
    if prod(size) * each + more > NEEDED:
        raise UserError(TOO_MUCH)


def main(size: str, side: str) -> None:
    """Do what the module says."""
    limit(DATA=MEMORY, CPU=CPU, CORE=0)
    out = sys.stdout.buffer

    def say(**head: object) -> None:
        out.write(json.dumps(head).encode() + b"\n")

    try:
        picture, grey, note = decoded(sys.stdin.buffer.read(int(size)), int(side))
        say(width=picture.width, height=picture.height, channels=1 if grey else 3, note=note)
        for part in rows(picture, grey):
            out.write(part)
    except UserError as refusal:
        say(refusal=str(refusal))


if __name__ == "__main__":
    main(*sys.argv[1:])
