"""Measure a little on the sample, on whatever RAY_ADDRESS says, and keep it: `python -m tests.clustered FILE`."""

import sys

import torch

from core import checkpoints, data, evaluation, quality
from core.attacks import FGSM
from core.models import quick
from core.noise import Gaussian

if __name__ == "__main__":
    model, card = checkpoints.classifier("digit-cnn")
    *_counts, counts = evaluation.sweep(
        model, data._digits("test", ""), FGSM(), (0.0, 0.1, 0.2), seed=0, batch=20, workers=2
    )
    denoiser, card = checkpoints.denoiser("n2n-gaussian-50")
    tiles, noises = data._tiles("test", ""), (Gaussian(25.0), Gaussian(50.0))
    tables = quality.empty(noises, len(tiles))
    for _done in quality.measure(quick(denoiser), tiles, noises, tables, workers=2):
        pass
    torch.save(dict(counts=counts, tables=tables), sys.argv[1])
