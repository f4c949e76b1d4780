"""Measure a little on the sample, on whatever RAY_ADDRESS says, and keep it: `python -m tests.clustered FILE`."""

import sys

import torch

from core import checkpoints
from core.attacks import FGSM
from core.data import datasets
from core.experiments import accuracy, denoising
from core.models import autocast
from core.noise import Gaussian

if __name__ == "__main__":
    model, card = checkpoints.classifier("digit-cnn")
    *_counts, counts = accuracy.sweep(
        model, datasets.sample("mnist", "test"), FGSM(), (0.0, 0.1, 0.2), seed=0, batch=20, workers=2
    )
    denoiser, card = checkpoints.denoiser("n2n-gaussian-50")
    tiles, noises = datasets.sample("cifar10", "test"), (Gaussian(25.0), Gaussian(50.0))
    begun = denoising.begin(denoising.STORE.provenance([card], tiles, "bfloat16"), noises)
    *_, found = denoising.denoised(autocast(denoiser), begun, tiles, len(tiles), workers=2)
    torch.save(dict(counts=counts, tables=found.rows), sys.argv[1])
