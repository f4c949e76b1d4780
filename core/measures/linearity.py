"""How straight a network is: along a line of images, at the kinks of its units, and layer by layer."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.networks.digits import Classifier
from core.types import Images, Scores


def explained(t: Float[Tensor, " t"], curves: Float[Tensor, "t n d"]) -> Scores:
    """Return how much of n `curves`, of d values each, over the places `t` a straight line explains, (n,): R^2, at most 1.

    The share of their variance over t, pooled over the d values, that the best line has. What never moves is straight: 1.

    >>> t = torch.tensor([-1.0, 0.0, 1.0])
    >>> explained(t, torch.stack([t, t.abs()], 1)[:, :, None]).tolist()
    [1.0, 0.0]
    """
    y = (curves - curves.mean(0)).double()
    t = (t - t.mean()).double()
    line = torch.einsum("t,tnd->nd", t / t.norm(), y).square().sum(1)
    total = y.square().sum((0, 2))
    return torch.where(total > 0, line / total.clamp(min=1e-30), 1.0).float()


def rectified(model: Classifier, x: Images) -> dict[str, Tensor]:
    """Return what the rectified units of a network are about to rectify, by stage, (N, units) each: below 0 they are silent."""
    found, layers = {"image": x, **model.stages(x)}, {source: layer for layer, source in _affine(model)}
    return {
        stage.name: (found[stage.source] if stage.operation == "ReLU" else layers[stage.source](found[stage.source].flatten(1))).flatten(1)
        for stage in model.STAGES
        if stage.title == "after ReLU"
    }  # fmt: skip


def sides(model: Classifier, x: Images) -> dict[str, Tensor]:
    """Return on which side of its kinks a network is at images, by stage, (N, units) each.

    Of a rectified unit: whether it answers at all. Of a unit that pools: which of its values it takes.
    """
    stages = {"image": x, **model.stages(x)}
    found = {name: values > 0 for name, values in rectified(model, x).items()}
    for stage in model.STAGES:
        if stage.operation == "max-pool":
            found[stage.name] = F.max_pool2d(stages[stage.source], 2, return_indices=True)[1].flatten(1)
    return {stage.name: found[stage.name] for stage in model.STAGES if stage.name in found}


def _affine(model: Classifier) -> Iterator[tuple[nn.Module, str]]:
    """List the layers that only multiply and add, in order, with the stage that each reads."""
    sources = [stage.source for stage in model.STAGES if stage.operation in ("convolution", "linear")]
    return zip(model.children(), [*sources, model.STAGES[-1].name], strict=True)


def _summed(layer: nn.Module, inputs: Tensor, absolute: bool = False) -> Tensor:
    """Return the sums w . d that a layer makes of what comes in, (N, units), or with `absolute` sum |w| |d|; without its bias."""
    w: Tensor = layer.get_parameter("weight")
    if absolute:
        w, inputs = w.abs(), inputs.abs()
    return (F.conv2d(inputs, w) if w.ndim == 4 else F.linear(inputs.flatten(1), w)).flatten(1)


def growth(model: Classifier, x: Images, moved: Images) -> Float[Tensor, "n layers 2"]:
    """Measure how far the sums of every affine layer move when images do, (N, layers, 2): |w . d|, and the most it could be.

    d is what the layer's inputs move by. The most is sum |w| |d|, were every term of one sign; where all |d| are epsilon
    it is epsilon m n, for n weights of mean size m (Goodfellow et al. 2014, section 3). Means over the layer's units.
    """
    before, after = ({"image": z, **model.stages(z)} for z in (x, moved))
    return torch.stack(
        [
            torch.stack([_summed(layer, d).abs().mean(1), _summed(layer, d, absolute=True).mean(1)], 1)
            for layer, source in _affine(model)
            for d in [after[source] - before[source]]
        ],
        1,
    )


def weights(model: Classifier) -> list[tuple[int, float]]:
    """Return, of every affine layer, how many weights a sum has, n, and their mean size, m."""
    kernels = [layer.get_parameter("weight") for layer, _ in _affine(model)]
    return [(w[0].numel(), float(w.abs().mean())) for w in kernels]
