"""FGSM over the whole test set at 11 strengths: this house against torchattacks and foolbox, on the same network.

`python -m benchmarks.fgsm` prints seconds and ratios, and fails where the flipped images are not the same to the last
one, or a peer in one call takes less than six times as long. Every library runs at every batch size of one list; the ratios are to our best, once against the peer called as
its documentation shows, with all images in one call, and once against the peer at its own best batch size.
"""

import os
import sys
import time
from collections.abc import Callable

import foolbox
import torch

from core import checkpoints
from core.attacks import FGSM
from core.data import datasets, torchvision_shim
from core.data.datasets import Dataset
from core.experiments import accuracy
from core.networks.digits import Classifier
from core.types import Images, Labels

torchvision_shim.datasets()  # torchattacks imports torchvision
import torchattacks  # noqa: E402

EPSILONS = tuple(round(0.03 * k, 2) for k in range(11))
BATCHES = (64, 250, 1000, 10_000)
ROUNDS = 3
Flips = torch.Tensor  # bool (levels, N): answered wrongly

Attack = Callable[[torch.nn.Module, Images, Labels], list[Images]]


def theirs(model: torch.nn.Module, x: Images, y: Labels) -> list[Images]:
    """Attack one batch with torchattacks, as its documentation shows."""
    return [torchattacks.FGSM(model, eps=epsilon)(x, y) for epsilon in EPSILONS]


def foolboxs(model: torch.nn.Module, x: Images, y: Labels) -> list[Images]:
    """Attack one batch with foolbox, which takes all strengths in one call."""
    attack = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    _, clipped, _ = attack(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), x, y, epsilons=list(EPSILONS))
    return list(clipped)


PEERS: dict[str, Attack] = {"torchattacks": theirs, "foolbox": foolboxs}


def run(attack: Attack, model: torch.nn.Module, x: Images, y: Labels, batch: int) -> tuple[float, Flips]:
    """Attack everything and ask the network: seconds, and which answers are wrong."""
    started = time.perf_counter()
    flips = []
    for p, q in zip(x.split(batch), y.split(batch), strict=True):
        attacked = attack(model, p, q)
        with torch.no_grad():
            flips.append(torch.stack([model(z).argmax(1) != q for z in attacked]))
    return time.perf_counter() - started, torch.cat(flips, dim=1)


def ours(model: Classifier, test: Dataset, batch: int) -> tuple[float, list[int]]:
    """Sweep everything as `python -m core measure` does: seconds, and how many answers are right."""
    started = time.perf_counter()
    *_, counts = accuracy.sweep(model, test, FGSM(), EPSILONS, seed=0, batch=batch, workers=os.cpu_count() or 1)
    return time.perf_counter() - started, [int(table.trace()) for table in counts]


def flipped(model: Classifier, x: Images, y: Labels) -> Flips:
    """Say which images our attack makes the network err on, at every strength."""
    flips = []
    for p, q in zip(x.split(250), y.split(250), strict=True):
        attacked = FGSM().levels(model, p, q, list(EPSILONS))
        with torch.no_grad():
            flips.append(torch.stack([model(z).argmax(1) != q for z in attacked]))
    return torch.cat(flips, dim=1)


def main() -> int:
    """Time the three in turn, three rounds at every batch size; the fastest round of each counts."""
    model, card = checkpoints.classifier("digit-cnn")
    test = datasets.load("mnist", "test")
    x, y = test.images(), test.labels
    print(f"{card.name} on {test.title}, {len(EPSILONS)} strengths, {os.cpu_count()} cores")
    seconds: dict[str, dict[int, float]] = {name: dict.fromkeys(BATCHES, 1e9) for name in ("Noisescope", *PEERS)}
    same, mine = True, flipped(model, x, y)
    for _ in range(ROUNDS):
        for batch in BATCHES:
            took, right = ours(model, test, batch)
            seconds["Noisescope"][batch] = min(took, seconds["Noisescope"][batch])
            same &= right == (~mine).sum(1).tolist()
            for name, attack in PEERS.items():
                took, flips = run(attack, model, x, y, batch)
                seconds[name][batch] = min(took, seconds[name][batch])
                same &= torch.equal(flips, mine)
    for name, times in seconds.items():
        print(f"  {name:13}" + "  ".join(f"batch {batch}: {took:6.2f} s" for batch, took in times.items()))
    print("flipped images are the same to the last one" if same else "FLIPPED IMAGES DIFFER")
    best = min(seconds["Noisescope"].values())
    for name in PEERS:
        whole, fastest = seconds[name][len(test)] / best, min(seconds[name].values()) / best
        print(
            f"{name} / Noisescope: {whole:.1f} times in one call on the test set, {fastest:.1f} times at its best batch size"
        )
    goal = all(seconds[name][len(test)] >= 6 * best for name in PEERS)
    print("at least six times as fast as each in one call" if goal else "LESS THAN SIX TIMES AS FAST")
    return 0 if same and goal else 1


if __name__ == "__main__":
    sys.exit(main())
