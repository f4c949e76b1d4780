"""What the browser is shown, packed once: numbers behind a header that says all about them; paint.js unpacks them.

The format: a little-endian uint32 with the length of a JSON header, the header, and a zlib stream of the header's `arrays`
one after another, `frames` times the `shape` each, in `bits`, little-endian, each frame as what is to be added to the one
before, modulo 2^b. A value v of b bits stands for low + v / (2^b - 1) (high - low); 32 bits are floats, one frame of them, that stand for
themselves. Colours and decimals come in the header too: no script chooses any by what a caption says.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

KINDS = {8: "<u1", 16: "<u2", 32: "<f4"}


@dataclass(frozen=True, eq=False)
class Quantised:
    """Numbers in 8, 16 or 32 bits, (frames, ...), and what the least and the largest of these stand for."""

    values: np.ndarray
    low: float
    high: float

    @property
    def described(self) -> dict[str, Any]:
        """Return what the header says of them."""
        frames, *shape = self.values.shape
        return dict(frames=frames, shape=shape, bits=8 * self.values.itemsize, low=self.low, high=self.high)


def eight_bit(images: Tensor) -> Quantised:
    """Round images, (frames, C, H, W), clipped to [0, 1]."""
    return Quantised((images.clamp(0, 1) * 255).round().byte().numpy(), 0.0, 1.0)


def sixteen_bit(values: Tensor) -> Quantised:
    """Round numbers, (frames, ...), between the least and the largest of them."""
    plain = values.double().numpy()
    low, high = float(plain.min()), float(plain.max())
    high = high if high > low else low + 1
    return Quantised(np.round((plain - low) / (high - low) * 65535).astype("<u2"), low, high)


def exact(values: Tensor) -> Quantised:
    """Take numbers, (frames, ...), as the floats they are."""
    return Quantised(values.detach().float().numpy(), 0.0, 1.0)


def pack(header: Mapping[str, Any], arrays: Mapping[str, Quantised]) -> bytes:
    """Pack arrays, those of more bits before those of fewer, under a header, which gets an `id` of all that is in it."""
    body = _deflated(b"".join(_changes(a.values).tobytes() for a in arrays.values()))
    whole = {**header, "arrays": {name: a.described for name, a in arrays.items()}}
    return join({**whole, "id": hashlib.sha256(body + repr(whole).encode()).hexdigest()[:16]}, body)


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Undo `pack`, as the browser does: the header, and the arrays up to their rounding."""
    described, start, arrays = header(packed), 0, {}
    body = zlib.decompress(_split(packed)[1])
    for name, a in described["arrays"].items():
        kind, count = np.dtype(KINDS[a["bits"]]), a["frames"] * int(np.prod(a["shape"]))
        changes = np.frombuffer(body, kind, count, start).reshape(a["frames"], *a["shape"])
        values = np.cumsum(changes, axis=0, dtype=kind)
        arrays[name] = a["low"] + values / (2 ** a["bits"] - 1) * (a["high"] - a["low"]) if kind.kind == "u" else values
        start += count * kind.itemsize
    return described, arrays


def header(packed: bytes) -> dict[str, Any]:
    """Return the header of what is packed."""
    return dict(json.loads(_split(packed)[0]))


def reheaded(packed: bytes, header: Mapping[str, Any]) -> bytes:
    """Give what is packed another header."""
    return join(header, _split(packed)[1])


def join(header: Mapping[str, Any], body: bytes) -> bytes:
    """Put a header, behind its length, before a body."""
    head = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<I", len(head)) + head + body


def _changes(frames: np.ndarray) -> np.ndarray:
    """Return what is to be added to each frame to have the next: neighbours are alike, so that it is mostly small."""
    return np.diff(frames, axis=0, prepend=np.zeros_like(frames[:1]))


def _deflated(changes: bytes) -> bytes:
    """Compress what hardly repeats but has few values: a third less than zlib makes of the frames, in a tenth of the time."""
    stream = zlib.compressobj(1, strategy=zlib.Z_RLE)
    return stream.compress(changes) + stream.flush()


def _split(packed: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack_from("<I", packed)
    return packed[4 : 4 + size], packed[4 + size :]
