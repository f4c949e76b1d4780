"""The worst that attacks do to a denoiser at one budget, the same for all: dB lost beyond white noise of the same L2.

Everything is set against one picture. DAG, L2PGD and ObsAtk all begin at the clean picture c here and end at exactly B from
it, so one white noise at B from c judges all three, and the worst of them is taken image by image. ObsAtk is made for the
noisy picture: what it does there, B from it, is kept too, beside white noise at B from the noisy picture.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import checkpoints, models, noise
from core.attacks import DAG, L2PGD, ObsAtk
from core.attacks.budget import at_length, restarted, stopped
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.denoisers.classical import BM3D, CLASSICAL, Classical
from core.experiments import networks, results
from core.experiments.attack_rates import BESIDE, NETWORKS
from core.experiments.results import Experiment, Store, Tabled
from core.measures import metrics
from core.measures.paired import interval
from core.noise import Noise
from core.types import Images, Model, Scores, generator

IMAGES = 512
BATCH = 128
BUDGETS = (0.5, 1.0, 2.0, 3.0)  # L2 over all values, of 32 x 32 pixels in three colours
TOLD = 2.0  # the budget that is put into words
DAG_STEPS, STARTS, FIRST = DAG(steps=60), 5, 3  # what more of them gain: docs/log.md
CLIMB: Any = dict(steps=36, step=0.5)
ATTACKS = ("DAG", "L2PGD", "ObsAtk")
COLUMNS = ("white", *ATTACKS, "noisy, white", "noisy, ObsAtk")  # PSNR in dB, of what the network makes of it
METHODS: dict[str, Classical] = {**CLASSICAL, "BM3D": BM3D()}
SOURCE = "n2n-gaussian-50"  # BM3D takes a quarter of a second an image: it is shown only the attack on this network
APART = 1_000_000  # the white noise has a stream of its own, so that all networks meet the same

Rows = Float[Tensor, "n budgets columns"]


def shown(key: str) -> tuple[str, ...]:
    """Name the classical methods that are shown the attack on a network: BM3D only where its package is."""
    return tuple(m for m in METHODS if m != "BM3D" or (key == SOURCE and find_spec("bm3d") is not None))


def scored(
    model: Model, x: Images, corrupt: Noise, seed: int, methods: tuple[str, ...], budgets: tuple[float, ...] = BUDGETS
) -> Rows:
    """Attack a batch at every budget; COLUMNS, then for each method its PSNR after white noise and after the worst attack."""
    batch = noise.noisy_batch(x, corrupt, seed)
    white = torch.randn(x.shape, generator=generator(APART + seed)).to(x.device)

    def after(denoise: Model, z: Images) -> Scores:
        with torch.no_grad():
            return metrics.psnr(denoise(z), x)

    rows = []
    for budget, by_dag in zip(budgets, stopped(DAG_STEPS.path(model, x, batch.noisy), x, budgets), strict=True):
        plain, kept = L2PGD(budget, **CLIMB), ObsAtk(budget, **CLIMB)
        tried = [by_dag, restarted(plain, model, x, x, STARTS, FIRST), restarted(kept, model, x, x, 1, 1)]
        chance, noisy = at_length(x + white, x, budget), batch.noisy
        observed = restarted(kept, model, noisy, x, 1, 1), at_length(noisy + white, noisy, budget)
        by_attack = [after(model, z) for z in tried]
        worst = torch.stack(tried)[torch.stack(by_attack).argmin(0), torch.arange(len(x), device=x.device)]
        columns = [after(model, chance), *by_attack, after(model, observed[1]), after(model, observed[0])]
        columns += [after(METHODS[m], z) for m in methods for z in (chance, worst)]
        rows.append(torch.stack(columns, 1))
    return torch.stack(rows, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Worst(Tabled):
    """What the worst attack on a network cost it, image by image and budget by budget, and what it cost methods without learning."""

    noise: str
    attacks: tuple[str, ...]
    budgets: tuple[float, ...]
    shown: tuple[str, ...]  # methods that were shown the worst attack on this network
    rows: Rows

    def at(self, budget: float) -> dict[str, Scores]:
        """Return the PSNR of every image, in dB, by column."""
        values = self.rows[:, self.budgets.index(budget)].T
        return dict(
            zip((*COLUMNS, *(f"{m}, {what}" for m in self.shown for what in ("white", "worst"))), values, strict=True)
        )

    def lost(self, budget: float, by: tuple[str, ...] = ATTACKS) -> Scores:
        """Return what the worst of some attacks costs each image beyond white noise as strong, in dB."""
        left = self.at(budget)
        worst: Scores = torch.stack([left[name] for name in by]).amin(0)
        return left["white"] - worst

    def lost_by(self, method: str, budget: float) -> Scores:
        """Return what the worst attack on the network costs a method that never saw it, beyond white noise as strong, in dB."""
        left = self.at(budget)
        return left[f"{method}, white"] - left[f"{method}, worst"]

    def lost_noisy(self, budget: float) -> Scores:
        """Return what ObsAtk costs each noisy picture beyond white noise as strong, in dB."""
        left = self.at(budget)
        return left["noisy, white"] - left["noisy, ObsAtk"]

    @property
    def line(self) -> str:
        """Say what is lost at every budget."""
        if self.n < 2:
            return f"{self.network}, n = {self.n}"
        lost = ", ".join(f"L2 {b:g}: {said(self.lost(b))} dB" for b in self.budgets)
        return f"{self.network}, n = {self.n}, lost beyond white noise: {lost}"


STORE = Store("worst", Worst)


def begin(card: Card, dataset: Dataset, device: str = "cpu") -> Worst:
    """Return a curve on no image yet."""
    about = STORE.provenance([card], dataset, models.precision(device), device)
    climbs = f"{CLIMB['steps']} steps of {CLIMB['step']} B with momentum"
    attacks = (
        f"{DAG_STEPS!r}, stopped at B",
        f"L2PGD, {climbs} from the best of {STARTS} starts, image by image, after {FIRST} steps of B each",
        f"ObsAtk, {climbs}",
    )
    methods = shown(card.name)
    empty = torch.empty(0, len(BUDGETS), len(COLUMNS) + 2 * len(methods))
    return Worst(
        **about, noise=card.recipe["noise"], attacks=attacks, budgets=BUDGETS, shown=methods, rows=empty
    )  # fmt: skip


def attacked(model: Model, known: Worst, dataset: Dataset, n: int, workers: int = 1) -> Iterator[Worst]:
    """Attack ever more test images, from what is known to n, and yield what is found so far."""
    corrupt = noise.parse(known.noise)

    def rows(piece: tuple[int, Tensor]) -> Rows:
        number, chosen = piece
        return scored(model, dataset.images(chosen), corrupt, known.seed + number, known.shown).cpu()

    yield from results.grown(rows, known, dataset, BATCH, n, workers)


def measure(key: str, n: int) -> Iterator[Worst]:
    """Attack a denoiser at every budget, on n test images; raises UserError where it is none."""
    device = networks.device()
    model, card = checkpoints.denoiser(key, device)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, dataset, device))
    yield known
    yield from attacked(models.autocast(model), known, dataset.to(torch.device(device)), n, networks.workers(device))


@dataclass(frozen=True)
class Difference:
    """How much more one network loses than another on the same images, in dB, and the half width of its 95 % interval."""

    one: str
    other: str
    mean: float
    half: float

    @property
    def supported(self) -> bool:
        """Say whether the interval leaves out 0."""
        return abs(self.mean) > self.half


def said(values: Scores) -> str:
    """Write a mean with the half width of its 95 % interval."""
    return "{:.2f} ± {:.2f}".format(*interval(values))


def current(names: Iterable[str] = NETWORKS) -> dict[str, Worst]:
    """Return those whose curves hold, of the study's networks in its order or of others."""
    known = STORE.current()
    return {name: known[name] for name in names if name in known and known[name].n > 1}


