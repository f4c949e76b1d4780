"""What is measured, one module each. The command line, the documents and the list of what is stale loop over EXPERIMENTS."""

from typing import Any

from core.experiments import accuracy, attack_rates, defence, every_pixel, few_pixels, transfer
from core.experiments.results import Experiment

EXPERIMENTS: dict[str, Experiment[Any]] = {
    module.STORE.name: module.EXPERIMENT
    for module in (accuracy, attack_rates, transfer, defence, few_pixels, every_pixel)
}
