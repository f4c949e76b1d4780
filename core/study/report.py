"""Tables in Markdown, written from the result files: what README and docs/denoisers.md show."""

from collections.abc import Iterator
from typing import Any

from core import UserError, checkpoints
from core.checkpoints import Card
from core.denoisers.classical import CLASSICAL
from core.experiments import denoising
from core.experiments.registry import EXPERIMENTS
from core.study import reported
from core.training import recipes
from core.training.recipes import Denoising

METHODS = (*CLASSICAL, "BM3D")


def cards() -> list[Card]:
    """Return the cards of all denoisers of photographs that are measured, in the order of their recipes."""
    found = []
    for recipe in recipes.RECIPES.values():
        try:
            card = checkpoints.read(recipe.name)
        except UserError:
            continue
        if isinstance(recipe, Denoising) and recipe.dataset == "cifar10" and card.scores:
            found.append(card)
    return found


def blind(card: Card) -> dict[str, Any]:
    """Return the scores of a denoiser under the noise it was trained on."""
    return dict(next(iter(card.scores["settings"].values())))


def networks() -> Iterator[str]:
    """Write the table of all denoisers beside the study's own and the classical methods."""
    classical = denoising.compared()
    yield "| network | noisy, dB | denoised, dB | SSIM | made worse | *study's network* | " + " | ".join(METHODS) + " |"
    yield "|---|---|---|---|---|---|" + "---|" * len(METHODS)
    for card in cards():
        row, theirs = blind(card), reported.DENOISERS.get(card.name)
        others = classical.get(card.recipe["noise"], {})
        cells = [f"{others[m]['denoised']['mean']:.1f}" if m in others else "" for m in METHODS]
        yield (
            f"| `{card.name}` | {row['noisy']['mean']:.1f} | **{row['denoised']['mean']:.2f}** | "
            f"{row['noisy_ssim']['mean']:.2f} → {row['denoised_ssim']['mean']:.2f} | {row['worse']:.2f} % | "
            + (f"*{theirs.denoised:.1f} dB, {theirs.worse:g} % worse*" if theirs else "")
            + " | " + " | ".join(cells) + " |"
        )  # fmt: skip


def levels(card: Card) -> Iterator[str]:
    """Write what a denoiser scores under every setting, mean and 5 to 95 % quantiles."""
    yield f"### {card.name}"
    yield ""
    yield "| noise | noisy, dB | denoised, dB | noisy, SSIM | denoised, SSIM | made worse |"
    yield "|---|---|---|---|---|---|"
    for noise, row in card.scores["settings"].items():
        cells = [_cell(row[c], digits) for c, digits in zip(denoising.COLUMNS[1:], (2, 2, 3, 3), strict=True)]
        yield f"| `{noise}` | " + " | ".join(cells) + f" | {row['worse']:.2f} % |"
    yield ""


def _cell(value: dict[str, Any] | None, digits: int) -> str:
    if value is None:
        return "no noise"
    low, *_, high = value["quantiles"]
    return f"{value['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def denoisers() -> str:
    """Write docs/denoisers.md."""
    sizes = sorted({row["n"] for methods in denoising.compared().values() for row in methods.values()})
    lines = [
        "# What the denoisers score",
        "",
        "Written by `python -m core report` from the cards and `checkpoints/curves/`; CIFAR-10's 10,000 test images, noise seed",
        f"{denoising.SEED}, input clipped and rounded to 8 bits, mean of the PSNR of each image. Where rounding leaves an image without noise its PSNR",
        "is infinite: it stands in the share made worse, not in the means. *Study's network*: the study's own networks under the",
        f"same protocol. Classical methods estimate the noise of each image; n = {' or '.join(f'{n:,}' for n in sizes)} (BM3D, the first of them).",
        "",
        *networks(),
        "",
        "## At fixed levels",
        "",
        "Mean, and in brackets the 5 and 95 % quantiles over images. `Gaussian(sigma=0.0)`: no noise at all, which asks whether the",
        "network leaves a clean picture alone.",
        "",
        *(line for card in cards() for line in levels(card)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def attacks() -> str:
    """Write docs/attacks.md."""
    lines = [
        "# What the attacks do",
        "",
        "Written by `python -m core report attacks` from `checkpoints/results/`. PSNR in dB and accuracy in percent are means over n images; seed 0.",
        *sections("attacks"),
    ]
    return "\n".join(lines) + "\n"


def sections(document: str) -> Iterator[str]:
    """Write the parts of a document, one of each experiment that is told in it."""
    for experiment in EXPERIMENTS.values():
        if experiment.document == document:
            yield from ("", *experiment.table())
