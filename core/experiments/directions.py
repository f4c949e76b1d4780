"""Which direction hurts a denoiser most, and by how much? Singular values of its Jacobian, beside attacks and chance."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core import checkpoints, models, noise
from core.attacks.denoisers import unit
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, pushes, results
from core.experiments.attack_rates import BESIDE, NETWORKS
from core.experiments.pushes import NAMES, NOISE, V1
from core.experiments.results import Experiment, Store, Tabled
from core.measures import jacobian, metrics
from core.measures.jacobian import Jacobian
from core.measures.linearity import explained
from core.measures.paired import interval
from core.noise import Noise
from core.types import Images, Model, Scores

BATCH, IMAGES = 32, 256
ROUNDS = 10  # of v <- J^T J v
LENGTHS = (0.05, 0.5, 1.0, 2.0, 3.0)  # L2
PLACES = ("clean", "noisy")  # where J is taken
AT = ("largest", "residual", "cosine", "apart")  # s1; how exact it is; of J^T n and n the cosine, and |J^T n - n| / |n|
ALONG = ("gain", "cosine", "straight", *(f"moved_{t:g}" for t in LENGTHS))
# |J d|, cosine with v1, what a line explains of f(x + t d) from t = 0 to the last of LENGTHS, |f(x + t d) - f(x)|
COLUMNS = tuple(f"{what} {where}" for names, whats in ((PLACES, AT), ((*NAMES, NOISE), ALONG)) for where in names for what in whats)  # fmt: skip

Rows = Float[Tensor, "n 56"]  # a row per image, COLUMNS


def at_place(model: Model, x: Images, n: Images) -> tuple[Jacobian, Images, list[Scores]]:
    """Return J at pictures, its first singular vectors, and the columns AT; `n` is noise to be pulled back."""
    at = Jacobian.at(model, x)
    found, back = jacobian.largest(at, 1, ROUNDS), at.vjp(n)
    size = metrics.l2(n, torch.zeros_like(n)).clamp(min=1e-30)
    alike = pushes.cosine(unit(back), unit(n))
    return at, found.v[:, 0], [found.s[:, 0], found.residual[:, 0], alike, metrics.l2(back, n) / size]


def scored(model: Model, attacker: Model, x: Images, corrupt: Noise, seed: int) -> Rows:
    """Measure a batch; `attacker` is the network as the attacks see it, which may be of lower precision."""
    batch = noise.noisy_batch(x, corrupt, seed)
    *_, columns = at_place(model, batch.noisy, batch.noisy - x)
    at, v, clean = at_place(model, x, batch.noisy - x)
    worst = pushes.worse_sign(model, x, v)
    columns = [*clean, *columns]
    for d in {V1: worst, **pushes.aimed(attacker, at, batch, x)}.values():
        gain, outputs = metrics.l2(at.jvp(d), torch.zeros_like(d)), pushes.pushed(model, x, d, (0.0, *LENGTHS))
        straight = explained(torch.tensor((0.0, *LENGTHS)).to(x), outputs.flatten(2))
        columns += [gain, pushes.cosine(d, worst), straight, *(metrics.l2(z, outputs[0]) for z in outputs[1:])]
    return torch.stack(columns, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Directions(Tabled):
    """What the worst direction and others do to a denoiser: `rows` hold, per image, COLUMNS."""

    noise: str
    attacks: tuple[str, ...]
    rows: Rows

    def column(self, name: str) -> Scores:
        """Return one column."""
        return self.rows[:, COLUMNS.index(name)].double()

    def mean(self, name: str) -> tuple[float, float]:
        """Return the mean of a column and the half width of its 95 % interval."""
        return interval(self.column(name))

    def spread(self, name: str) -> tuple[float, float]:
        """Return the median and the largest value of a column."""
        values = self.column(name)
        return float(values.quantile(0.5)), float(values.max())

    @property
    def line(self) -> str:
        """Say how much the worst direction is amplified."""
        if not self.n:
            return f"{self.network}, no image yet"
        clean, noisy = (self.mean(f"largest {place}")[0] for place in PLACES)
        return f"{self.network}, n = {self.n}: the worst direction amplified {clean:.2f} times on clean pictures, {noisy:.2f} on noisy ones"


STORE = Store("directions", Directions)


def begin(card: Card, dataset: Dataset, device: str = "cpu") -> Directions:
    """Return a result on no image yet."""
    precision = " and ".join(dict.fromkeys(("float32", models.precision(device))))  # J and outputs, attacks
    about = STORE.provenance([card], dataset, precision, device)
    attacks = tuple(map(repr, pushes.ATTACKERS.values()))
    return Directions(**about, noise=card.recipe["noise"], attacks=attacks, rows=torch.empty(0, len(COLUMNS)))


def spread(
    model: Model, attacker: Model, known: Directions, dataset: Dataset, n: int, workers: int = 1
) -> Iterator[Directions]:
    """Measure ever more images, from what is known to n."""
    corrupt = noise.parse(known.noise)

    def rows(piece: tuple[int, Tensor]) -> Rows:
        number, chosen = piece
        return scored(model, attacker, dataset.images(chosen), corrupt, known.seed + number).cpu()

    yield from results.grown(rows, known, dataset, BATCH, n, workers)


def measure(key: str, n: int) -> Iterator[Directions]:
    """Measure a denoiser on n test images; raises UserError where it, or the data set, is not here."""
    device = networks.device()
    model, card = checkpoints.denoiser(key, device)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, dataset, device))
    yield known
    here = dataset.to(torch.device(device))
    yield from spread(model, models.autocast(model), known, here, n, networks.workers(device))


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    every = STORE.current()
    found = {name: every[name] for name in (*NETWORKS, *BESIDE) if name in every and every[name].n > 1}
    yield "## The worst direction"
    yield ""
    if not found:
        yield "Not measured yet: `python -m core measure directions`."
        return
    yield f"How far the output moves for an input that moves by 1 along the worst direction there is, v1: the largest singular value of the network's Jacobian J, by {ROUNDS}"
    yield "rounds of power iteration in float32 (residual: |JᵀJ v - s² v| / s², the largest of all images), on CIFAR-10 test images, clean and under the network's own noise, its level"
    yield "drawn for each image. ±: 95 % interval of the mean. Jᵀn and n: their cosine, and |Jᵀn - n| / |n|, 0 were J the identity."
    yield ""
    yield "| network | n | clean: mean | median | max | noisy: mean | median | max | residual | Jᵀn and n, clean | Jᵀn and n, noisy |"
    yield "|---|---|" + "---|" * 9
    for name, known in found.items():
        cells = [f"`{name}`", f"{known.n:,}"]
        for place in PLACES:
            (mean, half), (median, top) = known.mean(f"largest {place}"), known.spread(f"largest {place}")
            cells += [f"{mean:.2f} ± {half:.2f}", f"{median:.2f}", f"{top:.2f}"]
        cells.append(f"{max(known.spread(f'residual {place}')[1] for place in PLACES):.0e}")
        cells += [f"{known.mean(f'cosine {place}')[0]:.2f}, {known.mean(f'apart {place}')[0]:.2f}" for place in PLACES]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield f"Foretold and come about, at the clean picture x: |f(x + t d) - f(x)| (L2) when x moves by t along d, |d| = 1, unclipped; in brackets t |J d|. DAG and L2PGD: what `{'` and `'.join(next(iter(found.values())).attacks)}`"
    yield f"add; n: the noise DAG goes towards; v1 with the sign that does more. Medians over the same images, and the largest at the end. Straight: what a straight line explains of the outputs' variance from t = 0 to {LENGTHS[-1]:g}, mean ± 95 % interval."
    yield ""
    heads = (
        "network",
        "along",
        "cosine with v1",
        "straight, %",
        *(f"t = {t:g}" for t in LENGTHS),
        f"largest at {LENGTHS[-1]:g}",
    )
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name, known in found.items():
        for d in (*NAMES, NOISE):
            gain, along = (known.spread(f"{what} {d}")[0] for what in ("gain", "cosine"))
            moved = [known.spread(f"moved_{t:g} {d}") for t in LENGTHS]
            told = " | ".join(f"{m:.2f} ({t * gain:.2f})" for t, (m, _) in zip(LENGTHS, moved, strict=True))
            mean, half = known.mean(f"straight {d}")
            yield f"| `{name}` | {d} | {along:.2f} | {100 * mean:.1f} ± {100 * half:.1f} | {told} | {moved[-1][1]:.1f} |"


EXPERIMENT = Experiment(
    "which direction hurts a denoiser most, and how much", STORE, lambda: (*NETWORKS, *BESIDE), measure, lambda _: IMAGES,
    document="attacks", table=section,
)  # fmt: skip
