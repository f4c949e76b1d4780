"""How well a denoiser does on a whole test set: PSNR and SSIM of every image, noisy and denoised, level by level."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import checkpoints
from core.checkpoints import Card
from core.data.datasets import Dataset
from core.experiments import tables
from core.measures import metrics
from core.noise import Gaussian, Noise, eight_bit
from core.parallel import imap
from core.types import Images, Model, PerImage, generator

BATCH = 250
SEED = 0
COLUMNS = ("level", "noisy", "denoised", "noisy_ssim", "denoised_ssim")  # PSNR in dB where no SSIM is named
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CLEAN = Gaussian(0.0)

Table = Float[Tensor, "n 5"]  # a row per image, COLUMNS; NaN where it is not measured yet
Tables = Float[Tensor, "settings n 5"]


def settings(noise: Noise) -> tuple[Noise, ...]:
    """Return what a denoiser is measured under: the noise it was trained on, no noise at all, and fixed levels of it."""
    return (noise, CLEAN, *noise.fixed)


def corrupted(noise: Noise, x: Images, seed: int) -> tuple[Images, PerImage]:
    """Draw noise under the 8-bit protocol, clipped and rounded, and say which level each image got."""
    rng = generator(seed)
    levels = noise.draw(len(x), rng)
    return eight_bit(noise.at_level(x, levels, rng)), levels


@torch.no_grad()
def scored(model: Model, x: Images, noise: Noise, seed: int) -> Table:
    """Corrupt a batch, denoise it, and measure every image before and after."""
    noisy, levels = corrupted(noise, x, seed)
    denoised = model(noisy).clamp(0, 1)
    values = (metrics.psnr(noisy, x), metrics.psnr(denoised, x), metrics.ssim(noisy, x), metrics.ssim(denoised, x))
    return torch.stack([levels.flatten(), *values], 1)


def measure(
    model: Model, dataset: Dataset, noises: tuple[Noise, ...], measured: Tables, workers: int = 1
) -> Iterator[int]:
    """Fill `measured` in, batch by batch, and yield how many rows are done; rows that are filled already are passed over.

    Every batch has noise of its own, drawn from SEED and its number. The first setting, of which every image is kept, is
    done first. Several `workers` take a batch each, on one thread each.
    """
    n = measured.shape[1]
    pieces = [(k, start) for k in range(len(noises)) for start in range(0, n, BATCH)]
    missing = [(k, start) for k, start in pieces if measured[k, start : start + BATCH].isnan().any()]
    done = len(noises) * n - sum(min(BATCH, n - start) for _, start in missing)

    def table(piece: tuple[int, int]) -> Table:
        k, start = piece
        return scored(model, dataset.images(slice(start, min(n, start + BATCH))), noises[k], SEED + start // BATCH)

    for (k, start), rows in zip(missing, imap(table, missing, workers), strict=True):
        measured[k, start : start + len(rows)] = rows
        done += len(rows)
        yield done


def empty(noises: tuple[Noise, ...], n: int) -> Tables:
    """Return tables in which nothing is measured yet."""
    return torch.full((len(noises), n, len(COLUMNS)), torch.nan)


def summary(table: Table) -> dict[str, Any]:
    """Return n, mean and quantiles of every column, and the share of images made worse, in percent.

    Where rounding to 8 bits leaves an image without any noise its PSNR is infinite: such an image is `untouched`, it
    stands in the share made worse, but not in means and quantiles. A column that is all infinite is None.
    """
    noisy, denoised = table[:, COLUMNS.index("noisy")], table[:, COLUMNS.index("denoised")]
    untouched = noisy.isinf()
    counted = table if untouched.all() else table[~untouched]
    found: dict[str, Any] = dict(
        n=len(table), untouched=int(untouched.sum()), worse=round(100 * float((denoised < noisy).float().mean()), 3)
    )
    for column, values in zip(COLUMNS[1:], counted.T[1:].double(), strict=True):
        found[column] = _spread(values[values.isfinite()])
    return found


def _spread(values: Tensor) -> dict[str, Any] | None:
    if not len(values):
        return None
    quantiles = torch.quantile(values, torch.tensor(QUANTILES).double()).tolist()
    return dict(mean=round(float(values.mean()), 4), quantiles=[round(q, 4) for q in quantiles])


def scores(noises: tuple[Noise, ...], measured: Tables, dataset: Dataset) -> dict[str, Any]:
    """Return what a card says of a denoiser: the summary of every setting, by its repr."""
    return dict(
        n=measured.shape[1],
        seed=SEED,
        data=dataset.title,
        settings={repr(noise): summary(t) for noise, t in zip(noises, measured, strict=True)},
    )


@dataclass(frozen=True, eq=False)
class Kept:
    """The table of every image at the level it was trained for, as it lies on disk, and what it was measured on."""

    network: str
    sha256: str
    noise: str
    data: str
    commit: str
    table: Table


def keep(card: Card, noise: Noise, table: Table, dataset: Dataset) -> None:
    """Write the table of a network to checkpoints/curves/NAME.safetensors; raises UserError where the disk refuses."""
    about = dict(
        network=card.name, sha256=card.sha256, noise=repr(noise), data=dataset.title, commit=checkpoints.commit()
    )
    tables.write(card.name, table, about)


def kept(network: str) -> Kept | None:
    """Return the table kept of a network; None where there is none, or it cannot be read."""
    found = tables.read(network)
    return (
        Kept(**{name: found[1][name] for name in ("network", "sha256", "noise", "data", "commit")}, table=found[0])
        if found
        else None
    )


def pause(card: Card, noises: tuple[Noise, ...], measured: Tables) -> None:
    """Put aside what is measured so far."""
    tables.write(f".{card.name}.part", measured, _key(card, noises))


def resume(card: Card, noises: tuple[Noise, ...], n: int) -> Tables:
    """Return what was measured of these very weights before somebody stopped it, else tables with nothing in them."""
    found, fresh = tables.read(f".{card.name}.part"), empty(noises, n)
    return found[0] if found and found[1] == _key(card, noises) and found[0].shape == fresh.shape else fresh


def _key(card: Card, noises: tuple[Noise, ...]) -> dict[str, str]:
    """Say what measuring is about: it is resumed where all of this is the same."""
    return dict(sha256=card.sha256, noises=repr(noises), seed=str(SEED))


def finish(card: Card) -> None:
    """Throw away what `pause` put aside."""
    tables.file(f".{card.name}.part").unlink(missing_ok=True)


def break_even_level(table: Table, falling: bool) -> float | None:
    """Return the weakest noise at which a network gains on average: below it, it does harm; None where it always gains.

    The images are put in the order of their noise, weak to strong, and their gains in dB averaged over a moving window
    of a fiftieth of them. `falling` says that a smaller level is a stronger noise.
    """
    finite = table[table[:, 1:3].isfinite().all(1)]
    ordered = finite[finite[:, 0].argsort(descending=falling)]
    window = max(10, len(ordered) // 50)
    if len(ordered) < 2 * window:
        return None
    gains = ((ordered[:, 2] - ordered[:, 1]).unfold(0, window, 1).mean(1) >= 0).nonzero().flatten()
    if len(gains) and int(gains[0]) == 0:
        return None
    first = int(gains[0]) + window // 2 if len(gains) else -1
    return float(ordered[first, 0])


def compared() -> dict[str, dict[str, Any]]:
    """Return what classical methods score under every noise a denoiser was trained on: by noise, then by method."""
    try:
        return dict(json.loads((checkpoints.FOLDER / "curves" / "classical.json").read_text()))
    except (OSError, ValueError):
        return {}


def compare(noise: Noise, name: str, method: Model, dataset: Dataset) -> Iterator[int]:
    """Measure a classical method as a denoiser is measured, and keep its scores; yields how many images are done.

    Yields nothing where just this is measured already.
    """
    about = dict(method=repr(method), n=len(dataset), seed=SEED, data=dataset.title)
    found = compared()
    known = found.setdefault(repr(noise), {})
    if all(known.get(name, {}).get(key) == value for key, value in about.items()):
        return
    measured = empty((noise,), len(dataset))
    yield from measure(method, dataset, (noise,), measured)
    known[name] = dict(summary(measured[0]), **about, commit=checkpoints.commit())
    target = checkpoints.FOLDER / "curves" / "classical.json"
    checkpoints.write(target, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode())
