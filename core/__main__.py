"""The command line: `python -m core train NAME | measure [EXPERIMENT [NETWORK ...]] | evaluate NAME | study | compare | report | data [NAME] | list`."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from math import ceil

import torch
from tqdm import tqdm

from core import UserError, checkpoints
from core.checkpoints import Card
from core.data import datasets, downloads
from core.data.datasets import Dataset
from core.denoisers.classical import BM3D, CLASSICAL
from core.experiments import accuracy, denoising, measure
from core.experiments.registry import EXPERIMENTS
from core.models import Denoiser, autocast
from core.noise import parse
from core.runs import terminal
from core.study import findings, report
from core.training import recipes
from core.training.recipes import Denoising


def evaluate(name: str) -> None:
    """Measure a denoiser on the full test set: its scores go into its card, its rows into checkpoints/curves/."""
    model, card = checkpoints.denoiser(name)
    evaluate_denoiser(model, card, datasets.full(card.dataset, "test"))


def evaluate_denoiser(model: Denoiser, card: Card, dataset: Dataset) -> None:
    """Measure a denoiser at blind and at fixed levels; what is done when it is stopped is not done again."""
    noise = parse(card.recipe["noise"])
    noises = denoising.settings(noise)
    tables = denoising.resume(card, noises, len(dataset))
    saved = time.monotonic()
    with tqdm(desc=card.name, total=len(noises) * len(dataset), unit="image") as bar:
        for done in denoising.measure(autocast(model), dataset, noises, tables, workers=os.cpu_count() or 1):
            bar.update(done - bar.n)
            if time.monotonic() - saved > 10:
                denoising.pause(card, noises, tables)
                saved = time.monotonic()
    denoising.keep(card, noise, tables[0], dataset)
    checkpoints.rewrite(replace(card, scores=denoising.scores(noises, tables, dataset)))
    denoising.finish(card)
    print(described(checkpoints.read(card.name)))


def compare() -> None:
    """Measure every classical method under the noise of every denoiser; what is done when it is stopped is not done again."""
    test = datasets.full("cifar10", "test")
    noises = dict.fromkeys(
        r.noise for r in recipes.RECIPES.values() if isinstance(r, Denoising) and r.dataset == test.name
    )
    for method, denoise in {**CLASSICAL, "BM3D": BM3D()}.items():
        images = test.part(slice(0, 500)) if method == "BM3D" else test  # it takes a quarter of a second for each
        for noise in noises:
            steps = denoising.compare(noise, method, denoise, images)
            if not sum(1 for _ in tqdm(steps, f"{method}, {noise!r}", ceil(len(images) / denoising.BATCH))):
                continue
            found = denoising.compared()[repr(noise)][method]
            print(
                f"{method}, {noise!r}, n = {found['n']:,}: {found['noisy']['mean']:.2f} dB -> {found['denoised']['mean']:.2f} dB"
            )


def described(card: Card) -> str:
    """Say in a few words what a card's scores are."""
    if "noise" not in card.recipe:
        right = accuracy.clean(card.name)
        return (
            f"{right[0]:.2f} % of {right[1].n:,} test digits right"
            if right
            else f"not measured yet: python -m core measure accuracy {card.name}"
        )
    if not card.scores:
        return f"not measured yet: python -m core evaluate {card.name}"
    blind = report.blind(card)
    return f"{blind['noisy']['mean']:.2f} dB -> {blind['denoised']['mean']:.2f} dB on {blind['n']:,} test images, {blind['worse']:.2f} % made worse"


def listing() -> Iterator[str]:
    """Describe every recipe and what its checkpoint scores."""
    for name, recipe in recipes.RECIPES.items():
        try:
            card = checkpoints.read(name)
            state = described(card)
        except UserError as refusal:
            state = str(refusal)
        yield f"{name:20} {recipe.title}: {state}"


def main() -> int:
    """Parse the command line and run it; a UserError is one line on stderr and exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("train", "train a network by its recipe"),
        ("evaluate", "measure its curves on the full test set"),
    ):
        added = commands.add_parser(command, help=text)
        added.add_argument(
            "name", metavar="NAME", nargs="?" if command == "train" else None, help=", ".join(recipes.RECIPES)
        )
    for option, text in (("--devices", "on each machine"), ("--nodes", "machines; on each, start it through torchrun")):
        commands.choices["train"].add_argument(option, type=int, default=1, help=f"how many {text}")
    commands.choices["train"].add_argument(
        "--retell", action="store_true", help="only put its training curve into its card"
    )
    commands.choices["train"].add_argument("--run", metavar="ID", help="go on with a run of the training page instead")
    commands.add_parser("data", help="download the data sets").add_argument(
        "names", nargs="*", choices=[*datasets.SOURCES, []]
    )
    measuring = commands.add_parser("measure", help="measure an experiment, or all that is stale")
    measuring.add_argument(
        "experiment", metavar="EXPERIMENT", nargs="?", choices=EXPERIMENTS, help=", ".join(EXPERIMENTS)
    )
    measuring.add_argument("subjects", metavar="NETWORK", nargs="*", help="only these (default: all)")
    measuring.add_argument("--n", type=int, help="on so many images (default: as many as the experiment asks for)")
    measuring.add_argument("--stale", action="store_true", help="only list what no longer fits networks, data or code")
    commands.add_parser("compare", help="measure classical methods as denoisers are measured")
    commands.add_parser("study", help="measure what the study says of single pictures")
    commands.add_parser(
        "report", help="write docs/denoisers.md, attacks.md or study.md, on standard output"
    ).add_argument("what", nargs="?", default="denoisers", choices=("denoisers", "attacks", "study"))
    commands.add_parser("list", help="list the networks")
    given = parser.parse_args()
    checkpoints.commit()  # as the code is when the work begins
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    try:
        match given.command:
            case "train" if given.run:
                terminal.go_on(given.run, given.devices, given.nodes)
            case "train":
                terminal.train(given.name, given.devices, given.nodes, given.retell)
            case "evaluate":
                evaluate(given.name)
            case "measure" if given.stale:
                print("\n".join(measure.stale([given.experiment] if given.experiment else ())))
            case "measure" if given.experiment:
                measure.measure(given.experiment, given.subjects, given.n)
            case "measure":
                return 1 if measure.everything(given.n) else 0
            case "compare":
                compare()
            case "study":
                print(*findings.measure(), sep="\n")
            case "report":
                writers = {"denoisers": report.denoisers, "attacks": report.attacks, "study": findings.document}
                print(writers[given.what](), end="")
            case "data":
                downloads.fetch(given.names)
            case "list":
                print("\n".join(listing()))
    except UserError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
