"""Images per second of training and of denoising, beside the usual way: `python -m benchmarks.denoise`.

The usual way is a plain loop in float32 over a DataLoader whose data set opens every image as a PIL picture and draws
its noise with numpy, one image at a time; the same U-Net, noise, loss and cores; Adam, as there.
"""

import os
import time
from collections.abc import Iterator

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
from core.models import UNet, autocast
from core.noise import BlindGaussian
from core.training import loop, pairs, recipes
from core.training.losses import L2
from core.types import Images

SECONDS = 20.0  # each way is timed for about so long, after three steps to warm up
BATCHES = (4, 64)  # the usual repositories' default, and ours


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

    def correction(self, x: Images) -> Images:
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


def usual(images: Dataset, batch: int) -> Iterator[int]:
    """Train as most do."""
    model = plain()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    loss = torch.nn.MSELoss()
    for x, y in DataLoader(Pairs(images), batch, shuffle=True, num_workers=2):
        optimiser.zero_grad()
        loss(model(x), y).backward()
        optimiser.step()
        yield len(x)


def ours(images: Dataset, batch: int) -> Iterator[int]:
    """Train as the recipes do, moving average included."""
    model = UNet()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    feed = pairs.noise2noise(pairs.scenes(images, batch), BlindGaussian(50.0))
    averaged = loop.average(model)
    fabric = loop.on_device("cpu", "bf16-mixed")
    steps = len(images) // batch
    for _ in loop.Fit(
        model, feed, L2(), optimiser, epochs=1, steps=steps, seed=0, averaged=averaged, clip=1.0, fabric=fabric
    ):
        yield batch


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
    print(f"{torch.get_num_threads()} threads, {images.title}; images per second")
    mine = speed(ours(images, 64))
    for batch in BATCHES:
        theirs = speed(usual(images, batch))
        print(
            f"training: ours (batch 64) {mine:.0f}, the usual way (batch {batch}) {theirs:.0f}: {mine / theirs:.1f} times"
        )
    model = recipes.untrained(recipes.recipe("n2n-gaussian-50"))
    assert isinstance(model, UNet)
    model.eval().requires_grad_(False)
    x, _ = corrupted(BlindGaussian(), images.images(slice(0, 5000)), 0)
    quickly, slow = speed(batched(model, x)), speed(one_by_one(plain(), x))
    print(f"denoising: ours {quickly:.0f}, one image at a time {slow:.0f}: {quickly / slow:.1f} times")


if __name__ == "__main__":
    main()
