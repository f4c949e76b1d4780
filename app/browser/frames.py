"""Everything a network does at every strength of a noise or an attack, packed once for the browser to slide through.

The format: a little-endian uint32 with the length of a JSON header, the header, and a zlib stream of uint16 values,
frame by frame, stage by stage. A value v stands for low + v / 65535 (high - low), low and high being the stage's.
Frame 0 is the clean image; frame k + 1 is strength number k. Behind the frames, in the same form, lie the weights of
every layer that multiplies.
"""

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.attacks import Attack
from core.experiments import accuracy
from core.experiments.accuracy import Corruption
from core.measures import metrics
from core.models import Classifier, DigitCNN
from core.params import strength
from core.types import Images, Labels


@dataclass(frozen=True, eq=False)
class Group:
    """One column of the picture: a title and the stages it can show, (title, key) each."""

    title: str
    hint: str
    stages: tuple[tuple[str, str], ...]


def digit(
    model: Classifier, x: Images, y: Labels, label: int | None, corruption: Corruption, seed: int, maps: bool
) -> bytes:
    """Run one digit, (1, 1, 28, 28), through a network at all strengths of a corruption.

    `y` is what an attack leads away from; `label` what the digit is, None if unknown. With `maps` the frames hold
    every stage of the network, else just the image and the answer.
    """
    _, span = strength(type(corruption))
    levels = span.levels()
    corrupted = accuracy.at_levels(corruption, model, x, y, levels, seed)[:, 0]  # (levels, 1, 28, 28)
    batch = torch.cat([x, corrupted])
    with torch.no_grad():
        stages = model.stages(batch)
    probabilities = stages.pop("logits").softmax(1)
    shown = {
        "image": batch,
        **({name: _maps(values) for name, values in stages.items()} if maps else {}),
        "answer": probabilities[:, :, None, None],
    }
    header: dict[str, Any] = dict(
        levels=levels,
        label=span.label,
        unit=span.unit,
        percent=span.share,
        kind="attack" if isinstance(corruption, Attack) else "noise",
        classes=[str(k) for k in range(10)],
        truth=label,
        verdicts=[verdict(probabilities[0], p, label) for p in probabilities[1:]],
        figures=figures(x, corrupted),
        groups=[dict(title=g.title, hint=g.hint, stages=g.stages) for g in groups(model)] if maps else [],
        wiring={
            s.name: dict(operation=s.operation, source=s.source, field=s.field, stride=s.stride) for s in model.STAGES
        }
        if maps
        else {},
    )
    return pack(header, shown, weights(model) if maps else {})


def groups(model: Classifier) -> list[Group]:
    """Arrange the stages of a network in columns, one a layer."""
    hints = {"Layer 1": "edges", "Layer 2": "parts"}
    layers = dict.fromkeys(s.layer for s in model.STAGES)
    return [
        Group(layer, hints.get(layer, ""), tuple((s.title, s.name) for s in model.STAGES if s.layer == layer))
        for layer in layers
    ]


def weights(model: Classifier) -> dict[str, nn.Conv2d | nn.Linear]:
    """Return the layer behind every stage that multiplies, for the formula under an enlarged map."""
    if isinstance(model, DigitCNN):
        return {"conv1": model.conv1, "conv2": model.conv2, "hidden": model.fc1}
    return {"hidden1": model.fc1, "hidden2": model.fc2}


def verdict(before: Tensor, after: Tensor, truth: int | None) -> dict[str, str]:
    """Say in one line what the network made of the clean and of the corrupted digit, and whether it was fooled.

    >>> verdict(torch.tensor([0.8, 0.2]), torch.tensor([0.1, 0.9]), 0)["text"]
    '0, 80 % sure → 1, 90 % sure: fooled'
    """
    a, b = int(before.argmax()), int(after.argmax())
    said = f"{a}, {_percent(before[a])} sure → {b}, {_percent(after[b])} sure"
    if truth is None:
        state = ("changed", "the answer changed") if a != b else ("same", "the answer stays")
    elif b == truth:
        state = ("right", "right")
    elif a != truth:
        state = ("wrong", f"wrong from the start, it is a {truth}")
    else:
        state = ("fooled", "fooled")
    return dict(state=state[0], text=f"{said}: {state[1]}")


