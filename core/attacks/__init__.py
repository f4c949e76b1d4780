"""Attacks: corruptions drawn from the model itself.

An attack takes its parameters when it is built and the model when it is called, and returns images in [0, 1],
nothing else. What became of them is measured outside. Losses are summed over the batch, so no image feels its
neighbours; gradients are taken with respect to the images only, so a shared, frozen model is left untouched.

`labels` and `pixels` lead a classifier astray, `images` a denoiser.
"""

from core.attacks.denoisers import DAG, IMAGE_ATTACKS, L2PGD, ImageAttack, Lookalike, ObsAtk
from core.attacks.few_pixels import OnePixel
from core.attacks.linf import FGSM, PGD, Attack, TargetedPGD, gradient

ATTACKS = {"FGSM": FGSM, "PGD": PGD, "TargetedPGD": TargetedPGD}

__all__ = [
    "ATTACKS", "DAG", "FGSM", "IMAGE_ATTACKS", "L2PGD", "PGD", "Attack", "ImageAttack", "Lookalike", "ObsAtk",
    "OnePixel", "TargetedPGD", "gradient",
]  # fmt: skip