def missing() -> str:
    """Say which of the study's networks have no curve that holds, and how to measure them; an empty word where all have."""
    absent = [name for name in NETWORKS if name not in current()]
    if not absent:
        return ""
    which = (
        "Not measured yet"
        if len(absent) == len(NETWORKS)
        else f"Not measured yet with these weights: {', '.join(absent)}"
    )
    return f"{which}: `python -m core measure worst`."


def ranked(found: Mapping[str, Worst], budget: float) -> list[tuple[str, float]]:
    """Order networks by what they lose on average, in dB, the most easily fooled first."""
    means = [(name, interval(one.lost(budget))[0]) for name, one in found.items()]
    return sorted(means, key=lambda pair: -pair[1])


def differences(found: Mapping[str, Worst], budget: float) -> list[Difference]:
    """Compare all pairs of networks on the images they share, who loses more first.

    The intervals hold at once for all pairs at all budgets (Bonferroni). Curves on other data, of another seed or by other
    attacks than the first are passed over.
    """
    first = next(iter(found.values()))
    alike = {
        name: one
        for name, one in found.items()
        if (one.data, one.seed, one.attacks, one.budgets) == (first.data, first.seed, first.attacks, first.budgets)
    }
    pairs = list(combinations([name for name, _ in ranked(alike, budget)], 2))
    n = min(one.n for one in alike.values())
    lost = {name: one.lost(budget)[:n] for name, one in alike.items()}
    return [Difference(a, b, *interval(lost[a] - lost[b], len(pairs) * len(first.budgets))) for a, b in pairs]


