"""How well a denoiser does on a whole test set: PSNR and SSIM of every image, noisy and denoised, level by level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from core import UserError, checkpoints, models, noise, parallel
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks
from core.experiments.results import Experiment, Result, Store, pieces
from core.measures import metrics
from core.noise import Gaussian, Noise, eight_bit
from core.training import recipes
from core.types import Images, Model, PerImage, generator

BATCH = 250
COLUMNS = ("level", "noisy", "denoised", "noisy_ssim", "denoised_ssim")  # PSNR in dB where no SSIM is named
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CLEAN = Gaussian(0.0)

Table = Float[Tensor, "n 5"]  # a row per image, COLUMNS
Summary = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Denoised(Result):
    """What a denoiser made of the first n test images, under each of several noises, the one it was trained on first.

    `summaries` has the `summary` of each noise. `rows`, (noises, n, COLUMNS), are those of all noises while it is being
    measured; at the end those of the first stay, or none where `method` says what was measured instead of a network.
    """

    FOUND: ClassVar = ("rows", "summaries")

    noises: tuple[str, ...]
    method: str
    summaries: tuple[Summary, ...]
    rows: Float[Tensor, "noises n 5"]

    @property
    def noise(self) -> str:
        """Return the noise it was made for, in its repr."""
        return self.noises[0]

    @property
    def own(self) -> Summary:
        """Return the summary under the noise it was made for."""
        return self.summaries[0]

    @property
    def table(self) -> Table:
        """Return the rows under the noise it was made for."""
        table: Table = self.rows[0]
        return table

    @property
    def line(self) -> str:
        """Say how well it did under the noise it was made for."""
        means = [self.own[column] for column in ("noisy", "denoised")]
        noisy, denoised = (f"{m['mean']:.2f} dB" if m else "identical" for m in means)
        return f"{noisy} -> {denoised} on {self.n:,} test images, {self.own['worse']:.2f} % made worse"


STORE = Store("denoising", Denoised)


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
    return torch.stack([levels.flatten().to(x.device), *values], 1)


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
    return dict(mean=round(float(values.mean()), 4), quantiles=tuple(round(q, 4) for q in quantiles))


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


def begin(about: dict[str, Any], noises: Sequence[Noise], method: str = "") -> Denoised:
    """Return a result on no image yet; `about` is its provenance."""
    return Denoised(
        **about, noises=tuple(map(repr, noises)), method=method, summaries=(), rows=torch.empty(len(noises), 0, len(COLUMNS))
    )  # fmt: skip


def denoised(model: Model, known: Denoised, dataset: Dataset, n: int, workers: int = 1) -> Iterator[Denoised]:
    """Denoise ever more test images, in their order, from what is known to n, yielding what is found so far.

    Every batch has noise of its own, drawn from the seed and its number, and goes through all noises at once, so that
    what is found so far is a result on fewer images. Several `workers` take a batch each, on one thread each.
    """
    noises = [noise.parse(text) for text in known.noises]

    def rows(piece: tuple[int, Tensor]) -> Float[Tensor, "noises b 5"]:
        number, chosen = piece
        x = dataset.images(chosen)
        return torch.stack([scored(model, x, corrupt, known.seed + number) for corrupt in noises]).cpu()

    for found in parallel.spread(rows, pieces(torch.arange(len(dataset)), BATCH, known.n, n), workers):
        total = torch.cat([known.rows, found], 1)
        known = replace(known, n=total.shape[1], rows=total, summaries=tuple(map(summary, total)))
        yield known


def gone_on(
    store: Store[Denoised], key: str, model: Model, begun: Denoised, dataset: Dataset, n: int, whole: int, kept: int
) -> Iterator[Denoised]:
    """Go on from what a store knows up to n images; once `whole` of them are measured, the rows of `kept` noises stay."""
    known = store.resume(key, begun)
    if known.n < min(n, len(dataset)) and known.rows.shape[:2] != (len(known.noises), known.n):
        known = begun  # its rows were thrown away: more images are another measurement
    yield known
    here = dataset.to(torch.device(begun.device))
    for found in denoised(model, known, here, n, networks.workers(begun.device)):
        done = found.n >= min(whole, len(dataset))
        yield replace(found, rows=found.rows[:kept].clone()) if done else found


def measure(key: str, n: int) -> Iterator[Denoised]:
    """Measure a denoiser at the level it was trained for, on clean pictures and at fixed levels; raises UserError for others."""
    device = networks.device()
    model, card = checkpoints.denoiser(key, device)
    if "noise" not in card.recipe:
        raise UserError(f"{key} does not say what noise it was trained on: train it by a recipe.")
    dataset = datasets.full(card.dataset, "test")
    about = STORE.provenance([card], dataset, models.precision(device), device)
    begun = begin(about, settings(noise.parse(card.recipe["noise"])))
    yield from gone_on(STORE, key, models.autocast(model), begun, dataset, n, len(dataset), 1)


def cells(row: Summary, digits: tuple[int, int], nothing: str) -> list[str]:
    """Write the means of a summary with their outer quantiles, PSNR and SSIM with so many digits; `nothing` is no noise at all."""

    def cell(value: dict[str, Any] | None, places: int) -> str:
        if value is None:
            return nothing
        low, *_, high = value["quantiles"]
        return f"{value['mean']:.{places}f} ({low:.{places}f} to {high:.{places}f})"

    return [cell(row[column], digits["ssim" in column]) for column in COLUMNS[1:]]


def shipped() -> dict[str, Denoised]:
    """Return what is measured of the denoisers of photographs that ship, in the order of their recipes."""
    known = STORE.current()
    return {r.name: known[r.name] for r in photographic() if r.name in known}


def photographic() -> list[recipes.Denoising]:
    """Return the recipes of all denoisers of photographs."""
    return [r for r in recipes.RECIPES.values() if isinstance(r, recipes.Denoising) and r.dataset == "cifar10"]


def section() -> Iterator[str]:
    """Write its part of docs/denoisers.md: what each scores under every noise, mean and 5 to 95 % quantiles."""
    yield "## At fixed levels"
    yield ""
    yield "Mean, and in brackets the 5 and 95 % quantiles over images. `Gaussian(sigma=0.0)`: no noise at all, which asks whether the"
    yield "network leaves a clean picture alone."
    for name, found in shipped().items():
        yield from ("", f"### {name}", "")
        yield "| noise | noisy, dB | denoised, dB | noisy, SSIM | denoised, SSIM | made worse |"
        yield "|---|---|---|---|---|---|"
        for corrupt, row in zip(found.noises, found.summaries, strict=True):
            yield f"| `{corrupt}` | {' | '.join(cells(row, (2, 3), 'no noise'))} | {row['worse']:.2f} % |"


EXPERIMENT = Experiment(
    "how well denoisers do, image by image and level by level", STORE, networks.denoisers, measure, lambda _: 10_000,
    document="denoisers", table=section,
)  # fmt: skip
