"""Can it see through the noise? One picture under one noise, and what one network makes of it."""

import torch

from core import checkpoints, noise
from core.data import datasets
from core.measures import metrics
from core.noise import Gaussian
from core.types import generator

NETWORK = "n2n-gaussian-50"
IMAGE = "astronaut"  # a photograph by its name, or a test image by its number
ADD = Gaussian(sigma=50.0)
SEED = 0

model, _ = checkpoints.denoiser(NETWORK)
x = datasets.picture(IMAGE)
noisy = noise.eight_bit(ADD(x, generator(SEED)))
with torch.no_grad():
    denoised = model(noisy).clamp(0, 1)
for name, z in {"noisy": noisy, "denoised": denoised}.items():
    print(f"{name}: {float(metrics.psnr(z, x)):.1f} dB, SSIM {float(metrics.ssim(z, x)):.3f}")
