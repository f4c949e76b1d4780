"""How well does a digit network read with only half of its hidden units, the robust ones or the brittle ones? The others are held at their mean."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core import UserError
from core.attacks import PGD
from core.data import datasets
from core.experiments import accuracy, features, networks
from core.experiments.accuracy import Curve
from core.experiments.features import NETWORKS, Features
from core.experiments.results import Experiment, Store
from core.measures.features import FIRST_HIDDEN
from core.networks.digits import DigitCNN

ATTACK, LEVELS = PGD(), (0.0, 0.05, 0.1, 0.15, 0.2)
DRAWN = 3  # halves at random
HALVES = {  # by which figure, and whether the upper half
    "robust": ("at worst", True), "brittle": ("at worst", False), "useful": ("useful", True), "less-useful": ("useful", False),
    **{f"drawn-{k}": ("", True) for k in range(DRAWN)},
}  # fmt: skip
TITLES = {
    "robust": "the more robust half", "brittle": "the more brittle half", "useful": "the more useful half",
    "less-useful": "the less useful half", **{f"drawn-{k}": f"a half at random ({k + 1})" for k in range(DRAWN)},
}  # fmt: skip

Kept = Bool[Tensor, "500"]
STORE = Store("halves", Curve)


def half(found: Features, name: str) -> Kept:
    """Choose one of HALVES of the hidden units that answer at all."""
    (figure, upper), units = HALVES[name], found.hidden
    if figure:
        order = units[found.column(figure)[units].argsort(descending=upper, stable=True)]
    else:
        order = units[datasets.shuffled(len(units), int(name.rpartition("-")[2]))]
    kept = torch.zeros(len(found.label) - FIRST_HIDDEN, dtype=torch.bool)
    kept[order[: len(units) // 2] - FIRST_HIDDEN] = True
    return kept


def keep(model: DigitCNN, kept: Kept, mean: Float[Tensor, "500"]) -> DigitCNN:
    """Return the network with some of its hidden units, all others held at their mean."""
    found = deepcopy(model)
    weight = model.fc2.weight
    with torch.no_grad():
        found.fc2.bias.add_(weight @ torch.where(kept, 0.0, mean))
        found.fc2.weight.mul_(kept)
    return found


def measure(key: str, n: int) -> Iterator[Curve]:
    """Attack a network that keeps one half, NETWORK.HALF; raises UserError where there is none or its units are not measured yet."""
    name, _, which = key.rpartition(".")
    device = networks.device()
    model, card = features.network(name, device)
    if which not in HALVES:
        raise UserError(f"There is no half {which!r}: choose one of {', '.join(HALVES)}.")
    found = features.STORE.get(name)
    if found is None or found.n < features.IMAGES:
        raise UserError(f"The units of {name} are not all measured yet: `python -m core measure features {name}`.")
    learned, dataset = (datasets.full(card.dataset, split) for split in ("train", "test"))
    mean = features.seen(model, learned.to(torch.device(device)))[:, FIRST_HIDDEN:].mean(0)
    some = keep(model, half(found, which).to(device), mean)
    begun = accuracy.begin(STORE, card, dataset, ATTACK, LEVELS, device)
    yield from accuracy.swept(STORE, key, some, begun, dataset, ATTACK, n)


def keys(network: str) -> list[str]:
    """Return the keys of all halves of a network."""
    return [f"{network}.{which}" for which in HALVES]


def rows(level: float) -> list[dict[str, str]]:
    """Write what every network reads with all units and with each half, clean and attacked at a level, in percent."""
    found = []
    for network in NETWORKS:
        whole = accuracy.STORE.get(f"{network}.pgd")
        curves = {"all units": whole, **{TITLES[which]: STORE.get(f"{network}.{which}") for which in HALVES}}
        found += [
            {"network": network, "kept": title, "clean": said(curve, 0.0), f"PGD {level:g}": said(curve, level), "n": f"{curve.n:,}"}
            for title, curve in curves.items() if curve and curve.n
        ]  # fmt: skip
    return found


def said(curve: Curve, level: float) -> str:
    """Write an accuracy with its 95 % interval, in percent."""
    low, high = curve.interval(level)
    return f"{curve.at([level])[0]:.1f} % ({low:.1f} to {high:.1f})"


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    yield "## Half of the hidden units"
    yield ""
    if not STORE.current():
        yield "Not measured yet: `python -m core measure halves`."
        return
    yield f"Digits read right, percent with 95 % interval, when one half of the hidden units is kept and all others are held at their mean over the training digits; `{ATTACK!r}` knows of it."
    yield ""
    known = rows(ATTACK.epsilon)
    yield f"| {' | '.join(known[0])} |"
    yield "|---" * len(known[0]) + "|"
    for row in known:
        yield f"| {' | '.join(row.values())} |"


EXPERIMENT = Experiment(
    "how digit networks read with half of their hidden units", STORE, lambda: NETWORKS, measure, lambda _: 10_000, keys,
    document="attacks", table=section,
)  # fmt: skip
