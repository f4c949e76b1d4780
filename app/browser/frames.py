"""Everything a network does at every strength of a noise or an attack, for scrub.js to slide through.

Frame 0 is the clean image; frame k + 1 is strength number k. Beside the stages lie the weights of every layer that multiplies.
"""

from typing import Any

import torch
from torch import Tensor, nn

from app.browser import packing
from core.attacks import Attack
from core.experiments.trial import Corruption, at_levels
from core.measures import metrics
from core.networks.digits import Classifier, DigitCNN
from core.params import strength
from core.types import Images, Labels

HINTS = {"Layer 1": "edges", "Layer 2": "parts"}
WIRED = ("operation", "source", "field", "stride")  # how a stage comes about


def digit(
    model: Classifier, x: Images, y: Labels, label: int | None, corruption: Corruption, seed: int, maps: bool
) -> bytes:
    """Run one digit, (1, 1, 28, 28), through a network at all strengths of a corruption.

    `y` is what an attack leads away from; `label` what the digit is, None if unknown. With `maps` the frames hold
    every stage of the network, else just the image and the answer.
    """
    _, span = strength(type(corruption))
    levels = span.levels()
    corrupted = at_levels(corruption, model, x, y, levels, seed)[:, 0]  # (levels, 1, 28, 28)
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
        groups=groups(model) if maps else [],
        wiring={s.name: {name: getattr(s, name) for name in WIRED} for s in model.STAGES} if maps else {},
    )
    layers = weights(model) if maps else {}
    header |= dict(stages=list(shown), biases={name: _biases(layer) for name, layer in layers.items()})
    arrays = {name: packing.sixteen_bit(values) for name, values in shown.items()}
    filters = {f"weights of {name}": packing.sixteen_bit(layer.weight[None]) for name, layer in layers.items()}
    return packing.pack(header, {**arrays, **filters})


def groups(model: Classifier) -> list[dict[str, Any]]:
    """Arrange the stages of a network, (title, key) each, in columns, one a layer."""
    layers: dict[str, list[tuple[str, str]]] = {}
    for s in model.STAGES:
        layers.setdefault(s.layer, []).append((s.title, s.name))
    return [dict(title=layer, hint=HINTS.get(layer, ""), stages=stages) for layer, stages in layers.items()]


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


def _biases(layer: nn.Conv2d | nn.Linear) -> list[float]:
    assert layer.bias is not None
    return [float(f"{v:.7g}") for v in layer.bias.tolist()]


def _maps(values: Tensor) -> Tensor:
    """Lay out a vector stage (N, K) as one map; feature maps stay as they are."""
    if values.ndim == 4:
        return values
    rows = {500: 20, 128: 8, 64: 8}[values.shape[1]]
    return values.view(len(values), 1, rows, -1)


def _percent(share: Tensor) -> str:
    return f"{100 * float(share):.0f} %"
