"""FGSM over the whole test set at 11 strengths: this house against torchattacks and foolbox, on the same network.

`python -m benchmarks.fgsm` prints seconds and ratios, and fails where the flipped images are not the same to the last
one. Every library gets the batch size at which it is fastest here, chosen from the same list.
"""

import sys
import time
from collections.abc import Callable

import foolbox
import torch

from core import checkpoints, data, evaluation, vision
from core.attacks import FGSM
from core.types import Images, Labels

vision.datasets()  # torchattacks imports torchvision
import torchattacks  # noqa: E402

EPSILONS = tuple(round(0.03 * k, 2) for k in range(11))
BATCHES = (64, 250, 1000, 10_000)
Flips = torch.Tensor  # bool (levels, N): answered wrongly

Attack = Callable[[torch.nn.Module, Images, Labels], list[Images]]


def ours(model: torch.nn.Module, x: Images, y: Labels) -> list[Images]:
    """Attack one batch at every strength."""
    return list(FGSM().levels(model, x, y, list(EPSILONS)))


def theirs(model: torch.nn.Module, x: Images, y: Labels) -> list[Images]:
    """Attack one batch with torchattacks, as its documentation shows."""
    return [torchattacks.FGSM(model, eps=epsilon)(x, y) for epsilon in EPSILONS]


def foolboxs(model: torch.nn.Module, x: Images, y: Labels) -> list[Images]:
    """Attack one batch with foolbox, which takes all strengths in one call."""
    attack = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    _, clipped, _ = attack(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), x, y, epsilons=list(EPSILONS))
    return list(clipped)


def run(attack: Attack, model: torch.nn.Module, x: Images, y: Labels, batch: int) -> tuple[float, Flips]:
    """Attack everything and ask the network: seconds, and which answers are wrong."""
    started = time.perf_counter()
    flips = []
    for p, q in zip(x.split(batch), y.split(batch), strict=True):
        attacked = attack(model, p, q)
        with torch.no_grad():
            flips.append(torch.stack([model(z).argmax(1) != q for z in attacked]))
    return time.perf_counter() - started, torch.cat(flips, dim=1)


def main() -> int:
    """Time the three in turn, each at its best batch size."""
    model, card = checkpoints.load("digit-cnn")
    test = data.load("mnist", "test")
    x, y = test.images(), test.labels
    print(f"{card.name} on {test.title}, {len(EPSILONS)} strengths, {torch.get_num_threads()} threads")
    best: dict[str, tuple[float, int, Flips]] = {}
    for name, attack in (("Noisescope", ours), ("torchattacks", theirs), ("foolbox", foolboxs)):
        run(attack, model, x[:500], y[:500], 250)
        times = [(*run(attack, model, x, y, batch), batch) for batch in BATCHES]
        seconds, flips, batch = min(times, key=lambda t: t[0])
        best[name] = seconds, batch, flips
        print(f"  {name:13}" + "  ".join(f"batch {b}: {s:6.2f} s" for s, _, b in times))
    reference = best["Noisescope"]
    started = time.perf_counter()
    *_, counts = evaluation.sweep(model, test, FGSM(), EPSILONS, seed=0)
    swept = time.perf_counter() - started
    print(f"  evaluation.sweep, as the page calls it: {swept:.2f} s")
    same = all(torch.equal(reference[2], flips) for _, _, flips in best.values())
    same &= [int(t.trace()) for t in counts] == (~reference[2]).sum(1).tolist()
    print("flipped images are the same to the last one" if same else "FLIPPED IMAGES DIFFER")
    for name in ("torchattacks", "foolbox"):
        print(f"{name} / Noisescope, each at its best batch: {best[name][0] / reference[0]:.1f} times")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
