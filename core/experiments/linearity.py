"""Is it because networks are linear? A digit network along the line of an attack, at its kinks, and layer by layer.

x moves to x + t s, not clipped, where every value of s is 1 or -1: the sign of the gradient (the line of FGSM), or drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from core import checkpoints
from core.attacks.linf import gradient, signs
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.results import Experiment, Store, Tabled
from core.measures import linearity
from core.measures.paired import interval
from core.networks.digits import Classifier
from core.types import Images, Labels, Model, Scores

BATCH, IMAGES = 100, 10_000
REACH = 0.5
PLACES = tuple(round(-REACH + 0.025 * k, 3) for k in range(41))  # t
NEAR = tuple(t for t in PLACES if abs(t) <= 0.1)
SIZE = 0.1  # epsilon, at which kinks and layers are looked at
ATTACK, CHANCE = "attack", "chance"
LINES = (ATTACK, CHANCE)


def lines(model: Model, x: Images, y: Labels, seed: int) -> dict[str, Images]:
    """Return the directions images move along, by name: the sign of grad J, and signs drawn for each image."""
    return {ATTACK: gradient(model, x, y).sign(), CHANCE: signs(x, seed)}


@torch.no_grad()
def along(model: Model, x: Images, d: Images) -> Float[Tensor, "t n k"]:
    """Return the logits at x + t d for every t of PLACES."""
    return torch.stack([model(x + t * d) for t in PLACES])


@torch.no_grad()
def plane(
    model: Classifier, x: Images, y: Labels, ways: dict[str, Images]
) -> tuple[Float[Tensor, "a b"], Int64[Tensor, "a b"]]:
    """Look around one digit, (1, 1, 28, 28): at x + a attack + b chance for all a and b of PLACES, clipped nowhere.

    Returns by how much the label's logit leads all others, below 0 where one of these leads, and what the network says.
    """
    steps = torch.tensor(PLACES).view(-1, 1, 1, 1)
    logits = torch.stack([model(x + a * ways[ATTACK] + steps * ways[CHANCE]) for a in PLACES])  # (a, b, k)
    label = F.one_hot(y, logits.shape[-1]).bool()[:, None]
    others = logits.masked_fill(label, -torch.inf).amax(-1)
    return logits[..., int(y[0])] - others, logits.argmax(-1)


def scored(model: Classifier, x: Images, y: Labels, seed: int) -> dict[str, Scores]:
    """Measure a batch; every column by its name."""
    columns: dict[str, Scores] = {}
    before = linearity.sides(model, x)
    for stage, side in before.items():
        if side.dtype == torch.bool:
            columns[f"{stage} on, clean"] = side.float().mean(1)
    for name, d in lines(model, x, y, seed).items():
        columns |= _straight(name, along(model, x, d), y)
        moved = x + SIZE * d
        for stage, side in linearity.sides(model, moved).items():
            columns[f"{stage} crossed, {name}"] = (side != before[stage]).float().mean(1)
            if side.dtype == torch.bool:
                columns[f"{stage} on, {name}"] = side.float().mean(1)
        for number, layer in enumerate(linearity.growth(model, x, moved).unbind(1)):
            columns[f"layer {number} moved, {name}"], columns[f"layer {number} most, {name}"] = layer.unbind(1)
    return columns


def _straight(name: str, logits: Float[Tensor, "t n k"], y: Labels) -> dict[str, Scores]:
    """Measure how straight all logits, and that of the label, are over PLACES and over NEAR."""
    own = logits.gather(2, y.view(1, -1, 1).expand(len(PLACES), -1, 1))
    near = [PLACES.index(t) for t in NEAR]
    return {
        f"straight, {name}": linearity.explained(torch.tensor(PLACES), logits),
        f"straight near, {name}": linearity.explained(torch.tensor(NEAR), logits[near]),
        f"straight label, {name}": linearity.explained(torch.tensor(PLACES), own),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines(Tabled):
    """How straight a digit network is: `rows` hold, per image, `columns`; of each affine layer n and m."""

    columns: tuple[str, ...]
    weights: tuple[tuple[int, float], ...]
    rows: Float[Tensor, "n columns"]

    def column(self, name: str) -> Scores:
        """Return one column."""
        return self.rows[:, self.columns.index(name)]

    def mean(self, name: str) -> tuple[float, float]:
        """Return the mean of a column and the half width of its 95 % interval."""
        return interval(self.column(name))

    @property
    def stages(self) -> list[str]:
        """Name the stages that have kinks: those that pool, and those that rectify."""
        return [c.split(" ")[0] for c in self.columns if c.endswith(f" crossed, {ATTACK}")]

    @property
    def line(self) -> str:
        """Say how much of what the logits do a straight line explains."""
        if not self.n:
            return f"{self.network}, no image yet"
        shares = " and ".join(f"{100 * self.mean(f'straight, {name}')[0]:.1f} % along {name}" for name in LINES)
        return f"{self.network}, n = {self.n:,}: a straight line explains {shares}"


STORE = Store("linearity", Lines)


def begin(model: Classifier, card: Card, dataset: Dataset, device: str = "cpu") -> Lines:
    """Return a result on no image yet."""
    columns = tuple(scored(model, *_one(dataset, device), 0))
    about = STORE.provenance([card], dataset, "float32", device)
    weights = tuple(linearity.weights(model))
    return Lines(**about, columns=columns, weights=weights, rows=torch.empty(0, len(columns)))


def _one(dataset: Dataset, device: str) -> tuple[Images, Labels]:
    return dataset.images([0]).to(device), dataset.labels[:1].to(device)


def spread(model: Classifier, known: Lines, dataset: Dataset, n: int, workers: int = 1) -> Iterator[Lines]:
    """Measure ever more images, from what is known to n."""

    def rows(piece: tuple[int, Tensor]) -> Tensor:
        number, chosen = piece
        found = scored(model, dataset.images(chosen), dataset.labels[chosen], known.seed + number)
        return torch.stack(list(found.values()), 1).cpu()

    yield from results.grown(rows, known, dataset, BATCH, n, workers)


def measure(key: str, n: int) -> Iterator[Lines]:
    """Measure a digit network on n test images; raises UserError where it, or the data set, is not here."""
    device = networks.device()
    model, card = checkpoints.classifier(key, device)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(model, card, dataset, device))
    yield known
    yield from spread(model, known, dataset.to(torch.device(device)), n, networks.workers(device))


def section() -> Iterator[str]:
    """Write its part of docs/why.md."""
    found = STORE.current()
    yield "## Are digit networks linear?"
    yield ""
    if not found:
        yield "Not measured yet: `python -m core measure linearity`."
        return
    yield f"How much of what all ten logits do, in percent of their variance, a straight line explains when x moves to x + t s, not clipped, t from {PLACES[0]:g} to {PLACES[-1]:g}: s the sign of the"
    yield f"gradient (attack), or signs drawn at random (chance); near: |t| at most {NEAR[-1]:g}; label: the logit of the right class alone. ±: 95 % interval of the mean over the images; median, and the share of images above 90 %."
    yield ""
    yield "| network | n | along | mean | median | above 90 % | near | label |"
    yield "|---" * 8 + "|"
    for name, known in found.items():
        for way in LINES:
            shares = 100 * known.column(f"straight, {way}")
            means = [
                f"{100 * mean:.1f} ± {100 * half:.1f}"
                for what in ("straight", "straight near", "straight label")
                for mean, half in [known.mean(f"{what}, {way}")]
            ]
            above = f"{100 * float((shares > 90).float().mean()):.1f} %"
            yield f"| `{name}` | {known.n:,} | {way} | {means[0]} | {float(shares.median()):.1f} | {above} | {means[1]} | {means[2]} |"
    yield ""
    yield f"Units on the upper side of their kink, and kinks passed, in percent of the units of a stage, at epsilon {SIZE:g} (attack: FGSM before clipping)."
    yield ""
    yield "| network | stage | on: clean | chance | attack | passed: chance | attack |"
    yield "|---" * 7 + "|"
    for name, known in found.items():
        for stage in known.stages:
            names = [f"{stage} on, {where}" for where in ("clean", CHANCE, ATTACK)]
            names += [f"{stage} crossed, {where}" for where in (CHANCE, ATTACK)]
            cells = [f"{100 * known.mean(c)[0]:.1f}" if c in known.columns else "" for c in names]
            yield f"| `{name}` | {stage} | {' | '.join(cells)} |"
    yield ""
    yield f"How far the sums w · η of every layer move at epsilon {SIZE:g}: |w · η|, and in brackets its share of the most it could be, sum |w| |η|, which in the first layer is epsilon m n. Means over units and images."
    yield ""
    yield "| network | layer | n | m | epsilon m n | attack | chance |"
    yield "|---" * 7 + "|"
    for name, known in found.items():
        for number, (n, m) in enumerate(known.weights):
            cells = [f"{known.mean(f'layer {number} moved, {way}')[0]:.3f} ({100 * aligned(known, number, way):.0f} %)" for way in LINES]  # fmt: skip
            yield f"| `{name}` | {number + 1} | {n} | {m:.4f} | {SIZE * m * n:.3f} | {' | '.join(cells)} |"


def aligned(known: Lines, layer: int, way: str) -> float:
    """Return the share of the most they could move by that the sums of a layer do move by, 0 to 1."""
    return known.mean(f"layer {layer} moved, {way}")[0] / known.mean(f"layer {layer} most, {way}")[0]


EXPERIMENT = Experiment(
    "how linear digit networks are",
    STORE,
    networks.classifiers,
    measure,
    lambda _: IMAGES,
    document="why",
    table=section,
)
