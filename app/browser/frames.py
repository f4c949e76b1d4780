"""A digit at every strength of a noise or an attack, and the network that reads it: network.js runs one through the other.

Frame 0 is the clean image; frame k + 1 is strength number k.
"""

from typing import Any

import torch
from torch import Tensor, nn

from app.browser import packing
from core.attacks import FGSM, PGD, Attack, TargetedPGD, linf
from core.experiments.trial import Corruption, at_levels
from core.networks.digits import Classifier, DigitCNN
from core.noise import Gaussian
from core.params import strength
from core.types import Images, Labels, Uint8Images, generator

HINTS = {"Layer 1": "edges", "Layer 2": "parts"}
SLIDE = [k / 100 for k in range(31)]  # strengths of the first page's slider, shares of the grey range
ROWS = {500: 20, 128: 8, 64: 8, 10: 1}  # how the units of a layer without maps are laid out


def digit(
    model: Classifier,
    key: str,
    x: Images,
    y: Labels,
    label: int | None,
    corruption: Corruption,
    seed: int,
    drawn: bool = False,
) -> bytes:
    """Bring one digit, (1, 1, 28, 28), to all strengths of a corruption, for the network that the browser knows as `key`.

    `y` is what an attack leads away from; `label` what the digit is, None if unknown. One that is `drawn` may go on being drawn.
    """
    _, span = strength(type(corruption))
    levels = span.levels()
    corrupted = at_levels(corruption, model, x, y, levels, seed)[:, 0]  # (levels, 1, 28, 28)
    header: dict[str, Any] = dict(
        weights=key,
        levels=levels,
        label=span.label,
        unit=span.unit,
        percent=span.share,
        kind="attack" if isinstance(corruption, Attack) else "noise",
        truth=label,
        drawn=drawn,
        live=live(corruption),
    )
    start = offset(corruption.seed if isinstance(corruption, PGD | TargetedPGD) else None)
    return packing.pack(header, dict(offset=packing.exact(start), image=packing.sixteen_bit(torch.cat([x, corrupted]))))


def live(corruption: Corruption) -> dict[str, Any] | None:
    """Return how network.js attacks a digit that is being drawn; None for what only the server can add."""
    match corruption:
        case FGSM():
            return dict(steps=1, step=1.0, sign=1, target=None)
        case PGD(steps=steps, step=step):
            return dict(steps=steps, step=step, sign=1, target=None)
        case TargetedPGD(steps=steps, step=step, target=target):
            return dict(steps=steps, step=step, sign=-1, target=target)
    return None


def offset(seed: int | None) -> Images:
    """Return where PGD starts, (1, 1, 28, 28), in units of epsilon; without a seed at the image itself, as FGSM does."""
    return torch.zeros(1, 1, 28, 28) if seed is None else linf.offset((1, 1, 28, 28), seed)


def start(key: str, digits: Uint8Images, labels: Labels, seed: int) -> bytes:
    """Bring digits, (N, 1, 28, 28), to a page that changes them by itself, with what chance does there, drawn from `seed`.

    `field` is Gaussian noise of standard deviation 1.
    """
    field = Gaussian(100.0)(torch.zeros(1, 1, 28, 28), generator(seed)) * 255 / 100
    header = dict(weights=key, labels=labels.tolist(), levels=SLIDE, label="Strength", unit="of the grey range")
    arrays = dict(
        field=packing.exact(field), offset=packing.exact(offset(seed)), digits=packing.eight_bit(digits.float() / 255)
    )
    return packing.pack(header, arrays)


def challenge(key: str, digit: Uint8Images) -> bytes:
    """Bring a digit, (1, 1, 28, 28), that is to be painted over."""
    return packing.pack(dict(weights=key), dict(digit=packing.eight_bit(digit.float() / 255)))


def network(model: Classifier, key: str) -> bytes:
    """Describe a network layer by layer, with its weights to the last bit, for network.js to compute with."""
    with torch.no_grad():
        stages = model.stages(torch.zeros(1, 1, 28, 28))
    shapes = {name: [*_laid_out(z).shape[1:]] for name, z in {"image": torch.zeros(1, 1, 28, 28), **stages}.items()}
    weighted = weights(model)
    layers = [
        dict(name=s.name, operation=s.operation, source=s.source, field=s.field, stride=s.stride) for s in model.STAGES
    ]
    layers.append(dict(name="logits", operation="logits", source=model.STAGES[-1].name))
    for layer in layers:
        name = str(layer["name"])
        side = weighted[name].weight.shape[-1] if name in weighted else 0
        layer.update({"from": shapes[str(layer["source"])], "shape": shapes[name], "side": side})
    arrays = {
        f"{name}.{part}": packing.exact(getattr(layer, part)[None])
        for name, layer in weighted.items()
        for part in ("weight", "bias")
    }
    return packing.pack(dict(key=key, layers=layers, groups=groups(model)), arrays)


def groups(model: Classifier) -> list[dict[str, Any]]:
    """Arrange the stages of a network, (title, key) each, in columns, one a layer."""
    layers: dict[str, list[tuple[str, str]]] = {}
    for s in model.STAGES:
        layers.setdefault(s.layer, []).append((s.title, s.name))
    return [dict(title=layer, hint=HINTS.get(layer, ""), stages=stages) for layer, stages in layers.items()]


def weights(model: Classifier) -> dict[str, nn.Conv2d | nn.Linear]:
    """Return the layer behind every stage that multiplies, and behind the logits."""
    if isinstance(model, DigitCNN):
        return {"conv1": model.conv1, "conv2": model.conv2, "hidden": model.fc1, "logits": model.fc2}
    return {"hidden1": model.fc1, "hidden2": model.fc2, "logits": model.fc3}


def _laid_out(values: Tensor) -> Tensor:
    """Lay out a vector stage (N, K) as one map; feature maps stay as they are."""
    return values if values.ndim == 4 else values.view(len(values), 1, ROWS[values.shape[1]], -1)
