"""Train a little on the sample, on as many processes as asked for, and write the losses: `python -m tests.shares N FILE`."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from core.data import datasets
from core.noise import BlindGaussian
from core.training import recipes
from core.training.losses import L2
from core.training.recipes import Denoising

RECIPE = Denoising("shared", "", BlindGaussian(50.0), L2(), architecture="DigitUNet", dataset="mnist", epochs=1)

if __name__ == "__main__":
    for recipe in (RECIPE, replace(recipes.PRESETS["One minute, digits"][0], epochs=1)):
        fit = recipes.train(
            recipe, recipes.untrained(recipe), datasets.sample("mnist", "train"), devices=int(sys.argv[1])
        )
        losses = [step.loss for step in fit]
        assert fit.fabric
        if fit.fabric.is_global_zero:
            with Path(sys.argv[2]).open("a") as file:
                file.write(json.dumps(losses) + "\n")
