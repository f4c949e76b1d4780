"""Names, levels and figures in words, as captions and tables say them."""

import re
from math import inf, isfinite
from typing import Any

from core.experiments import denoising
from core.experiments.denoising import Kept
from core.noise import Blind, BlindGaussian, BlindImpulse, BlindPoisson, Noise


def title(kind: str) -> str:
    """Turn the name of a class into words.

    >>> title("SaltAndPepper"), title("ReplaceGaussian"), title("TargetedPGD")
    ('salt and pepper', 'replace by Gaussian', 'targeted PGD')
    """
    parts = re.findall("[A-Z]+(?![a-z])|[A-Z][a-z]*", kind.replace("Replace", "ReplaceBy"))
    return " ".join(part if part in ("Gaussian", "Poisson") or part.isupper() else part.lower() for part in parts)


def sentence(noise: Noise) -> str:
    """Say a noise in words, with its level.

    >>> sentence(BlindGaussian(50.0)), sentence(BlindPoisson(9.0))
    ('Gaussian noise of sigma 0 to 50 grey levels', 'shot noise at about 9 photons per pixel')
    """
    match noise:
        case BlindGaussian(sigma_max):
            return f"Gaussian noise of sigma 0 to {sigma_max:g} grey levels"
        case BlindPoisson(mean):
            return f"shot noise at about {mean:g} photons per pixel"
        case BlindImpulse(p, sigma_max):
            return f"impulse noise that hits {100 * p:g} % of the values, of sigma 0 to {sigma_max:g} grey levels"
    return repr(noise)


def settings(rows: dict[str, Any]) -> list[dict[str, str]]:
    """Write what a denoiser scores under each setting as a table of words."""

    def cell(value: dict[str, Any] | None, digits: int) -> str:
        if value is None:
            return "identical"
        return f"{value['mean']:.{digits}f} ({value['quantiles'][0]:.{digits}f} to {value['quantiles'][-1]:.{digits}f})"

    return [
        {
            "noise": noise,
            "noisy, dB": cell(row["noisy"], 1),
            "denoised, dB": cell(row["denoised"], 1),
            "noisy, SSIM": cell(row["noisy_ssim"], 2),
            "denoised, SSIM": cell(row["denoised_ssim"], 2),
            "made worse": f"{row['worse']:.2f} %",
        }
        for noise, row in rows.items()
    ]


def harm(name: str, kept: Kept, made_for: Noise) -> str:
    """Say below which noise a denoiser makes pictures worse, on the images and levels it was measured with; "" if never."""
    weakest = denoising.break_even_level(kept.table, made_for.LEVEL.falling) if isinstance(made_for, Blind) else None
    if weakest is None or not isinstance(made_for, Blind):
        return ""
    bound = f"{'more' if made_for.LEVEL.falling else 'less'} than {weakest:.3g} {made_for.LEVEL.unit}"
    return (
        f"**Do no harm.** Under {sentence(made_for)}, {name} makes pictures worse, on average, at {bound} "
        f"({kept.data}, n = {len(kept.table):,}, noise seed {denoising.SEED})."
    )


def decibels(value: float) -> str:
    """Write a PSNR; that of identical pictures is infinite."""
    return f"{value:.2f} dB" if value < inf else "identical"


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
