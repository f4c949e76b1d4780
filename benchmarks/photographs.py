"""A photograph of 512 x 512 and a picture of 4,000 x 3,000 denoised, beside the bare forward of as many windows and BM3D.

`python -m benchmarks.photographs` prints seconds on all cores, in one run, and their ratios; it fails where the photograph
takes more than 0.6 s or the picture more than 40, or either more than half as long again as the forward alone. BM3D, which
needs the package bm3d, denoises the photograph only.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from math import ceil
from time import perf_counter

import torch

from core import UserError, checkpoints
from core.denoisers import classical, scales
from core.experiments import photographs
from core.models import autocast, precision
from core.networks.unet import UNet
from core.noise import Gaussian, eight_bit
from core.parallel import imap
from core.types import Images, Model, generator

SIGMA = 25.0
GOALS = {(512, 512): 0.6, (3000, 4000): 40.0}  # seconds
MOST = 1.5  # times the bare forward
TIMES = 3  # the best of so many, for the photograph


def windows(length: int) -> int:
    """Count the windows that see a side of a picture."""
    side: int = UNet.SIDE
    return max(1, 1 + ceil((length - side) / (side // 2)))


@torch.no_grad()
def bare(model: Model, count: int, workers: int) -> None:
    """Pass as many windows through the network as there are, and throw away what comes out."""
    batch = torch.rand((UNet.AT_ONCE, 3, UNet.SIDE, UNet.SIDE), generator=generator(0))
    for _ in imap(lambda _: model(batch), range(ceil(count / UNet.AT_ONCE)), workers):
        pass


def seconds(work: Callable[[], object], times: int) -> float:
    """Return the seconds a piece of work takes, the least of so many times."""
    found = []
    for _ in range(times):
        start = perf_counter()
        work()
        found.append(perf_counter() - start)
    return min(found)


def picture(height: int, width: int) -> Images:
    """Return a noisy picture of this size: a photograph, repeated."""
    x = photographs.picture("astronaut")
    tall, wide = ceil(height / x.shape[2]), ceil(width / x.shape[3])
    return eight_bit(Gaussian(SIGMA)(x.repeat(1, 1, tall, wide)[..., :height, :width], generator(0)))


def main() -> int:
    """Time all three."""
    workers, met = os.cpu_count() or 1, True
    model = autocast(checkpoints.denoiser(photographs.NETWORK)[0])
    print(f"{photographs.NETWORK} in {precision('cpu')}, {workers} cores, seconds")
    bare(model, UNet.AT_ONCE * workers, workers)
    for (height, width), goal in GOALS.items():
        x, count = picture(height, width), windows(height) * windows(width)
        times = TIMES if count < 1000 else 1
        ours = seconds(partial(scales.denoised, model, x, workers), times)
        least = seconds(partial(bare, model, count, workers), times)
        print(f"{width} x {height}: {ours:.2f} (goal {goal:g}), the bare forward of {count:,} windows {least:.2f}: {ours / least:.2f} times")  # fmt: skip
        met &= ours <= goal and ours <= MOST * least
        if count < 1000:
            try:
                theirs = seconds(partial(classical.bm3d, x, SIGMA), 1)
                print(f"  BM3D {theirs:.1f}: {theirs / ours:.0f} times ours")
            except UserError as refusal:
                print(f"  {refusal}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
