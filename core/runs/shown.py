"""What a run shows of itself after each epoch: its work on the same few test images, and how well it does."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from core import noise
from core.data import datasets
from core.data.datasets import Dataset
from core.measures import metrics
from core.networks.digits import DigitCNN
from core.training.recipes import Denoising, Recipe
from core.types import Labels, generator

SAMPLES = 8  # test images that are shown
EXAMINED = 1000  # test digits a classifier is asked

Sampler = Callable[[nn.Module], dict[str, Tensor]]


def unusual(test: Dataset) -> Labels:
    """Return the indices of SAMPLES test digits, of a class each: the furthest (L2) from the mean of their class.

    Any network reads most digits after an epoch; these it has to learn. Looked for among the first EXAMINED.
    """
    some = test.part(slice(0, EXAMINED))
    x, apart = some.images(slice(None)), torch.zeros(len(some))
    for label in some.labels.unique():
        here = some.labels == label
        apart[here] = metrics.l2(x[here], x[here].mean(0, keepdim=True))
    furthest = [int(torch.where(some.labels == label, apart, -1.0).argmax()) for label in some.labels.unique()]
    return torch.tensor(sorted(furthest, key=lambda i: -float(apart[i]))[:SAMPLES]).sort().values


def sampler(recipe: Recipe) -> Sampler:
    """Return what makes a network do its work on SAMPLES test images, in eval mode, and changes nothing of it.

    Digits are `unusual` ones, pictures the first.

    It gives "input" and "truth" (N, C, H, W) and "output", the same in [0, 1]; of a classifier "truth" are labels (N,) and
    "output" probabilities (N, 10). Of a DigitCNN also "filters", those of its first layer (M, 1, K, K), and "maps" (M, h, w), what
    they make of the first image.
    """
    test = datasets.load(recipe.dataset, "test")
    denoises = isinstance(recipe, Denoising)
    chosen = torch.arange(min(SAMPLES, len(test))) if denoises else unusual(test)
    x = test.images(chosen)
    seen = noise.eight_bit(recipe.noise(x, generator(0))) if isinstance(recipe, Denoising) else x
    truth = x if denoises else test.labels[chosen]

    @torch.no_grad()
    def sampled(model: nn.Module) -> dict[str, Tensor]:
        training = model.training
        output = model.eval()(seen.to(next(model.parameters()).device)).cpu()
        model.train(training)
        found = dict(input=seen, output=output.clamp(0, 1) if denoises else output.softmax(1), truth=truth)
        if isinstance(model, DigitCNN):
            first = deepcopy(model.conv1).cpu()
            found |= dict(filters=first.weight.detach(), maps=first(seen[:1])[0])
        return found

    return sampled


@torch.no_grad()
def accuracy(recipe: Recipe, model: nn.Module) -> float:
    """Return the share, 0 to 1, of the first EXAMINED test digits that a classifier reads right."""
    test = datasets.load(recipe.dataset, "test")
    some = slice(0, EXAMINED)
    device = next(model.parameters()).device
    return float(metrics.correct(model(test.images(some).to(device)).cpu(), test.labels[some]).mean())
