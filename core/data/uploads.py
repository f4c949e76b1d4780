"""Pictures from outside: read without trust, and made into what a digit network expects."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate, pad

from core import UserError
from core.data import decoding, samples
from core.types import Images, Uint8Images

ROOT = Path(__file__).parents[2]
SECONDS = (
    10.0  # by the clock, after which a process is killed that could not compute decoding.CPU seconds on a busy machine
)
TOO_SLOW = "To read this picture takes more than 3 seconds: scale it down, or try again when less is going on here."
OUT_OF_TIME = -getattr(signal, "SIGXCPU", 24)  # how a process ends that the system has ended


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, (1, C, H, W) with C = 1 or 3, and what had to be done to read it ("" if nothing)."""

    pixels: Uint8Images
    note: str

    @property
    def image(self) -> Images:
        """Return its values in [0, 1]: four times the memory."""
        return self.pixels.float().div_(255)


def decode(content: bytes, side: int | None = None) -> Picture:
    """Read a PNG, JPEG or WebP of any colour mode, upright, scaled down so that no side is longer than `side` pixels, in a process of its own.

    Raises UserError for anything else, for a damaged file, for more pixels than decoding.LARGEST and for what takes more
    memory or time than a process may. A 16-bit, print-colour (CMYK) or animated picture is converted, and `note` says so.
    """
    decoding.form(content)
    command = [sys.executable, "-m", "core.data.decoding", str(len(content)), str(side or 0)]
    try:
        child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        raise UserError(f"No process could be started to read this picture ({error.strerror}): try again.") from None
    clock, began = Timer(SECONDS, child.kill), time.monotonic()
    clock.start()
    try:
        return _asked(child, content)
    except UserError:
        if child.returncode == OUT_OF_TIME or time.monotonic() - began >= SECONDS:
            raise UserError(TOO_SLOW) from None
        raise
    finally:
        clock.cancel()


def _asked(child: subprocess.Popen[bytes], content: bytes) -> Picture:
    """Give a process its file and take what it makes of it; when this returns it has ended."""
    assert child.stdin
    assert child.stdout
    with child:
        try:
            with suppress(OSError), child.stdin:  # it may have refused and gone before it has read all
                child.stdin.write(content)
            return _received(child.stdout)
        finally:
            child.kill()


def _received(out: IO[bytes]) -> Picture:
    """Take a picture from a process that may die on the way, and that a file may have taken over. Raises UserError."""
    try:
        head = json.loads(out.readline(1000))
        if "refusal" in head:
            raise UserError(head["refusal"])
        width, height, channels = (int(head[key]) for key in ("width", "height", "channels"))
        if channels not in (1, 3) or not 0 < width * height <= decoding.LARGEST:
            raise ValueError(head)
        pixels = torch.empty((1, channels, height, width), dtype=torch.uint8)
        step = max(1, decoding.ROWS // width)
        for top in range(0, height, step):
            part = pixels[0, :, top : top + step]
            rows = torch.frombuffer(bytearray(out.read(part.numel())), dtype=torch.uint8)
            part.copy_(rows.view(-1, width, channels).permute(2, 0, 1))
        return Picture(pixels, str(head["note"]))
    except (ValueError, KeyError, TypeError, RuntimeError):
        raise UserError(decoding.DAMAGED) from None


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
