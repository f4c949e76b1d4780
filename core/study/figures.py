"""Figures of the study that report no number: what each shows, what the same gives here, and where it is on our own networks."""

from collections.abc import Iterator
from functools import cache

import torch

from core import models
from core.experiments import attack_rates, constructed, denoising, every_pixel, features, study_digits, study_pictures
from core.experiments import linearity as lines
from core.experiments.denoising import Denoised
from core.measures import inside
from core.measures.inside import Block, Staged
from core.networks.unet import UNet
from core.study import reported
from core.study.background import MISSING, Finding

FIVE = dict(image="333", add="ReplaceGaussian", strength="0.1", seed=str(study_digits.SHOWN[333][1]))
NINE = dict(image="20", add="FGSM", strength="0.1")


def fooled() -> Iterator[Finding]:
    """Figures 1 and 2: a change too small to see, and a single pixel."""
    said, tried = digit(20), every_pixel.STORE.get("digit-cnn")
    yield Finding(
        "Figure 1", "FGSM on GoogLeNet: a change too small to see, and another answer", said,
        "", "see", (1,), NINE,
    )  # fmt: skip
    yield Finding(
        "Figure 2", "one pixel changed, three networks misled",
        f"a single pixel misleads digit-cnn on {tried.clean - tried.safe:,} of the {tried.clean:,} digits it reads right, every one tried in black and white (n = {tried.n:,})" if tried else MISSING,
        "", "pixels", (2,), dict(image="333"),
    )  # fmt: skip


def kinks() -> Iterator[Finding]:
    """Figure 3: the bent straight lines networks are made of."""
    known = lines.STORE.get("digit-cnn")
    here = MISSING
    if known:
        crossed = {way: 100 * known.mean(f"{known.stages[-1]} crossed, {way}")[0] for way in lines.LINES}
        here = f"share of {known.network}'s units in “{known.stages[-1]}” that cross their kink at epsilon {lines.SIZE:g}: {crossed[lines.ATTACK]:.1f} % under attack, {crossed[lines.CHANCE]:.1f} % by chance (n = {known.n:,}, seed {known.seed})"
    yield Finding("Figure 3", "activations that are piece-wise linear", here, "", "linear", (3,))


def brittle() -> Iterator[Finding]:
    """Figure 4, and what the study quotes of training on robust or on brittle features alone."""
    known, made = features.current(), constructed.STORE.current()
    yield Finding(
        "Figure 4", "features that are robust, and features that are not",
        "; ".join(one.line for one in known.values()) or MISSING, "", "brittle", (4,),
    )  # fmt: skip
    yield Finding(
        "Section 2.2.2, quoted",
        f"of adversarial examples, {reported.ROBUST_ALONE:g} % are read right after training on robust features alone, {reported.BRITTLE_ALONE:g} % after training on non-robust ones",
        "; ".join(made[key].line for key in constructed.SETS if key in made) or MISSING,
        "Of Ilyas et al., on CIFAR-10: here the same construction from MNIST.", "brittle",
    )  # fmt: skip


def networks() -> Iterator[Finding]:
    """Figures 5 and 6: the digit network, drawn from the code, and its filters."""
    blocks, parameters = _drawn("DigitCNN", 1, 28)
    chain = ", ".join(f"{b.stage.operation} {b.size}" for b in blocks)
    yield Finding(
        "Figure 5", "two 5x5 convolutions, each pooled and rectified, and two linear layers",
        f"drawn from the code: {chain}; {parameters:,} parameters", "", "inside", (5,), dict(view="digits", **FIVE),
    )  # fmt: skip
    yield Finding(
        "Figure 6", "the filters of both layers",
        "the filters of digit-cnn, trained here, and the test digits that excite each most", "", "learned", (6,), dict(network="digit-cnn"),
    )  # fmt: skip


def unet() -> Iterator[Finding]:
    """Figure 16: the U-Net, drawn from the code."""
    blocks, parameters = _drawn("UNet", 3, UNet.SIDE)
    deep = min(block.side for block in blocks)
    yield Finding(
        "Figure 16", "the U-Net of Noise2Noise",
        f"drawn from the code: {len(blocks)} convolutions, from {UNet.SIDE} x {UNet.SIDE} pixels down to {deep} x {deep} and back; {parameters:,} parameters",
        "As wide and as deep as in the appendix of Lehtinen et al.", "inside", (16,),
    )  # fmt: skip


