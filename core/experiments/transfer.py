"""Does an attack on one denoiser hurt others? Decibels lost, beside white noise of equal energy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

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
from core.experiments.results import Experiment, Result, Store
from core.measures import energy, metrics
from core.types import Model

CLASSICS = {name: CLASSICAL[name] for name in ("median", "total variation", "non-local means")}
IMAGES = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Row(Result):
    """What the attack on one network costs others: `rows` hold, per image, the attack's L2 and the dB lost by each of them.

    A loss is PSNR after white noise less PSNR after the attack, both of the same L2 length in each image. A row is of all
    the networks it names: where one of them changes it is to be measured anew.
    """

    FOUND: ClassVar = ("rows",)

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
        spread = 1.96 * self.rows[:, 1:].double().std(0) / self.n**0.5
        return dict(zip(self.evaluated, spread.tolist(), strict=True))

    @property
    def line(self) -> str:
        """Say what each of them loses."""
        lost = ", ".join(f"{name} {db:+.1f}" for name, db in self.lost.items())
        return f"{self.network}, n = {self.n}, L2 {self.l2:.2f}, dB lost: {lost}"


STORE = Store("transfer", Row)


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

    for found in results.spread(rows, known, dataset, BATCH, n, workers):
        known = replace(known, n=known.n + len(found), rows=torch.cat([known.rows, found]))
        yield known


def measure(key: str, n: int) -> Iterator[Row]:
    """Attack one of the study's denoisers and show the result to all; raises UserError where one of them is not here."""
    device = networks.device()
    attacked, card = checkpoints.denoiser(key, device)
    others = {name: checkpoints.denoiser(name, device) for name in NETWORKS}
    dataset = datasets.full(card.dataset, "test")
    evaluated = {**{name: models.autocast(model) for name, (model, _) in others.items()}, **CLASSICS}
    cards = [card, *(c for name, (_, c) in others.items() if name != key)]
    known = STORE.resume(key, begin(cards, tuple(evaluated), dataset, device))
    yield known
    here = dataset.to(torch.device(device))
    yield from spread(models.autocast(attacked), evaluated, known, here, n, networks.workers(device))


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    rows = STORE.current()
    columns = [*(name for name in NETWORKS if name in rows), *CLASSICS]
    yield "## Transfer"
    yield ""
    yield f"dB lost beyond white noise as strong, when the attack made for one network is shown to others; {IMAGES} images a row."
    yield ""
    yield "| attacked | L2 | " + " | ".join(columns) + " |"
    yield "|---|---|" + "---|" * len(columns)
    for name in NETWORKS:
        if name in rows:
            cells = (f"{rows[name].lost[c]:+.1f}" for c in columns)
            yield f"| `{name}` | {rows[name].l2:.2f} | " + " | ".join(cells) + " |"


EXPERIMENT = Experiment(
    "whether an attack on one denoiser hurts others", STORE, lambda: NETWORKS, measure, lambda _: IMAGES,
    document="attacks", table=section,
)  # fmt: skip
