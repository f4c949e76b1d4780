"""How can it learn from noise alone? The photons that reach each pixel of a picture, mean of three colours."""

import torch

from core.data import datasets
from core.types import generator

IMAGE = 87
LIGHT = 100  # photons at white

x = datasets.middle(datasets.picture(IMAGE), 128)  # of a large one
counts = torch.poisson(x * LIGHT, generator=generator(0))[0].mean(0)
print(f"{float(counts.min()):.0f} to {float(counts.max()):.0f} photons")
