"""One-pixel attacks at one budget (400 candidates x 100 generations): this house, torchattacks and ART, side by side.

`python -m benchmarks.pixels` prints seconds per image, how many digits each flips, and ratios; it fails where the search is
not three times, or the exhaustive one fifty times, as fast as each peer at as many flips. The digits are read right by the
network; half of them are its least sure ones, for few digits fall to one pixel.
"""

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from core import checkpoints
from core.attacks import OnePixel
from core.attacks.few_pixels import exhaustive
from core.data import datasets, torchvision_shim
from core.experiments import accuracy
from core.networks.digits import Classifier
from core.types import Images, Labels

torchvision_shim.datasets()  # torchattacks imports torchvision
warnings.filterwarnings("ignore")
import torchattacks  # noqa: E402
from art.attacks.evasion import PixelAttack  # noqa: E402
from art.estimators.classification import PyTorchClassifier  # noqa: E402

EACH = 10  # digits of either kind
Flips = Callable[[Classifier, Images, Labels], torch.Tensor]


def ours(model: Classifier, x: Images, y: Labels) -> torch.Tensor:
    """Search as this house does."""
    return misclassified(model, OnePixel(1, 400, 100)(model, x, y), y)


def everything(model: Classifier, x: Images, y: Labels) -> torch.Tensor:
    """Try every pixel in black and white."""
    return (exhaustive(model, x, y)[1] != y[:, None, None, None]).flatten(1).any(1)


def theirs(model: Classifier, x: Images, y: Labels) -> torch.Tensor:
    """Search with torchattacks, as many queries."""
    z = torchattacks.OnePixel(model, pixels=1, steps=100, popsize=400, inf_batch=400)(x, y)
    return misclassified(model, z, y)


def arts(model: Classifier, x: Images, y: Labels) -> torch.Tensor:
    """Search with the Adversarial Robustness Toolbox, whose population is 400."""
    scaled = PyTorchClassifier(
        torch.nn.Sequential(Scale(), model), torch.nn.CrossEntropyLoss(), x.shape[1:], 10, clip_values=(0, 255)
    )
    images = PixelAttack(scaled, th=1, es=1, max_iter=100).generate((255 * x).numpy().astype(np.float32), y.numpy())
    return misclassified(model, torch.from_numpy(images).float() / 255, y)


@torch.no_grad()
def misclassified(model: Classifier, x: Images, y: Labels) -> torch.Tensor:
    """Say which images the network gets wrong."""
    answers: torch.Tensor = model(x).argmax(1)
    return answers != y


class Scale(torch.nn.Module):
    """Bring grey levels from 0 to 255 into the network's range: ART's pixels are bytes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 255


def chosen(model: Classifier) -> tuple[Images, Labels]:
    """Choose digits that are read right: the least sure of them, and any."""
    test = datasets.load("mnist", "test")
    probability = accuracy.logits(model, test).softmax(1)
    sure, answer = probability.max(1)
    right = (answer == test.labels).nonzero().flatten()
    rows = torch.cat([right[sure[right].argsort()[: 20 * EACH : 20]], right[:EACH]])
    return test.images(rows), test.labels[rows]


def main() -> int:
    """Time the four in turn on the same digits."""
    model, card = checkpoints.classifier("digit-cnn")
    x, y = chosen(model)
    print(
        f"{card.name}, {len(x)} digits, one pixel, 400 candidates x 100 generations, {torch.get_num_threads()} threads"
    )
    seconds, flips = {}, {}
    for name, attack in {"search": ours, "exhaustive": everything, "torchattacks": theirs, "ART": arts}.items():
        attack(model, x[:1], y[:1])
        started = time.perf_counter()
        flips[name] = int(attack(model, x, y).sum())
        seconds[name] = (time.perf_counter() - started) / len(x)
        print(f"  {name:13}{seconds[name]:8.4f} s an image, {flips[name]} of {len(x)} flipped")
    good = True
    for mine, goal in (("search", 3), ("exhaustive", 50)):
        for peer in ("torchattacks", "ART"):
            ratio = seconds[peer] / seconds[mine]
            good &= ratio >= goal and flips[mine] >= flips[peer]
            print(f"{peer} / {mine}: {ratio:.1f} times (goal {goal}), flips {flips[mine]} against {flips[peer]}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