def figures(x: Images, corrupted: Images) -> list[dict[str, Any]]:
    """Measure the change at every strength: L0 in pixels, L2, L-infinity."""
    clean = x.expand_as(corrupted)
    rows = (
        ("Pixels changed (L0)", metrics.l0(corrupted, clean), f" of {x.shape[2] * x.shape[3]}", 0),
        ("Length of the change (L2)", metrics.l2(corrupted, clean), "", 2),
        ("Largest change (L∞)", metrics.linf(corrupted, clean), "", 2),
    )
    return [
        dict(label=label, values=[round(v, 4) for v in values.tolist()], unit=unit, digits=digits)
        for label, values, unit, digits in rows
    ]


def pack(header: dict[str, Any], stages: dict[str, Tensor], layers: dict[str, nn.Conv2d | nn.Linear]) -> bytes:
    """Pack a header, its stages, each (frames, C, H, W), and the weights of the layers behind them."""
    columns, described, constants, filters = [], {}, [], {}
    for name, values in stages.items():
        rounded, low, high = _quantised(values.flatten(1))
        columns.append(rounded)
        described[name] = dict(shape=list(values.shape[1:]), low=low, high=high)
    for name, layer in layers.items():
        rounded, low, high = _quantised(layer.weight.flatten())
        constants.append(rounded)
        assert layer.bias is not None
        bias = [float(f"{v:.7g}") for v in layer.bias.tolist()]
        filters[name] = dict(shape=list(layer.weight.shape), low=low, high=high, bias=bias)
    frames = np.concatenate(columns, axis=1).flatten()
    body = zlib.compress(np.concatenate([frames, *constants]).tobytes(), 1)
    header = {**header, "stages": described, "weights": filters}
    return join({**header, "id": hashlib.sha256(body + repr(header).encode()).hexdigest()[:16]}, body)


def _quantised(values: Tensor) -> tuple[np.ndarray, float, float]:
    flat = values.double().numpy()
    low, high = float(flat.min()), float(flat.max())
    high = high if high > low else low + 1
    return np.round((flat - low) / (high - low) * 65535).astype("<u2"), low, high


def header(packed: bytes) -> dict[str, Any]:
    """Return the header of packed frames."""
    (size,) = struct.unpack_from("<I", packed)
    return dict(json.loads(packed[4 : 4 + size]))


def reheaded(packed: bytes, header: dict[str, Any]) -> bytes:
    """Give packed frames another header."""
    (size,) = struct.unpack_from("<I", packed)
    return join(header, packed[4 + size :])


def join(header: dict[str, Any], body: bytes) -> bytes:
    """Put a header, behind its length, before a body."""
    head = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<I", len(head)) + head + body


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Undo `pack`, as the browser does: the header, and the stages up to the rounding to 16 bits."""
    (size,) = struct.unpack_from("<I", packed)
    described = header(packed)
    values = np.frombuffer(zlib.decompress(packed[4 + size :]), "<u2")
    values = values[: len(values) - sum(int(np.prod(w["shape"])) for w in described["weights"].values())]
    values = values.reshape(len(described["levels"]) + 1, -1)
    stages, start = {}, 0
    for name, s in described["stages"].items():
        count = int(np.prod(s["shape"]))
        stages[name] = s["low"] + values[:, start : start + count].reshape(-1, *s["shape"]) / 65535 * (
            s["high"] - s["low"]
        )
        start += count
    return described, stages


def _maps(values: Tensor) -> Tensor:
    """Lay out a vector stage (N, K) as one map; feature maps stay as they are."""
    if values.ndim == 4:
        return values
    rows = {500: 20, 128: 8, 64: 8}[values.shape[1]]
    return values.view(len(values), 1, rows, -1)


def _percent(share: Tensor) -> str:
    return f"{100 * float(share):.0f} %"
