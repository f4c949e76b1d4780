"""How far a denoiser is led astray, image by image: the study's ratio, and the fair one (Figure 34).

Test images are attacked under the noise the denoiser was trained on, its level drawn for each image: with one fixed level
the study's figures do not come out (docs/log.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from core import checkpoints, noise
from core.attacks import DAG
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import tables
from core.measures import energy, metrics
from core.noise import Noise, NoisyBatch
from core.parallel import imap
from core.types import Images, Model, Scores

BATCH = 32
SEED = 0
ATTACK = DAG()
STEPS = (30, 40)  # both are kept: the study does not say which of its figures took how many
AFTER = ("l2", "adversarial", "fooled", "random", "own")
COLUMNS = ("noisy_l2", "noisy", "denoised", *(f"{what}_{steps}" for steps in STEPS for what in AFTER))

Table = Float[Tensor, "n 13"]  # a row per image, COLUMNS; L2 and PSNR in dB; NaN where it is not measured yet


def adversarial(model: Model, batch: NoisyBatch) -> Iterator[tuple[int, Images]]:
    """Attack a batch, yielding (steps, images) at each of STEPS."""
    for steps, images in enumerate(islice(ATTACK.path(model, batch.clean, batch.noisy), max(STEPS) + 1)):
        if steps in STEPS:
            yield steps, images


def scored(model: Model, x: Images, corrupt: Noise, seed: int) -> Table:
    """Measure a batch of images under noise, under attack, and under chance of the attack's own energy."""
    batch = noise.noisy_batch(x, corrupt, seed)

    def after(z: Images) -> Scores:
        with torch.no_grad():
            return metrics.psnr(model(z), x)

    columns = [metrics.l2(batch.noisy, x), metrics.psnr(batch.noisy, x), after(batch.noisy)]
    for _, z in adversarial(model, batch):
        l2 = metrics.l2(z, x)
        columns += [
            l2,
            metrics.psnr(z, x),
            after(z),
            *(after(energy.match_l2(x, change, l2)) for change in (batch.white, batch.noise)),
        ]
    return torch.stack(columns, 1)


@dataclass(frozen=True, eq=False)
class Fooled:
    """The table of a network, and what it was measured on."""

    network: str
    sha256: str
    noise: str
    attack: str
    seed: str
    data: str
    commit: str
    table: Table

    @property
    def rows(self) -> Table:
        """Return the rows that are measured."""
        return self.table[~self.table.isnan().any(1)]

    @property
    def means(self) -> dict[str, float]:
        """Return the mean of every column; an image that is left as it is has no finite PSNR and does not count in it."""
        return {name: float(v[v.isfinite()].double().mean()) for name, v in zip(COLUMNS, self.rows.T, strict=True)}

    def ratio(self, steps: int, fair: bool) -> Scores:
        """Divide the PSNR after noise by the PSNR after the attack: the study's noise, or white noise of equal energy."""
        columns = dict(zip(COLUMNS, self.rows.T, strict=True))
        ratio: Scores = columns[f"random_{steps}" if fair else "denoised"] / columns[f"fooled_{steps}"]
        return ratio


def ranked(found: list[Fooled], steps: int, fair: bool) -> list[tuple[str, float]]:
    """Order networks by their mean ratio, the most easily fooled first."""
    means = [(f.network, float(f.ratio(steps, fair).double().mean())) for f in found if len(f.rows)]
    return sorted(means, key=lambda pair: -pair[1])


def share(ratios: Scores, low: float, high: float) -> float:
    """Return the share of images whose ratio lies between two bounds, in percent."""
    return 100 * float(((ratios >= low) & (ratios <= high)).float().mean())


def begin(card: Card, dataset: Dataset) -> Fooled:
    """Return what is measured of these very weights, to go on from; else an empty table."""
    fresh = Fooled(
        card.name, card.sha256, card.recipe["noise"], repr(ATTACK), str(SEED), dataset.title, checkpoints.commit(),
        torch.full((len(dataset), len(COLUMNS)), torch.nan),
    )  # fmt: skip
    old = kept(card.name)
    same = old and _about(old, "commit") == _about(fresh, "commit") and old.table.shape == fresh.table.shape
    return old if old and same else fresh


def measure(model: Model, dataset: Dataset, found: Fooled, workers: int = 1) -> Iterator[int]:
    """Fill the table in, batch by batch, and yield how many rows are done.

    The images come in an order drawn from SEED, so that what is done when it is stopped is a fair sample.
    """
    corrupt = noise.parse(found.noise)
    batches = list(enumerate(datasets.shuffled(len(dataset), SEED).split(BATCH)))
    missing = [(number, chosen) for number, chosen in batches if found.table[chosen].isnan().any()]

    def table(batch: tuple[int, Tensor]) -> Table:
        number, chosen = batch
        return scored(model, dataset.images(chosen), corrupt, SEED + number)

    for (_, chosen), rows in zip(missing, imap(table, missing, workers), strict=True):
        found.table[chosen] = rows
        yield len(found.rows)


def keep(found: Fooled) -> None:
    """Write the table of a network to checkpoints/curves/; raises UserError where the disk refuses."""
    tables.write(_name(found.network), found.table, _about(found))


def kept(network: str) -> Fooled | None:
    """Return the table kept of a network; None where there is none, or it cannot be read."""
    found = tables.read(_name(network))
    return Fooled(**found[1], table=found[0]) if found else None


def _name(network: str) -> str:
    return f"fooled-{network}"


def _about(found: Fooled, *without: str) -> dict[str, str]:
    return {name: value for name, value in vars(found).items() if name not in ("table", *without)}
