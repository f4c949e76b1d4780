"""Photographs: the network that denoises them by default, beside BM3D, which is told the noise, and beside other methods.

Gaussian noise is drawn for every value, of grey photographs as of coloured ones: a grey one is a coloured one whose three
channels are alike. The input is clipped and rounded to 8 bits, as a camera's file, or left as the noise made it, which is
what BM3D was made for: it does not know of clipping.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from time import perf_counter
from typing import ClassVar

import torch

from core import UserError, checkpoints, models
from core.data import samples
from core.data.datasets import Dataset
from core.denoisers import classical, scales, tiled
from core.denoisers.classical import CLASSICAL
from core.experiments import networks
from core.experiments.results import Experiment, Result, Store, slug
from core.measures import metrics
from core.measures.paired import of_few
from core.noise import Gaussian, eight_bit
from core.types import Images, Model, generator

SIDE = 512  # pixels: of a larger photograph the middle is taken, for BM3D takes half a minute a megapixel
SIGMAS = (15.0, 25.0, 50.0)  # grey levels
NETWORK = "n2n-gaussian-50"
INPUTS: dict[str, Callable[[Images], Images]] = {"8 bits": eight_bit, "unclipped": lambda x: x}
CAMERA, RAW = INPUTS
NOISY, LEARNED, ENSEMBLED, ALONE, BM3D = "noisy", "network", "eight symmetries", "one scale", "BM3D"
METHODS = {CAMERA: (NOISY, LEARNED, ENSEMBLED, ALONE, BM3D, *CLASSICAL), RAW: (LEARNED, BM3D)}

Scored = dict[str, tuple[float, float]]  # by method: PSNR in dB, seconds


@dataclass(frozen=True, kw_only=True)
class Photograph(Result):
    """What came of one photograph at the first n of SIGMAS: `found[sigma][input][method]`, PSNR in dB and seconds on all cores."""

    FOUND: ClassVar = ("found",)

    photograph: str
    colour: bool
    found: dict[str, dict[str, Scored]]

    def psnr(self, sigma: float, given: str, method: str) -> float:
        """Return what a method scores at a level, in dB, on one of INPUTS."""
        return self.found[f"{sigma:g}"][given][method][0]

    def gain(self, sigma: float, given: str = CAMERA, method: str = LEARNED) -> float:
        """Say by how many dB a method is better than BM3D."""
        return self.psnr(sigma, given, method) - self.psnr(sigma, given, BM3D)

    @property
    def line(self) -> str:
        """Say which is better and by how much."""
        gains = ", ".join(f"{self.gain(sigma):+.2f} dB at sigma {sigma:g}" for sigma in SIGMAS[: self.n])
        return f"{self.photograph}: {self.network} beyond BM3D {gains}"


STORE = Store("photographs", Photograph, version=2)
KEYS = {slug(name): name for name in samples.EVERY}


def picture(name: str, side: int = SIDE) -> Images:
    """Return the middle of a photograph, (1, 3, H, W), no side of it longer than `side` pixels."""
    whole = torch.from_numpy(samples.photograph(name)).permute(2, 0, 1)[None]
    top, left = (max(0, length - side) // 2 for length in whole.shape[2:])
    return whole[..., top : top + side, left : left + side].contiguous().float() / 255


def methods(model: Model, sigma: float, workers: int) -> dict[str, Model]:
    """Return what there is to compare: a network at two scales, also over eight symmetries, and at one, BM3D that is told sigma, and the rest."""
    learned = partial(scales.denoised, model, workers=workers)
    return {
        NOISY: lambda z: z, LEARNED: learned, ENSEMBLED: partial(tiled.ensembled, learned),
        ALONE: partial(tiled.denoised, model, workers=workers),
        BM3D: lambda z: classical.bm3d(z, sigma), **CLASSICAL,
    }  # fmt: skip


@torch.no_grad()
def scored(model: Model, x: Images, sigma: float, seed: int, workers: int = 1) -> dict[str, Scored]:
    """Denoise a photograph by every method, as a camera would give it and as the noise left it."""
    drawn, every = Gaussian(sigma)(x, generator(seed)), methods(model, sigma, workers)

    def timed(method: str, noisy: Images) -> tuple[float, float]:
        start = perf_counter()
        made = every[method](noisy)
        seconds = perf_counter() - start
        return float(metrics.psnr(made, x)), seconds

    return {given: {method: timed(method, seen(drawn)) for method in METHODS[given]} for given, seen in INPUTS.items()}


def compared(model: Model, known: Photograph, x: Images, n: int, workers: int = 1) -> Iterator[Photograph]:
    """Go on from what is known of a photograph to the first n of SIGMAS, level by level."""
    for sigma in SIGMAS[known.n : n]:
        row = scored(model, x, sigma, known.seed, workers)
        known = replace(known, n=known.n + 1, found={**known.found, f"{sigma:g}": row})
        yield known


def measure(key: str, n: int) -> Iterator[Photograph]:
    """Measure a photograph, by key, at the first n of SIGMAS; raises UserError where there is none, or BM3D is missing."""
    if key not in KEYS:
        raise UserError(f"There is no photograph {key!r}: choose one of {', '.join(KEYS)}.")
    device, x = networks.device(), picture(KEYS[key])
    model, card = checkpoints.denoiser(NETWORK, device)
    pixels = (255 * x).round().byte()
    dataset = Dataset(KEYS[key], "test", pixels, torch.zeros(1).long(), (KEYS[key],), False, "")
    about = STORE.provenance([card], dataset, models.precision(device), device)
    about["data"] = f"{KEYS[key]}, {x.shape[3]} x {x.shape[2]} pixels"
    colour = bool((pixels != pixels[:, :1]).any())
    known = STORE.resume(key, Photograph(**about, photograph=KEYS[key], colour=colour, found={}))
    yield known
    yield from compared(models.autocast(model), known, x.to(device), n, networks.workers(device))


def measured() -> list[Photograph]:
    """Return the photographs that are measured at all SIGMAS, in their order."""
    known = STORE.current()
    return [known[key] for key in KEYS if key in known and known[key].n == len(SIGMAS)]


def mean(found: list[Photograph], sigma: float, given: str, method: str) -> float:
    """Return the mean PSNR of a method at a level over photographs, in dB."""
    return sum(f.psnr(sigma, given, method) for f in found) / len(found)


def seconds(found: list[Photograph], method: str) -> float:
    """Return how long a method took for a photograph of 8 bits on average, in seconds on all cores of one machine."""
    times = [level[CAMERA][method][1] for f in found for level in f.found.values()]
    return sum(times) / len(times)


def verdict(found: list[Photograph], sigma: float, given: str = CAMERA) -> str:
    """Say in a sentence how the network stands beside BM3D at a level; with the 95 % interval of the mean."""
    gains = torch.tensor([f.gain(sigma, given) for f in found])
    (mean, half), better = of_few(gains), int((gains > 0).sum())
    sure = f" ± {half:.2f}" if isfinite(half) else ""
    return f"better than BM3D on {better} of {len(gains)} photographs, by {mean:+.2f}{sure} dB on average"


def table(sigma: float) -> Iterator[str]:
    """Write what every photograph scores at a level, and the means."""
    found = measured()
    columns = [(given, method) for given in INPUTS for method in METHODS[given]]
    heads = [method if given == CAMERA else f"{method}, {given}" for given, method in columns]
    yield f"| photograph | network beyond BM3D | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 2) + "|"
    rows = [(f.photograph.replace("_", " ") + ("" if f.colour else ", grey"), [f]) for f in found]
    coloured, grey = ([f for f in found if f.colour is colour] for colour in (True, False))
    means = [(f"**mean of {len(part)}{kind}**", part) for kind, part in (("", found), (" in colour", coloured), (" in grey", grey)) if part]  # fmt: skip
    for name, part in (*rows, *means):
        gain = mean(part, sigma, CAMERA, LEARNED) - mean(part, sigma, CAMERA, BM3D)
        cells = (f"{mean(part, sigma, given, method):.2f}" for given, method in columns)
        yield f"| {name} | **{gain:+.2f}** | {' | '.join(cells)} |"


def section() -> Iterator[str]:
    """Write its part of docs/photographs.md."""
    found = measured()
    if not found:
        yield "Not measured yet: `python -m core measure photographs`."
        return
    for sigma in SIGMAS:
        yield from (f"## Sigma {sigma:g}", "")
        yield f"`{NETWORK}` is {verdict(found, sigma)}; where nothing is clipped, {verdict(found, sigma, RAW)}."
        yield from ("", *table(sigma), "")
    yield from ("## Seconds", "", "A photograph, on average, on all cores of one machine, one after the other.", "")
    yield "| method | seconds | times the network |"
    yield "|---|---|---|"
    for method in METHODS[CAMERA][1:]:
        yield f"| {method} | {seconds(found, method):.2f} | {seconds(found, method) / seconds(found, LEARNED):.1f} |"


EXPERIMENT = Experiment(
    "how well photographs are denoised, beside BM3D", STORE, lambda: KEYS, measure, lambda _: len(SIGMAS),
    document="photographs", table=section,
)  # fmt: skip
