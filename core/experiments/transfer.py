"""Does an attack on one denoiser hurt others? Decibels lost, beside white noise of equal energy."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import torch

from core import checkpoints, noise
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.denoisers.classical import CLASSICAL
from core.experiments import attack_rates, tables
from core.measures import energy, metrics
from core.types import Model, Scores

CLASSICS = {name: CLASSICAL[name] for name in ("median", "total variation", "non-local means")}
BATCHES = 16  # of attack_rates.BATCH images: 512


@dataclass(frozen=True)
class Row:
    """What the attack on one network costs every other: mean loss in dB and the half width of its 95 % interval."""

    attacked: str
    sha256: str
    noise: str
    attack: str
    n: int
    seed: int
    data: str
    commit: str
    l2: float  # of the attack, on average
    lost: dict[str, float]
    interval: dict[str, float]
    evaluated: dict[str, str]  # the hash of every network it was shown to

    def joined(self, known: "Row | None") -> "Row":
        """Return this row with what another knows of further networks."""
        if known is None:
            return self
        return replace(self, lost={**known.lost, **self.lost}, interval={**known.interval, **self.interval})


def lost(
    attacked: Model, evaluated: Mapping[str, Model], card: Card, hashes: dict[str, str], dataset: Dataset
) -> Iterator[int | Row]:
    """Attack one network on 512 images and show what comes of it to others; yields how many are done, at last the row.

    A loss is PSNR after white noise less PSNR after the attack, both of the same L2 length in each image.
    """
    corrupt = noise.parse(card.recipe["noise"])
    found: dict[str, list[Scores]] = {name: [] for name in evaluated}
    lengths: list[Scores] = []
    done = 0
    for number, chosen in enumerate(
        datasets.shuffled(len(dataset), attack_rates.SEED).split(attack_rates.BATCH)[:BATCHES]
    ):
        x = dataset.images(chosen)
        batch = noise.noisy_batch(x, corrupt, attack_rates.SEED + number)
        *_, (_, z) = attack_rates.adversarial(attacked, batch)
        lengths.append(metrics.l2(z, x))
        white = energy.match_l2(x, batch.white, lengths[-1])
        with torch.no_grad():
            for name, model in evaluated.items():
                found[name].append(metrics.psnr(model(white), x) - metrics.psnr(model(z), x))
        done += len(x)
        yield done
    losses = {name: torch.cat(parts).double() for name, parts in found.items()}
    yield Row(
        card.name, card.sha256, repr(corrupt), repr(attack_rates.ATTACK), done, attack_rates.SEED, dataset.title,
        checkpoints.commit(), round(float(torch.cat(lengths).mean()), 4),
        {name: round(float(values.mean()), 4) for name, values in losses.items()},
        {name: round(float(1.96 * values.std() / done**0.5), 4) for name, values in losses.items()}, hashes,
    )  # fmt: skip


def keep(row: Row) -> None:
    """Put a row into checkpoints/curves/transfer.json; raises UserError where the disk refuses."""
    tables.put("transfer", row.attacked, asdict(row))


def current() -> dict[str, Row]:
    """Return the rows of networks as they are now, all of them, by attacked network."""
    return {
        name: row
        for name, row in kept().items()
        if row.attack == repr(attack_rates.ATTACK) and all(checkpoints.current(*pair) for pair in row.evaluated.items())
    }


def standing(card: Card, hashes: dict[str, str]) -> Row | None:
    """Return what is known of the attack on a network as it is now, without the networks that have changed since."""
    row = kept().get(card.name)
    if row is None or (row.sha256, row.attack) != (card.sha256, repr(attack_rates.ATTACK)):
        return None
    changed = {name for name, sha256 in hashes.items() if row.evaluated.get(name) != sha256}
    lost, interval = ({n: v for n, v in d.items() if n not in changed} for d in (row.lost, row.interval))
    return replace(row, lost=lost, interval=interval)


def kept() -> dict[str, Row]:
    """Return the rows that are measured, by attacked network."""
    return {name: Row(**record) for name, record in tables.records("transfer").items()}
