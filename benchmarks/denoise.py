"""Time to quality of training, and images per second of denoising, beside the usual way: `python -m benchmarks.denoise`.

A training is timed from drawn weights to GOAL on the validation set of n2n-gaussian-50, which takes no time itself. Ours is that
recipe, dead leaves and all, planned for STEPS steps; how it ends is printed. The usual way is a plain loop in float32 over
a DataLoader whose data set opens every image as a PIL picture and draws its noise with numpy, one image at a time; the same
U-Net, loss and cores; Adam at 1e-3, as there. It is scored every EVERY seconds until it is as good.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from core.data import datasets
from core.data.datasets import Dataset
from core.experiments.denoising import corrupted
from core.models import autocast
from core.networks.unet import UNet
from core.noise import BlindGaussian
from core.training import recipes
from core.training.loop import Score
from core.types import Images

SECONDS = 20.0  # denoising is timed for about so long, after three steps to warm up
BATCHES = (4, 64)  # the usual repositories' default, and ours
GOAL = 30.0  # dB, the mean PSNR on the validation set
STEPS = 400
EVERY, PATIENCE = 20.0, 1200.0  # seconds of training
RECIPE = recipes.RECIPES["n2n-gaussian-50"]
assert isinstance(RECIPE, recipes.Denoising)


class Pairs(TorchDataset[tuple[Tensor, Tensor]]):
    """Open one picture, add noise to it twice."""

    def __init__(self, images: Dataset) -> None:
        self.pictures = [Image.fromarray(p.permute(1, 2, 0).numpy()) for p in images.pixels]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x = np.asarray(self.pictures[index], dtype=np.float32) / 255
        sigma = np.random.default_rng().uniform(0, 50) / 255
        one, other = (x + sigma * np.random.default_rng().standard_normal(x.shape) for _ in range(2))
        clipped = np.round(np.clip(one, 0, 1) * 255) / 255
        return tuple(torch.from_numpy(z.astype(np.float32)).permute(2, 0, 1) for z in (clipped, other))  # type: ignore[return-value]


class Plain(UNet):
    """The same network, written as it is drawn."""

    def correction(self, x: Images, shifts: object = None) -> Images:
        """Compute what is to be added."""
        first, *rest, last = self.down
        z = F.leaky_relu(first(x), 0.1)
        skips = [x]
        for layer in rest:
            z = F.max_pool2d(F.leaky_relu(layer(z), 0.1), 2)
            skips.append(z)
        skips.pop()
        z = F.leaky_relu(last(z), 0.1)
        for one, two in zip(self.up[::2], self.up[1::2], strict=True):
            z = torch.cat([F.interpolate(z, scale_factor=2, mode="nearest"), skips.pop()], 1)
            z = F.leaky_relu(two(F.leaky_relu(one(z), 0.1)), 0.1)
        return self.out(z)  # type: ignore[no-any-return]

    def forward(self, x: Images) -> Images:
        return x + self.correction(x)


def plain() -> UNet:
    """Build the U-Net as most do: without channels_last, upsampling and joining before it convolves."""
    model = Plain()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return model


def usual(images: Dataset, batch: int, score: Score) -> tuple[float, float]:
    """Train as most do, until it is good enough or the patience is at its end; return the score and the seconds."""
    model, found, seconds, told, start = plain(), 0.0, 0.0, 0.0, time.perf_counter()
    optimiser, loss = torch.optim.Adam(model.parameters(), 1e-3), torch.nn.MSELoss()
    while True:
        for x, y in DataLoader(Pairs(images), batch, shuffle=True, num_workers=2):
            optimiser.zero_grad()
            loss(model(x), y).backward()
            optimiser.step()
            seconds = time.perf_counter() - start
            if seconds - told > EVERY:
                told, paused = seconds, time.perf_counter()
                found = score(model)
                start += time.perf_counter() - paused
                if found >= GOAL or seconds > PATIENCE:
                    return found, seconds


def ours(images: Dataset, steps: int) -> tuple[float, float]:
    """Train by the recipe, in so many steps in all; return the score and the seconds."""
    aside, wanted = recipes.VALIDATION, steps * RECIPE.batch
    recipe, start = replace(RECIPE, epochs=1), time.perf_counter()
    fit = recipes.train(recipe, recipes.untrained(recipe), images.part(slice(-aside - wanted, None)))
    validate, fit.validate = fit.validate, None
    deque(fit, maxlen=0)
    seconds = time.perf_counter() - start
    assert validate
    return validate(fit.model), seconds


@torch.no_grad()
def one_by_one(model: UNet, x: Tensor) -> Iterator[int]:
    """Denoise as a plain loop does."""
    for image in x:
        model(image[None])
        yield 1


@torch.no_grad()
def batched(model: UNet, x: Tensor) -> Iterator[int]:
    """Denoise as `python -m core measure` does."""
    run = autocast(model)
    for part in x.split(50):
        run(part)
        yield len(part)


def speed(steps: Iterator[int]) -> float:
    """Return images per second."""
    for _ in range(3):
        next(steps)
    start, images = time.perf_counter(), 0
    for count in steps:
        images += count
        if time.perf_counter() - start > SECONDS:
            break
    return images / (time.perf_counter() - start)


def main() -> None:
    """Print both ways' speeds and their ratios."""
    torch.set_num_threads(os.cpu_count() or 1)
    images = datasets.load("cifar10", "train")
    assert isinstance(RECIPE, recipes.Denoising)
    learned, score = images.part(slice(-recipes.VALIDATION)), recipes.validation(RECIPE, images)
    print(
        f"{torch.get_num_threads()} threads, {images.title}; seconds to {GOAL:.1f} dB on {recipes.VALIDATION:,} images set aside"
    )
    found, mine = ours(images, STEPS)
    print(f"training: ours, {STEPS} steps, {found:.2f} dB after {mine:.0f} s")
    for batch in BATCHES:
        found, theirs = usual(learned, batch, score)
        print(
            f"training: the usual way (batch {batch}) {found:.2f} dB after {theirs:.0f} s, {theirs / mine:.1f} times as long"
        )
    model = recipes.untrained(recipes.recipe("n2n-gaussian-50"))
    assert isinstance(model, UNet)
    model.eval().requires_grad_(False)
    x, _ = corrupted(BlindGaussian(), images.images(slice(0, 5000)), 0)
    quickly, slow = speed(batched(model, x)), speed(one_by_one(plain(), x))
    print(f"denoising: ours {quickly:.0f}, one image at a time {slow:.0f}: {quickly / slow:.1f} times")


if __name__ == "__main__":
    main()
