"""Can it see through the noise? One picture under one noise, and what one network makes of it."""

from core import checkpoints, noise
from core.data import datasets
from core.denoisers import scales
from core.measures import metrics
from core.noise import Gaussian
from core.types import generator

NETWORK = "n2n-gaussian-50"
IMAGE = "astronaut"  # a photograph by its name, or a test image by its number
ADD = Gaussian(sigma=50.0)
SEED = 0

model, card = checkpoints.denoiser(NETWORK)
x = datasets.picture(IMAGE)
noisy = noise.eight_bit(ADD(x, generator(SEED)))
*_, last = scales.suited(noise.parse(card.recipe["noise"]))(model, noisy)  # a photograph at two scales
denoised = last.image
for name, z in {"noisy": noisy, "denoised": denoised}.items():
    print(f"{name}: {float(metrics.psnr(z, x)):.1f} dB, SSIM {float(metrics.ssim(z, x)):.3f}")
