"""What is measured, one module each. The command line, the documents and the list of what is stale loop over EXPERIMENTS."""

from typing import Any

from core.experiments import accuracy, every_pixel, few_pixels
from core.experiments.results import Experiment

EXPERIMENTS: dict[str, Experiment[Any]] = {
    module.STORE.name: module.EXPERIMENT for module in (accuracy, few_pixels, every_pixel)
}
