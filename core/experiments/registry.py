"""What is measured, one module each. The command line, the documents and the list of what is stale loop over EXPERIMENTS."""

from typing import Any

from core.experiments import (
    accuracy,
    attack_rates,
    certificate,
    classical,
    defence,
    denoising,
    directions,
    every_pixel,
    few_pixels,
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
    unfamiliar,
    worst_curves,
)  # fmt: skip
from core.experiments.results import Experiment

EXPERIMENTS: dict[str, Experiment[Any]] = {
    module.STORE.name: module.EXPERIMENT
    for module in (
        accuracy, denoising, other_noise, told, unfamiliar, photographs, classical, attack_rates, worst_curves, directions, transfer, defence, certificate,
        few_pixels, every_pixel, study_digits, study_pictures, noise_means, trainings,
        linearity, input_sizes, softmax,
    )
}  # fmt: skip
