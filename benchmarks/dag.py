"""DAG on 256 images: in batches, a core each, against one image at a time with a Python loop over pixels for the mask (the usual way).

`python -m benchmarks.dag` prints seconds per image and the ratio; it fails below 20 times. The usual way is timed on a few
images, for all of them would take most of an hour; both give nearly the same images (bfloat16 here, float32 there).
"""

import os
import sys
import time

import torch

from benchmarks.denoise import plain
from core import checkpoints, noise
from core.attacks import DAG
from core.data import datasets
from core.models import autocast
from core.networks.unet import UNet
from core.noise import Gaussian
from core.parallel import imap
from core.types import Images

IMAGES, BATCH, FEW = 256, 128, 4
ATTACK = DAG()


def usual(model: UNet, clean: Images, noisy: Images) -> Images:
    """Attack one image, asking pixel by pixel whether it is done; the gradient by `backward`, as in PyTorch's own tutorial."""
    z = clean
    for _ in range(ATTACK.steps):
        z = z.detach().requires_grad_()
        output = model(z)
        mask = torch.zeros_like(z)
        for row in range(z.shape[2]):
            for column in range(z.shape[3]):
                if (output[0, :, row, column] - noisy[0, :, row, column]).abs().sum() > ATTACK.tolerance:
                    mask[0, :, row, column] = 1
        model.zero_grad()
        (mask * output * (noisy - clean)).sum().backward()
        assert z.grad is not None
        z = (z.detach() + ATTACK.gamma * mask * z.grad / z.grad.norm()).clamp(0, 1)
    return z


def main() -> int:
    """Time both on the same network and images."""
    model, card = checkpoints.denoiser("n2n-gaussian-50")
    slow = plain()
    slow.load_state_dict(model.state_dict())
    case = noise.noisy_batch(datasets.load("cifar10", "test").images(slice(0, IMAGES)), Gaussian(50.0), 0)
    print(f"{card.name}, {len(case.clean)} images, {ATTACK!r}, {torch.get_num_threads()} threads")
    pairs = list(zip(case.clean.split(BATCH), case.noisy.split(BATCH), strict=True))
    started = time.perf_counter()
    ours = torch.cat(list(imap(lambda pair: ATTACK(autocast(model), *pair), pairs, os.cpu_count() or 1)))
    batched = (time.perf_counter() - started) / len(ours)
    started = time.perf_counter()
    theirs = torch.cat([usual(slow, case.clean[[k]], case.noisy[[k]]) for k in range(FEW)])
    single = (time.perf_counter() - started) / FEW
    apart = float((ours[:FEW] - theirs).abs().max())
    print(
        f"  in batches of {BATCH}, one per core, {batched:.3f} s an image, one at a time {single:.3f} s; at most {apart:.1e} apart"
    )
    print(f"one at a time / in batches: {single / batched:.1f} times (goal 20)")
    return 0 if single >= 20 * batched else 1


if __name__ == "__main__":
    sys.exit(main())
