"""The documents: docs/*.md and the marked tables of docs/measured.md, written from the results."""

import re
from collections.abc import Iterator
from pathlib import Path

from core import checkpoints
from core.experiments import accuracy, attack_rates, classical, denoising, worst_curves
from core.experiments.registry import EXPERIMENTS
from core.study import findings, reported
from core.training.recipes import RECIPES, Classification

ROOT = Path(__file__).parents[2]
INTRODUCTIONS = {
    "denoisers": """# What the denoisers score

Written by `python -m core report` from `checkpoints/results/`; CIFAR-10's 10,000 test images, noise seed
0, input clipped and rounded to 8 bits, mean of the PSNR of each image. Where rounding leaves an image without noise its PSNR
is infinite: it stands in the share made worse, not in the means. *Study's network*: the study's own networks under the
same protocol. Classical methods estimate the noise of each image; n = {sizes} (BM3D, the first of them).

{networks}""",
    "photographs": """# Photographs

Written by `python -m core report` from `checkpoints/results/photographs/`: the photographs that ship inside scikit-image and scikit-learn, of those larger than
512 x 512 the middle, under Gaussian noise, seed 0; PSNR in dB. *Network*: `n2n-gaussian-50`, the one such pictures are denoised by unless
another is chosen, at two scales, and what is grey stays grey ([decision 29](decisions/0029-two-scales.md)). *Eight symmetries*: the mean of what that makes of the eight turned and mirrored
copies. *One scale*: the network alone, through windows of 32 x 32. BM3D is told the true sigma; the other classical methods estimate it. A grey photograph is seen as three equal channels with noise of their own. The input is clipped and rounded to 8 bits, as a
camera's file is; *unclipped*: left as the noise made it, which BM3D was made for, as it does not know of clipping.""",
    "attacks": """# What the attacks do

Written by `python -m core report` from `checkpoints/results/`. PSNR in dB and accuracy in percent are means over n images; seed 0.""",
    "why": """# Why are networks fooled?

Written by `python -m core report` from `checkpoints/results/`: the two explanations the study quotes, tried on the networks here. MNIST's and CIFAR-10's
test images; seed 0.""",
}
MARKED = re.compile(r"(<!-- written by `python -m core report`: (\w+) -->\n).*?(\n<!-- end -->)", re.S)


def digits() -> Iterator[str]:
    """Write the table of all digit networks that ship, under noise and under attack, beside the study's own."""
    columns = (
        ("clean", "fgsm", 0.0), ("20 % salt and pepper", "saltandpepper", 0.2), ("20 % replaced by Gaussian", "replacegaussian", 0.2),
        ("FGSM 0.1", "fgsm", 0.1), ("PGD 0.1", "pgd", 0.1),
        *((f"worst case {epsilon:g}", "worstcase", epsilon) for epsilon in (0.1, 0.2, 0.3)),
    )  # fmt: skip
    printed = {r.kind.lower(): dict(zip(r.levels, r.accuracy, strict=True)) for r in reported.REPORTED}
    theirs = [f"*{share:.2f}*" if (share := printed.get(kind, {}).get(level)) else "" for _, kind, level in columns]
    yield f"| network | {' | '.join(title for title, *_ in columns)} |"
    yield "|---" * (1 + len(columns)) + "|"
    yield f"| *study's CNN* | *{reported.ACCURACY}* | {' | '.join(theirs[1:])} |"
    for name in (name for name, recipe in RECIPES.items() if isinstance(recipe, Classification)):
        found = [(accuracy.STORE.get(f"{name}.{kind}"), level) for _, kind, level in columns]
        cells = [f"{curve.at([level])[0]:.{2 if curve.n == 10_000 else 1}f}" if curve else "" for curve, level in found]
        yield f"| `{name}`: {RECIPES[name].title} | {' | '.join(cells)} |"


def networks() -> Iterator[str]:
    """Write the table of all denoisers of photographs beside the study's own and the classical methods."""
    heads = ("network", "noisy, dB", "denoised, dB", "SSIM", "made worse", "*study's network*", *classical.METHODS)
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name, found in denoising.shipped().items():
        row, theirs, others = found.own, reported.DENOISERS.get(name), classical.compared(found.noise)
        cells = (
            f"`{name}`", f"{row['noisy']['mean']:.1f}", f"**{row['denoised']['mean']:.2f}**",
            f"{row['noisy_ssim']['mean']:.2f} → {row['denoised_ssim']['mean']:.2f}", f"{row['worse']:.2f} %",
            f"*{theirs.denoised:.1f} dB, {theirs.worse:g} % worse*" if theirs else "",
            *(f"{others[m].own['denoised']['mean']:.1f}" if m in others else "" for m in classical.METHODS),
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def document(name: str) -> str:
    """Write docs/NAME.md: its introduction, and a part of each experiment that is told in it."""
    sizes = " or ".join(f"{n:,}" for n in sorted({found.n for found in classical.STORE.current().values()}))
    parts = [INTRODUCTIONS[name].format(sizes=sizes, networks="\n".join(networks()))]
    parts += ["\n".join(e.table()) for e in EXPERIMENTS.values() if e.document == name]
    return "\n\n".join(parts).rstrip() + "\n"


def measured(text: str) -> str:
    """Write the marked tables of docs/measured.md anew and leave all else as it is."""
    tables = {"digits": digits, "denoisers": networks, "attacks": attack_rates.table, "worst": worst_curves.table}
    return MARKED.sub(lambda found: f"{found[1]}\n{chr(10).join(tables[found[2]]())}\n{found[3]}", text)


def documents() -> dict[Path, str]:
    """Return what every document is to say, by its file."""
    written = {ROOT / "docs" / f"{name}.md": document(name) for name in INTRODUCTIONS}
    front = ROOT / "docs" / "measured.md"
    return {
        **written,
        ROOT / "docs" / "study.md": findings.document(),
        front: measured(front.read_text(encoding="utf-8")),
    }


def outdated() -> list[Path]:
    """Return the documents that do not say what the results say."""
    return [file for file, text in documents().items() if not file.exists() or file.read_text(encoding="utf-8") != text]


def report(check: bool) -> int:
    """Write every document that is outdated, or only name them, and return the exit status. Raises UserError where the disk refuses."""
    changed = outdated()
    for file in changed:
        if not check:
            checkpoints.write(file, documents()[file].encode())
        print(f"{file.name} {'is out of date' if check else 'is written'}")
    return 1 if check and changed else 0