def led_astray() -> Iterator[Finding]:
    """Figure 11: which pixels of the noise turned the 5 into an 8."""
    known = study_digits.STORE.get("digit-cnn")
    said = known.of(333) if known else None
    here, why = MISSING, ""
    if known and said:
        changed, few, chance = said.turned
        here = f"{few} of the {changed} changed pixels, those most to blame, set back are enough for a {said.before} again; set back in an order by chance it takes {chance:.0f} ({known.network}, seed {said.seed})"
        why = "Blame: integrated gradients of the wrong logit less the right one. Where the pixels lie is on the page."
    yield Finding(
        "Figure 11", "a somewhat diagonal pattern of the noise may have been seen as the missing stroke of an 8", here, why,
        "inside", (11,), dict(view="digits", **FIVE),
    )  # fmt: skip


def first_maps() -> Iterator[Finding]:
    """Figures 35 and 36: the maps of the first layer."""
    for figure, what, index, query in ((35, "under noise", 333, FIVE), (36, "under FGSM", 20, NINE)):
        yield Finding(
            f"Figure {figure}", f"maps of the first layer, {what}", digit(index),
            "Figures 10 and 14 are the same for the second layer: choose its block.", "inside", (figure,), dict(view="digits", **query, block="conv1"),
        )  # fmt: skip


def learning() -> Iterator[Finding]:
    """Figures 15, 17, 20 to 22 and 25: losses, training pairs, photons."""
    found = {loss: denoising.STORE.get(f"n2n-random-impulse-{loss}") for loss in ("l2", "l1", "l0")}
    scores = [f"{loss.upper()} {one.own['denoised']['mean']:.2f} dB" for loss, one in found.items() if one]
    yield Finding(
        "Figure 15", "L0 finds the clean image, L1 and L2 are off by a constant",
        f"half the values replaced: {', '.join(scores)}{_n(found['l0'])}" if scores else MISSING,
        "One training each, alike but for the loss.", "learn", (15,), dict(view="losses"),
    )  # fmt: skip
    for figure, kind in ((17, "BlindGaussian"), (22, "BlindPoisson"), (25, "BlindImpulse")):
        yield Finding(
            f"Figure {figure}", "two noisy versions of one picture: what is seen, and what is to be said",
            "as many pairs as you like, drawn by the code that trains", "", "learn", (figure,), dict(view="pair", add=kind),
        )  # fmt: skip
    yield Finding(
        "Figures 20 and 21", "photons counted in each pixel, and how the light differs from image to image",
        "drawn at any light, and for four dispersions", "", "learn", (20, 21), dict(view="photons"),
    )  # fmt: skip


def attacked() -> Iterator[Finding]:
    """Figures 28 and 29: DAG, and the two pictures it is tried on."""
    known = attack_rates.STORE.get("n2n-gaussian-50")
    ship, truck = study_pictures.PICTURES.values()
    yield Finding(
        "Figure 28", "DAG leads a segmentation and a detection network astray",
        known.line if known else MISSING, "Turned on denoisers, as in the study's section 4.1.", "fooled", (28,), dict(attack="DAG", image=str(ship)),
    )  # fmt: skip
    yield Finding(
        "Figure 29", "a ship and a truck", f"CIFAR-10's test images {ship:,} and {truck:,}", "", "denoise", (29,),
        {"image": str(ship)},
    )  # fmt: skip


def digit(index: int) -> str:
    """Say what became of one of the study's digits."""
    known = study_digits.STORE.get("digit-cnn")
    if known is None or (said := known.of(index)) is None:
        return MISSING
    p, q = said.sure
    return f"{said.before} ({100 * p:.0f} %) -> {said.after} ({100 * q:.0f} %) on {known.network}, {said.corruption}, seed {said.seed}"


@cache
def _drawn(architecture: str, channels: int, side: int) -> tuple[tuple[Block, ...], int]:
    """Return the blocks of a network, for images of that size, and how many parameters it has."""
    model = models.build(architecture, 0)
    assert isinstance(model, Staged)
    maps = inside.maps(model, torch.zeros(1, channels, side, side))
    return tuple(inside.blocks(model, maps).values()), sum(p.numel() for p in model.parameters())


def _n(found: Denoised | None) -> str:
    return f" (n = {found.n:,}, seed {found.seed})" if found else ""
