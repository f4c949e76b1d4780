"""The command line: `python -m core train NAME | measure [EXPERIMENT [NETWORK ...]] | report | data [NAME] | list`."""

import argparse
import os
import sys
from argparse import Namespace
from contextlib import suppress

import torch

from core import UserError, checkpoints, parallel
from core.data import datasets, downloads
from core.experiments import measure
from core.experiments.registry import EXPERIMENTS
from core.runs import terminal
from core.study import report
from core.training.recipes import RECIPES


def main() -> int:
    """Parse the command line and run it; a UserError is one line on stderr and exit status 1."""
    given = parser().parse_args()
    checkpoints.commit()  # as the code is when the work begins
    with suppress(AttributeError):  # Windows
        os.nice(int(os.environ.get("NOISESCOPE_NICE", 0)))  # what the app starts makes way for it
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", parallel.cores())))
    try:
        return run(given)
    except UserError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Say what can be typed."""
    found = argparse.ArgumentParser(prog="python -m core", description=__doc__)
    commands = found.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a network by its recipe")
    train.add_argument("name", metavar="NAME", nargs="?", help=", ".join(RECIPES))
    for option, text in (("--devices", "on each machine"), ("--nodes", "machines; on each, start it through torchrun")):
        train.add_argument(option, type=int, default=1, help=f"how many {text}")
    train.add_argument("--retell", action="store_true", help="only put its training curve into its card")
    train.add_argument("--run", metavar="ID", help="go on with a run of the training page instead")
    told = "\n".join(f"{name}: {experiment.title}" for name, experiment in EXPERIMENTS.items())
    measuring = commands.add_parser(
        "measure", help="measure an experiment, or all that is stale", epilog=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    measuring.add_argument(
        "experiment", metavar="EXPERIMENT", nargs="?", choices=EXPERIMENTS, help="one of those below"
    )
    measuring.add_argument("subjects", metavar="NETWORK", nargs="*", help="only these (default: all)")
    measuring.add_argument("--n", type=int, help="on so many images (default: as many as the experiment asks for)")
    measuring.add_argument("--stale", action="store_true", help="only list what no longer fits networks, data or code")
    report = commands.add_parser("report", help="write docs/*.md")
    report.add_argument("--check", action="store_true", help="only say which of them do not say what the results say")
    data = commands.add_parser("data", help="download the data sets")
    data.add_argument("names", nargs="*", choices=[*datasets.SOURCES, []])
    commands.add_parser("list", help="list the networks")
    return found


def run(given: Namespace) -> int:
    """Do what was typed, and return the exit status."""
    match given.command:
        case "train" if given.run:
            terminal.go_on(given.run, given.devices, given.nodes)
        case "train":
            terminal.train(given.name, given.devices, given.nodes, given.retell)
        case "measure" if given.stale:
            print(*measure.stale([given.experiment] if given.experiment else ()), sep="\n")
        case "measure" if given.experiment:
            measure.measure(given.experiment, given.subjects, given.n)
        case "measure":
            return 1 if measure.everything(given.n) else 0
        case "report":
            return report.report(given.check)
        case "data":
            downloads.fetch(given.names)
        case "list":
            print(*measure.listing(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
