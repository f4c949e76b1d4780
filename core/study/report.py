"""Tables in Markdown, written from the result files: what README and docs/denoisers.md show."""

from collections.abc import Iterator
from typing import Any

from core import UserError, checkpoints
from core.checkpoints import Card
from core.denoisers.classical import CLASSICAL
from core.experiments import attack_rates, defence, denoising, every_pixel, few_pixels, transfer
from core.study import reported
from core.training import recipes
from core.training.recipes import Classification, Denoising

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


def led_astray() -> Iterator[str]:
    """Write the table of what DAG does to the study's seven denoisers, beside chance as strong."""
    steps = attack_rates.STEPS[-1]
    yield "| network | n | L2 of noise, attack | after noise | **after the attack** | after white noise as strong | after its own noise as strong | study's ratio | fair ratio |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in reported.DENOISERS:
        found = attack_rates.kept(name)
        if found is None or not len(found.rows) or found.sha256 != checkpoints.read(name).sha256:
            continue
        m = found.means
        ratios = (float(found.ratio(steps, fair).double().mean()) for fair in (False, True))
        yield (
            f"| `{name}` | {len(found.rows):,} | {m['noisy_l2']:.1f}, {m[f'l2_{steps}']:.1f} | {m['denoised']:.1f} dB | **{m[f'fooled_{steps}']:.1f} dB** | "
            f"{m[f'random_{steps}']:.1f} dB | {m[f'own_{steps}']:.1f} dB | "
            + " | ".join(f"{r:.3f}" for r in ratios)
            + " |"
        )


def _transfer() -> Iterator[str]:
    rows = transfer.current()
    names = [name for name in reported.DENOISERS if name in rows]
    columns = [*names, *transfer.CLASSICS]
    yield "| attacked | L2 | " + " | ".join(columns) + " |"
    yield "|---|---|" + "---|" * len(columns)
    for name in names:
        row = rows[name]
        yield (
            f"| `{name}` | {row.l2:.2f} | "
            + " | ".join(f"{row.lost[c]:+.1f}" if c in row.lost else "" for c in columns)
            + " |"
        )


def _defence() -> Iterator[str]:
    found = defence.current()
    yield "| classifier | way | n | " + " | ".join(f"{e:g}" for e in defence.EPSILONS) + " |"
    yield "|---|---|---|" + "---|" * len(defence.EPSILONS)
    for name, d in found.items():
        for way, title in defence.WAYS.items():
            yield f"| `{name}` | {title} | {d.n:,} | " + " | ".join(f"{100 * h / d.n:.1f}" for h in d.hits[way]) + " |"


def _pixels() -> Iterator[str]:
    tried = every_pixel.STORE.current()
    yield (
        "| classifier | clean | every single pixel tried | "
        + " | ".join(f"{k} searched" for k in few_pixels.COUNTS)
        + " |"
    )
    yield "|---|---|---|" + "---|" * len(few_pixels.COUNTS)
    for recipe in recipes.RECIPES.values():
        curve = few_pixels.STORE.get(recipe.name)
        if isinstance(recipe, Classification) and recipe.name in tried:
            t = tried[recipe.name]
            searched = [f"{a:.1f}" for a in curve.accuracy] if curve else [""] * len(few_pixels.COUNTS)
            yield (
                f"| `{recipe.name}` | {100 * t.clean / t.n:.2f} | {100 * t.safe / t.n:.2f} | "
                + " | ".join(searched)
                + " |"
            )


def attacks() -> str:
    """Write docs/attacks.md."""
    lines = [
        "# What the attacks do",
        "",
        "Written by `python -m core report attacks` from `checkpoints/curves/`. PSNR in dB and accuracy in percent are means over n images; seed 0.",
        "",
        "## Denoisers led astray",
        "",
        f"`{attack_rates.ATTACK!r}` on CIFAR-10 test images in an order drawn from the seed, the level of the noise drawn for each image. *As strong*: of exactly",
        "the attack's L2 length in each image, after clipping. Study's ratio: PSNR after noise / PSNR after the attack; fair ratio: after white noise as strong /",
        "after the attack; above 1 the attack does more harm.",
        "",
        *led_astray(),
        "",
        "## Transfer",
        "",
        f"dB lost beyond white noise as strong, when the attack made for one network is shown to others; {transfer.BATCHES * attack_rates.BATCH} images a row.",
        "",
        *_transfer(),
        "",
        "## A denoiser as a defence",
        "",
        f"Digits read right, percent, over epsilon; `{defence.ATTACK!r}`, denoiser `n2n-digits`.",
        "",
        *_defence(),
        "",
        "## Few pixels",
        "",
        f"Digits read right, percent. Every single pixel in black and white: all 10,000 test digits. Searched: `{few_pixels.SEARCH!r}` for 1, 3, ... pixels, {few_pixels.SEARCHED:,} digits.",
        "",
        *_pixels(),
    ]
    return "\n".join(lines) + "\n"
