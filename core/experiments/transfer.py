"""Does an attack on one denoiser hurt others? Decibels lost, beside white noise of equal energy."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core import checkpoints, models, noise
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.denoisers.classical import CLASSICAL
from core.experiments import attack_rates, networks, results
from core.experiments.attack_rates import ATTACK, BATCH, NETWORKS
from core.experiments.results import Experiment, Store, Tabled
from core.measures import energy, metrics
from core.measures.paired import interval
from core.types import Model, Scores

CLASSICS = {name: CLASSICAL[name] for name in ("median", "total variation", "non-local means")}
IMAGES = 512
STRANGER = "n2c-gaussian-50"  # learned what n2n-gaussian-50 did, from weights drawn anew


def attackable() -> tuple[str, ...]:
    """Name the networks that are attacked and shown attacks: the study's seven, and one from another draw if it is here."""
    return (*NETWORKS, *((STRANGER,) if checkpoints.there(STRANGER) else ()))


def root(name: str) -> str:
    """Say which drawn weights a network goes back to, through all it began with. Raises UserError where it is not here."""
    card = checkpoints.read(name)
    start = card.recipe.get("start", "")
    if start:
        return root(start) if checkpoints.there(start) else start
    return f"{card.architecture}, seed {card.seed}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Row(Tabled):
    """What the attack on one network costs others: `rows` hold, per image, the attack's L2 and the dB lost by each of them.

    A loss is PSNR after white noise less PSNR after the attack, both of the same L2 length in each image. A row is of all
    the networks it names: where one of them changes it is to be measured anew.
    """

    noise: str
    attack: str
    evaluated: tuple[str, ...]  # networks and classical methods
    rows: Float[Tensor, "n columns"]

    @property
    def l2(self) -> float:
        """Return the mean L2 of the attack."""
        return float(self.rows[:, 0].mean())

    @property
    def lost(self) -> dict[str, float]:
        """Return the mean loss of each, in dB."""
        return dict(zip(self.evaluated, self.rows[:, 1:].double().mean(0).tolist(), strict=True))

    @property
    def interval(self) -> dict[str, float]:
        """Return the half width of the 95 % interval of each mean loss, in dB."""
        return {name: interval(lost)[1] for name, lost in zip(self.evaluated, self.rows.T[1:], strict=True)}

    def group(self, names: Iterable[str]) -> Scores:
        """Return what the attack costs some of them, image by image, in dB: the mean over them."""
        columns = [1 + self.evaluated.index(name) for name in names]
        mean: Scores = self.rows[:, columns].double().mean(1)
        return mean

    @property
    def line(self) -> str:
        """Say what each of them loses."""
        lost = ", ".join(f"{name} {db:+.1f}" for name, db in self.lost.items())
        return f"{self.network}, n = {self.n}, L2 {self.l2:.2f}, dB lost: {lost}"


STORE = Store("transfer", Row, version=2)


def begin(cards: list[Card], evaluated: tuple[str, ...], dataset: Dataset, device: str = "cpu") -> Row:
    """Return a row on no image yet; the first card is that of the network that is attacked."""
    about = STORE.provenance(cards, dataset, models.precision(device), device)
    empty = torch.empty(0, 1 + len(evaluated))
    return Row(**about, noise=cards[0].recipe["noise"], attack=repr(ATTACK), evaluated=evaluated, rows=empty)


def spread(
    attacked: Model, evaluated: Mapping[str, Model], known: Row, dataset: Dataset, n: int, workers: int = 1
) -> Iterator[Row]:
    """Attack one network on ever more images, from what is known to n, and show what comes of it to others."""
    corrupt = noise.parse(known.noise)

    def rows(piece: tuple[int, Tensor]) -> Float[Tensor, "b columns"]:
        number, chosen = piece
        x = dataset.images(chosen)
        batch = noise.noisy_batch(x, corrupt, known.seed + number)
        *_, (_, z) = attack_rates.adversarial(attacked, batch)
        length = metrics.l2(z, x)
        white = energy.match_l2(x, batch.white, length)
        with torch.no_grad():
            losses = [metrics.psnr(run(white), x) - metrics.psnr(run(z), x) for run in evaluated.values()]
        return torch.stack([length, *losses], 1).cpu()

    yield from results.grown(rows, known, dataset, BATCH, n, workers)


