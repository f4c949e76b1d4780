"""What is measured, one module each. The command line, the documents and the list of what is stale loop over EXPERIMENTS."""

from typing import Any

from core.experiments import (
    accuracy,
    attack_rates,
    certificate,
    classical,
    constructed,
    defence,
    denoising,
    directions,
    every_pixel,
    features,
    few_pixels,
    halves,
    input_sizes,
    linearity,
    noise_means,
    other_noise,
    photographs,
    softmax,
    study_digits,
    study_pictures,
    told,
    trainings,
    transfer,
    unet_features,
    unfamiliar,
    worst_curves,
)  # fmt: skip
from core.experiments.results import Experiment

EXPERIMENTS: dict[str, Experiment[Any]] = {
    module.STORE.name: module.EXPERIMENT
    for module in (
        accuracy, denoising, other_noise, told, unfamiliar, photographs, classical, attack_rates, worst_curves, directions, transfer, defence, certificate,
        few_pixels, every_pixel, features, halves, constructed, unet_features, study_digits, study_pictures, noise_means, trainings,
        linearity, input_sizes, softmax,
    )
}  # fmt: skip
