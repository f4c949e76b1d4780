"""Names, levels and figures in words, as captions and tables say them."""

from math import inf, isfinite

from core.attacks import ATTACKS, Attack
from core.attacks.worst_case import WorstCase
from core.experiments import denoising
from core.experiments.attack_path import Timeline
from core.experiments.denoising import Denoised
from core.measures import metrics
from core.noise import BLIND, NOISES, TRAINABLE, Blind, Noise


def title(kind: str) -> str:
    """Return what a noise or an attack on a classifier is called, by the name of its class.

    >>> title("SaltAndPepper"), title("ReplaceGaussian"), title("TargetedPGD")
    ('salt and pepper', 'replace by Gaussian', 'targeted PGD')
    """
    kinds: dict[str, type[Noise] | type[Attack]] = {**NOISES, **BLIND, **TRAINABLE, **ATTACKS, "WorstCase": WorstCase}
    return kinds[kind].TITLE


def settings(found: Denoised) -> list[dict[str, str]]:
    """Write what a denoiser scores under each noise as a table of words."""
    heads = ("noisy, dB", "denoised, dB", "noisy, SSIM", "denoised, SSIM")
    return [
        {
            "noise": noise,
            **dict(zip(heads, denoising.cells(row, (1, 2), "identical"), strict=True)),
            "made worse": f"{row['worse']:.2f} %",
        }
        for noise, row in zip(found.noises, found.summaries, strict=True)
    ]


def harm(name: str, kept: Denoised, made_for: Noise) -> str:
    """Say below which noise a denoiser makes pictures worse, on the images and levels it was measured with; "" if never."""
    weakest = denoising.break_even_level(kept.table, made_for.LEVEL.falling) if isinstance(made_for, Blind) else None
    if weakest is None or not isinstance(made_for, Blind):
        return ""
    bound = f"{'more' if made_for.LEVEL.falling else 'less'} than {weakest:.3g} {made_for.LEVEL.unit}"
    return (
        f"**Do no harm.** Under {made_for.sentence}, {name} makes pictures worse, on average, at {bound} "
        f"({kept.data}, n = {kept.n:,}, noise seed {kept.seed})."
    )


def lengths(found: Timeline) -> str:
    """Say how far an attack went, and the noise."""
    noise = float(metrics.l2(found.batch.noisy, found.batch.clean))
    return f"The attack's L2 after its last step: {float(found.l2[-1]):.2f}; the noise's: {noise:.2f}. "


def decibels(value: float, digits: int = 2) -> str:
    """Write a PSNR; that of identical pictures is infinite."""
    return f"{value:.{digits}f} dB" if value < inf else "identical"


def duration(seconds: float) -> str:
    """Write a time.

    >>> duration(59.6), duration(150), duration(9000)
    ('60 seconds', '2 minutes', '2.5 hours')
    """
    if not isfinite(seconds):
        return "an unknown time"
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
