"""How can it learn from noise alone? Three networks that differ in their loss alone, on one picture under one noise."""

import torch

from core import checkpoints, noise
from core.data import datasets
from core.measures import metrics
from core.noise import RandomImpulse
from core.types import generator

IMAGE = 87
ADD = RandomImpulse(p=0.5)

x = datasets.picture(IMAGE)
noisy = noise.eight_bit(ADD(x, generator(0)))
taught = {"RandomImpulse": "n2n-random-impulse-{}", "Impulse": "n2n-impulse-0.2-{}"}[type(ADD).__name__]
for loss in ("l2", "l1", "l0"):
    model, _ = checkpoints.denoiser(taught.format(loss).replace("n2n-impulse-0.2-l0", "n2n-impulse-0.2"))
    with torch.no_grad():
        print(f"{loss}: {float(metrics.psnr(model(noisy), x)):.1f} dB")