def measure(key: str, n: int) -> Iterator[Row]:
    """Attack one of the study's denoisers and show the result to all; raises UserError where one of them is not here."""
    device = networks.device()
    attacked, card = checkpoints.denoiser(key, device)
    others = {name: checkpoints.denoiser(name, device) for name in attackable()}
    dataset = datasets.full(card.dataset, "test")
    evaluated = {**{name: models.autocast(model) for name, (model, _) in others.items()}, **CLASSICS}
    cards = [card, *(c for name, (_, c) in others.items() if name != key)]
    known = STORE.resume(key, begin(cards, tuple(evaluated), dataset, device))
    yield known
    here = dataset.to(torch.device(device))
    yield from spread(models.autocast(attacked), evaluated, known, here, n, networks.workers(device))


@dataclass(frozen=True)
class Kin:
    """Whom an attack hurts: networks that go back to the same drawn weights as the one attacked, and others.

    `matched` are pairs of a sibling and a stranger that learned the same noise: they differ in their start.
    """

    row: Row
    siblings: tuple[str, ...]
    strangers: tuple[str, ...]
    matched: tuple[tuple[str, str], ...]

    @property
    def apart(self) -> Scores:
        """Return how much more the siblings lose than the strangers matched with them, image by image, in dB."""
        siblings, strangers = zip(*self.matched, strict=True)
        return self.row.group(siblings) - self.row.group(strangers)


def kin(row: Row) -> Kin:
    """Sort the networks that were shown an attack by what they go back to."""
    others = [name for name in row.evaluated if name not in CLASSICS and name != row.network]
    same = tuple(name for name in others if root(name) == root(row.network))
    strangers = tuple(name for name in others if name not in same)
    learned = {name: checkpoints.read(name).recipe["noise"] for name in others}
    return Kin(row, same, strangers, tuple((s, t) for s in same for t in strangers if learned[s] == learned[t]))


def verdict(rows: Mapping[str, Row]) -> str:
    """Say in words whether what transfers comes with a shared start, as far as the rows and their intervals tell."""
    told = [k for k in map(kin, rows.values()) if k.matched]
    if not told:
        return (
            "Whether this comes with the weights that they share from their start is open: no two networks that learned the same noise from different draws are measured here. "
            f"Train it anew (`python -m core train {STRANGER}`), then `python -m core measure transfer`."
        )
    n = min(k.row.n for k in told)

    def mean(losses: Iterable[Scores]) -> tuple[float, float]:
        return interval(torch.stack([values[:n] for values in losses]).mean(0))

    pairs = [list(dict.fromkeys(pair[side] for k in told for pair in k.matched)) for side in (0, 1)]
    same, other = (mean(k.row.group([pair[side] for pair in k.matched]) for k in told) for side in (0, 1))
    apart = mean(k.apart for k in told)
    words = (
        f"Attacks on {', '.join(k.row.network for k in told)} cost {', '.join(pairs[0])}, from the same drawn weights, {same[0]:.2f} ± {same[1]:.2f} dB beyond chance, and "
        f"{', '.join(pairs[1])}, which learned the same noise from another draw (with clean targets), {other[0]:.2f} ± {other[1]:.2f} dB. On the same {n:,} images the difference is "
        f"{apart[0]:+.2f} ± {apart[1]:.2f} dB (each network trained once)"
    )
    if apart[0] > apart[1]:
        return f"{words}: part of what transfers comes with the start, about {100 * apart[0] / same[0]:.0f} %."
    return f"{words}: that is no sign that the shared start is what transfers."


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    rows = STORE.current()
    names = [name for name in attackable() if name in rows]
    columns = [*(name for name in names if all(name in row.evaluated for row in rows.values())), *CLASSICS]
    yield "## Transfer"
    yield ""
    yield f"dB lost beyond white noise as strong, when the attack made for one network is shown to others; n = {results.counted(rows.values())} images a row."
    yield ""
    yield "| attacked | L2 | " + " | ".join(columns) + " |"
    yield "|---|---|" + "---|" * len(columns)
    for name in names:
        cells = (f"{rows[name].lost[c]:+.1f}" for c in columns)
        yield f"| `{name}` | {rows[name].l2:.2f} | " + " | ".join(cells) + " |"
    if names:
        yield ""
        yield verdict({name: rows[name] for name in names})


EXPERIMENT = Experiment(
    "whether an attack on one denoiser hurts others", STORE, attackable, measure, lambda _: IMAGES,
    document="attacks", table=section,
)  # fmt: skip
