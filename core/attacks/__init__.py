"""Attacks: corruptions drawn from the model itself.

An attack takes its parameters when it is built and the model when it is called, and returns images in [0, 1],
nothing else. What became of them is measured outside. Losses are summed over the batch, so no image feels its
neighbours; gradients are taken with respect to the images only, so a shared, frozen model is left untouched.

`linf` and `few_pixels` lead a classifier astray, `denoisers` a denoiser; a new attack is one class, and one line in ATTACKS
or in DENOISER_ATTACKS.
"""

from core.attacks.denoisers import DAG, DENOISER_ATTACKS, L2PGD, DenoiserAttack, Lookalike, ObsAtk
from core.attacks.few_pixels import OnePixel
from core.attacks.linf import FGSM, PGD, Attack, TargetedPGD, gradient

ATTACKS: dict[str, type[Attack]] = {"FGSM": FGSM, "PGD": PGD, "TargetedPGD": TargetedPGD}

__all__ = [
    "ATTACKS", "DAG", "DENOISER_ATTACKS", "FGSM", "L2PGD", "PGD", "Attack", "DenoiserAttack", "Lookalike", "ObsAtk",
    "OnePixel", "TargetedPGD", "gradient",
]  # fmt: skip
