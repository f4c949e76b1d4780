"""How useful a feature is: what the units of a digit network have to do with the classes (Ilyas et al. 2019).

A feature is a number f(x) that a unit makes of an image: of a channel the mean of its map after ReLU, of a hidden unit what
it answers. For a class k the label y is 1 on its images and -1 on all others. Both halves weigh the same, else "never" would be
a useful answer. With f standardised to mean 0 and variance 1 under these weights, its usefulness E[y f(x)] is its
correlation with y. A unit counts for the class it is most useful for, and with the sign s that makes it useful: silence tells, too.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from core.networks.digits import DigitCNN
from core.types import Images, Labels

LAYERS = {"conv1": 3, "conv2": 5, "hidden": 500}  # units of DigitCNN, in this order
CONVOLUTIONS = ("conv1", "conv2")
COUNT = sum(LAYERS.values())
FIRST_HIDDEN = COUNT - LAYERS["hidden"]

Answers = Float[Tensor, "n units"]  # what every unit makes of each image
PerUnit = Float[Tensor, " units"]


def place(unit: int) -> tuple[str, int]:
    """Return the layer of a unit and its number there, from 0.

    >>> place(0), place(3), place(507)
    (('conv1', 0), ('conv2', 0), ('hidden', 499))
    """
    for layer, count in LAYERS.items():
        if unit < count:
            return layer, unit
        unit -= count
    raise IndexError(f"there are {COUNT} units")


def drives(model: DigitCNN, x: Images) -> Answers:
    """Return what drives every unit: as `answers`, but of hidden units before ReLU, where a silent one still has a gradient."""
    found = model.stages(x)
    channels = [found[name].mean((2, 3)) for name in ("relu1", "relu2")]
    return torch.cat([*channels, model.fc1(found["relu2"].flatten(1))], 1)


@torch.no_grad()
def answers(model: DigitCNN, x: Images) -> Answers:
    """Return what every unit makes of digits (N, 1, 28, 28): (N, 508), none below 0."""
    return F.relu(drives(model, x))


@dataclass(frozen=True, eq=False)
class Purpose:
    """What each unit is most useful for: the class, the sign, and the mean and deviation of f; a deviation of 0: it never answers otherwise."""

    label: Int64[Tensor, " units"]
    sign: PerUnit
    mean: PerUnit
    deviation: PerUnit

    def side(self, y: Labels) -> Answers:
        """Return y s for every image and unit: 1 where a high answer is right, -1 where a low one is."""
        return self.sign * (2.0 * (y[:, None] == self.label) - 1)

    def agreement(self, f: Answers, y: Labels) -> Answers:
        """Return y s f(x), f standardised: how far each unit is on the right side; 0 where it never answers otherwise."""
        standard = (f - self.mean) / self.deviation.clamp(min=1e-12)
        return torch.where(self.deviation > 0, self.side(y) * standard, 0.0)


def purpose(f: Answers, y: Labels, classes: int = 10) -> Purpose:
    """Find the class that every unit is most useful for, and how it is to be standardised, from its answers to labelled images."""
    member = (y[:, None] == torch.arange(classes, device=y.device)).to(f)
    inside = member.sum(0)[:, None]  # (classes, 1)

    def halves(values: Answers) -> Tensor:
        """Average over a class and over the rest, both weighing the same: (2, classes, units)."""
        total = (member.T @ values).double()
        return torch.stack([total / inside.clamp(min=1), (values.sum(0) - total) / (len(y) - inside).clamp(min=1)])

    means = halves(f)
    mean = means.mean(0)
    deviation = (halves(f.square()).mean(0) - mean.square()).clamp(min=0).sqrt()
    deviation = torch.where(deviation > 1e-6, deviation, 0)
    rho = torch.where(deviation > 0, (means[0] - mean) / deviation.clamp(min=1e-12), 0)
    label = rho.abs().argmax(0)
    rho, mean, deviation = (values.gather(0, label[None])[0].float() for values in (rho, mean, deviation))
    return Purpose(label, torch.where(rho < 0, -1.0, 1.0), mean, deviation)