def verdict(found: Mapping[str, Worst], budget: float = TOLD) -> str:
    """Say in words who loses most and least at a budget, and which differences the intervals support."""
    if len(found) < 2:
        return missing()
    order, compared = ranked(found, budget), differences(found, budget)
    (most, _), (least, _) = order[0], order[-1]
    close = [f"{d.one} and {d.other}" for d in compared if not d.supported]
    n = min(one.n for one in found.values())
    words = (
        f"At L2 {budget:g}, on {n:,} images, the largest mean loss beyond white noise as strong is that of {most}, {said(found[most].lost(budget))} dB, the smallest that of "
        f"{least}, {said(found[least].lost(budget))} dB. Of {len(compared)} differences between two networks the intervals support {len(compared) - len(close)} (95 %, "
        f"paired image by image, widened for {len(compared) * len(found[most].budgets)} comparisons)"
    )
    apart = f"; not told apart: {', '.join(close)}" if close else ""
    return f"{words}{apart}. {missing()}".rstrip()


def by_attack(one: Worst, budget: float) -> str:
    """Say what white noise and each attack leave at one budget: no single one of them is the direction that hurts most."""
    left = {name: interval(one.at(budget)[name])[0] for name in ("white", *ATTACKS)}
    words = ", ".join(f"{name} {db:.1f}" for name, db in left.items() if name != "white")
    return (
        f"At L2 {budget:g} white noise leaves {one.network} {left['white']:.1f} dB on average, {words} (n = {one.n:,})."
    )


def table() -> Iterator[str]:
    """Write what the worst attack costs each network at each budget."""
    found = current()
    if not found:
        yield missing()
        return
    yield "| network | n | " + " | ".join(f"L2 {b:g}" for b in BUDGETS) + " |"
    yield "|---|---|" + "---|" * len(BUDGETS)
    for name, one in found.items():
        yield f"| `{name}` | {one.n:,} | " + " | ".join(said(one.lost(b)) for b in one.budgets) + " |"
    yield ""
    yield verdict(found)


def beside() -> Iterator[str]:
    """Write how much more those lose that began with SOURCE and were trained otherwise, image by image."""
    plain = current([SOURCE])
    yield f"More lost than by `{SOURCE}`, dB, of networks that began with it and were trained otherwise; the intervals hold at all budgets at once:"
    yield ""
    yield "| network | n | " + " | ".join(f"L2 {b:g}" for b in BUDGETS) + " |"
    yield "|---|---|" + "---|" * len(BUDGETS)
    for name, one in current(BESIDE).items() if plain else ():
        pairs = [differences({**plain, name: one}, b) for b in BUDGETS]
        more = (f"{d.mean if d.one == name else -d.mean:+.2f} ± {d.half:.2f}" for pair in pairs for d in pair)
        yield f"| `{name}` | {one.n:,} | {' | '.join(more)} |"


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    found = current()
    yield "## The worst at one budget"
    yield ""
    yield "dB lost beyond white noise, both at exactly the same L2 from the clean picture after clipping, mean over n images with its 95 % interval: of DAG (stopped"
    yield "at the budget), L2PGD and ObsAtk, all begun at the clean picture, each image by its worst."
    yield ""
    yield from table()
    if not found:
        return
    first = next(iter(found.values()))
    yield ""
    yield f"The attacks: {'; '.join(first.attacks)}. Seed {first.seed}, {first.data}. PSNR at L2 {TOLD:g}, dB:"
    yield ""
    yield "| network | white noise | DAG | L2PGD | ObsAtk | ObsAtk on the noisy picture, beyond white noise there |"
    yield "|---|---|---|---|---|---|"
    for name, one in found.items():
        cells = (f"{interval(one.at(TOLD)[c])[0]:.1f}" for c in ("white", *ATTACKS))
        yield f"| `{name}` | " + " | ".join(cells) + f" | {said(one.lost_noisy(TOLD))} lost |"
    yield ""
    yield "Methods that learned nothing, shown the worst attack on a network (transfer), dB lost beyond white noise:"
    yield ""
    yield "| method | attack on | " + " | ".join(f"L2 {b:g}" for b in BUDGETS) + " |"
    yield "|---|---|" + "---|" * len(BUDGETS)
    for method in METHODS:
        for name, one in found.items():
            if method in one.shown:
                yield f"| {method} | `{name}` | " + " | ".join(said(one.lost_by(method, b)) for b in one.budgets) + " |"
    if current(BESIDE):
        yield ""
        yield from beside()
    if not any("BM3D" in one.shown for one in found.values()):
        why = (
            "its package was not there"
            if SOURCE in found
            else f"it is shown the attack on `{SOURCE}` alone, which is not measured yet"
        )
        yield ""
        yield f"BM3D is not among them: {why} (`pip install bm3d`, then `python -m core measure worst {SOURCE}`)."


EXPERIMENT = Experiment(
    "the worst that attacks do to denoisers at one budget", STORE, lambda: (*NETWORKS, *BESIDE), measure, lambda _: IMAGES,
    document="attacks", table=section,
)  # fmt: skip
