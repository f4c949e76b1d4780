"""The alarm: does a denoiser hold on windows that its training set never shows, under its own noise?

A network that scores well on test images may still leave the range of values on an edge or a row of stripes: no score on
CIFAR-10 sees it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from core import UserError, checkpoints, models, noise
from core.data import datasets, unfamiliar
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.results import Experiment, Store, Tabled
from core.measures import metrics
from core.noise import Noise
from core.types import Images, Labels, Model, generator

BATCH = 250
BEYOND = 0.3  # from 0 or from 1: further out an output is no picture any more
COLUMNS = ("kind", "noisy", "denoised", "beyond")  # PSNR in dB; how far the worst value lies outside [0, 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Held(Tabled):
    """What a denoiser made of n windows under its own noise: a row each, COLUMNS."""

    noise: str
    rows: Float[Tensor, "n 4"]

    def of(self, *kinds: str) -> "Held":
        """Return the part on windows of some kinds."""
        chosen = torch.isin(self.rows[:, 0].long(), torch.tensor([unfamiliar.KINDS.index(kind) for kind in kinds]))
        return replace(self, n=int(chosen.sum()), rows=self.rows[chosen])

    @property
    def outside(self) -> int:
        """Count the windows with a value further than BEYOND outside [0, 1]."""
        return int((self.rows[:, 3] > BEYOND).sum())

    @property
    def beyond(self) -> float:
        """Return how far the worst value of all lies outside [0, 1]."""
        return float(self.rows[:, 3].max()) if self.n else 0.0

    @property
    def worse(self) -> float:
        """Return the share of windows made worse, in percent."""
        return 100 * float((self.rows[:, 2] < self.rows[:, 1]).double().mean())

    @property
    def means(self) -> tuple[float, float]:
        """Return the mean PSNR, in dB, before and after, of the windows where both are finite."""
        finite = self.rows[self.rows[:, 1:3].isfinite().all(1), 1:3]
        before, after = finite.double().mean(0).tolist()
        return before, after

    @property
    def line(self) -> str:
        """Say whether it holds."""
        return f"{self.outside} of {self.n:,} windows outside, the worst by {self.beyond:.2f}; {self.worse:.1f} % made worse"


STORE = Store("unfamiliar", Held)


@torch.no_grad()
def scored(model: Model, x: Images, kinds: Labels, corrupt: Noise, seed: int) -> Float[Tensor, "n 4"]:
    """Corrupt a batch, denoise it, and measure every window, (n, COLUMNS)."""
    noisy = noise.eight_bit(corrupt(x, generator(seed)))
    found = model(noisy)
    beyond = torch.maximum(found.flatten(1).amax(1) - 1, -found.flatten(1).amin(1))
    psnr = [metrics.psnr(z, x) for z in (noisy, found.clamp(0, 1))]
    return torch.stack([kinds.float().to(x.device), *psnr, beyond.clamp(min=0)], 1)


def held(model: Model, known: Held, windows: Dataset, n: int, workers: int = 1) -> Iterator[Held]:
    """Denoise ever more windows, from what is known to n."""
    corrupt = noise.parse(known.noise)

    def rows(piece: tuple[int, Tensor]) -> Float[Tensor, "b 4"]:
        number, chosen = piece
        return scored(model, windows.images(chosen), windows.labels[chosen], corrupt, known.seed + number).cpu()

    yield from results.grown(rows, known, windows, BATCH, n, workers)


def measure(key: str, n: int) -> Iterator[Held]:
    """Measure a denoiser on all windows; raises UserError where it does not say what noise it was trained on."""
    device = networks.device()
    model, card = checkpoints.denoiser(key, device)
    if "noise" not in card.recipe:
        raise UserError(f"{key} does not say what noise it was trained on: train it by a recipe.")
    _, channels, side, _ = (1, *datasets.SOURCES[card.dataset].shape)
    windows = unfamiliar.windows(channels, side)
    about = {**STORE.provenance([card], windows, models.precision(device), device), "data": f"{len(windows):,} windows"}
    known = STORE.resume(key, Held(**about, noise=card.recipe["noise"], rows=torch.empty(0, len(COLUMNS))))
    yield known
    yield from held(models.autocast(model), known, windows.to(torch.device(device)), n, networks.workers(device))


def section() -> Iterator[str]:
    """Write its part of docs/denoisers.md."""
    known = STORE.current()
    yield "## On pictures unlike the training set"
    yield ""
    yield "Windows of 32 x 32 of photographs, and drawn ones, under each network's own noise: how many leave [-0.3, 1.3], how far the"
    yield "worst value lies outside [0, 1], and how many come out worse than they went in."
    yield ""
    yield "| network | photographs: outside | worst | made worse | drawn: outside | worst | made worse | noisy, dB | denoised, dB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in networks.denoisers():
        if name in known:
            photographs, drawn = known[name].of("photographs"), known[name].of(*unfamiliar.DRAWN)
            cells = (f"{p.outside} of {p.n:,} | {p.beyond:.2f} | {p.worse:.1f} %" for p in (photographs, drawn))
            yield f"| `{name}` | {' | '.join(cells)} | " + " | ".join(f"{db:.1f}" for db in drawn.means) + " |"


EXPERIMENT = Experiment(
    "whether denoisers hold on pictures unlike their training set", STORE, networks.denoisers, measure,
    lambda _: len(unfamiliar.windows()), document="denoisers", table=section,
)  # fmt: skip
