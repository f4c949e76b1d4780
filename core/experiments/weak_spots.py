"""Where one digit is weak: what every single pixel, alone, does to a network's answer."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.attacks.few_pixels import exhaustive
from core.networks.digits import Classifier
from core.types import Images, Labels


@dataclass(frozen=True, eq=False)
class WeakSpots:
    """What single pixels cost a digit: probability of its label, 0 to 1, and whether the answer changes, (h, w) each."""

    label: int
    says: int  # what the network says before anything is changed
    before: float  # probability of the label
    lost: Float[Tensor, "h w"]  # the most that any value of a pixel takes from it
    flipped: Bool[Tensor, "h w"]
    weakest: tuple[int, int]  # row, column
    value: float  # that the weakest pixel is set to
    questions: int  # to the network


def weak_spots(model: Classifier, x: Images, y: Labels, values: tuple[float, ...]) -> WeakSpots:
    """Try every pixel of one digit, (1, 1, h, w), in every value; `y` is its label, (1,)."""
    probability, answer = exhaustive(model, x, y, values)  # (1, values, h, w)
    with torch.no_grad():
        clean = model(x).softmax(1)[0]
    before = float(clean[y[0]])
    lost = (before - probability[0]).amax(0)
    place = int(lost.argmax())
    return WeakSpots(
        label=int(y[0]),
        says=int(clean.argmax()),
        before=before,
        lost=lost,
        flipped=(answer[0] != y[0]).any(0),
        weakest=divmod(place, lost.shape[1]),
        value=values[int(probability[0].flatten(1)[:, place].argmin())],
        questions=probability.numel(),
    )
