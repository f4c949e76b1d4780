"""A photograph at every level of a noise, in pieces for photograph.js: half size to slide through, full size where it rests.

A piece is a few pictures as JPEG files behind a header that says what they are; it goes to the browser once (piece.js).
Differences are sent as greys, black at -LIMIT and white at +LIMIT, and coloured there.
"""

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import sqrt
from typing import Any

import torch.nn.functional as F
from PIL import Image

from app.browser import packing
from app.draw import pictures
from app.draw.pictures import Picture
from core.denoisers import scales, tiled
from core.denoisers.tiled import Progress
from core.experiments import classical
from core.measures import metrics
from core.noise import Noise, eight_bit
from core.params import at, strength
from core.types import Images, Model, generator

LEVELS = 21  # of the slider, each with a preview
PREVIEW = 2**16  # pixels of a preview, at most
SIDE = 1000  # pixels, the longest side of a picture that is sent
VIEWS = {"noisy": "noisy", "original": "original", "removed": "removed", "wrong": "still wrong"}
DIFFERENCES = ("removed", "wrong")  # noisy - denoised, denoised - original
LIMIT = 0.25  # of the grey range: a difference of full colour
QUALITY, ROUGH = 85, 70  # of the JPEG files, at full size and of previews; colours are not thinned out
WORKERS = 2  # threads for a picture: more would only take memory
STEP = 0.5  # seconds of work on a whole picture between two shares that are told: a small one is done in one go
WEIGHT = 56  # bytes a pixel that a whole picture takes while it is denoised: four of three colours, in float32, and some at half the size
PATIENT = 1_000_000  # pixels of a picture, at most, that slow methods are tried on


@dataclass(frozen=True)
class Scene:
    """What the pieces of a page have in common: a picture under a noise whose level is slid, and a seed."""

    picture: str  # the hash of what it is
    noise: Noise
    seed: int

    @property
    def name(self) -> str:
        """Return a short name for it, the same for the same scene."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    @property
    def levels(self) -> tuple[float, ...]:
        """Return the levels of the slider, from the weakest to the strongest."""
        return strength(type(self.noise))[1].levels(LEVELS)

    def noisy(self, x: Images, level: int) -> Images:
        """Return a picture at one of the levels, as a file of 8 bits has it."""
        return eight_bit(at(self.noise, self.levels[level])(x, generator(self.seed)))


Steps = Callable[[Images], Iterator[Progress]]  # a noisy picture is denoised, step by step


def denoiser(model: Model, noise: Noise) -> Steps:
    """Return how a network that was made for a noise denoises photographs."""
    return partial(scales.suited(noise), model, workers=WORKERS)


def last(steps: Steps) -> Model:
    """Return what steps come to."""

    def denoised(noisy: Images) -> Images:
        *_, found = steps(noisy)
        return found.image

    return denoised


@dataclass(frozen=True, eq=False)
class Denoised:
    """A whole photograph, denoised at one level, uint8 (H, W, 3), and the piece that shows it."""

    piece: bytes
    picture: Picture


def frame(scene: Scene, x: Images, network: str, sources: tuple[str, str], methods: Sequence[str]) -> bytes:
    """Describe the page's picture: its slider, its size, its network, and the methods beside it.

    `sources` name what makes the previews and the whole picture, and tell networks of one name apart.
    """
    _, span = strength(type(scene.noise))
    *_, h, w = x.shape
    header = dict(
        levels=scene.levels, label=span.label, unit=span.unit, percent=span.share, scene=scene.name, network=network,
        half=sources[0], full=sources[1], width=w, height=h, methods=methods,
        views=[dict(name=name, title=title, difference=name in DIFFERENCES) for name, title in VIEWS.items()],
        key=f"removed, still wrong: \u2212{255 * LIMIT:.0f} (blue) to +{255 * LIMIT:.0f} grey levels (red)",
    )  # fmt: skip
    return packing.pack(header, {})


def previews(scene: Scene, steps: Steps, source: str, x: Images) -> Iterator[bytes]:
    """Pack a picture, and what a network makes of it at every level, at half its size or less, from coarse steps to fine ones."""
    yield _piece(scene, "original", {"original": shown(x)}, QUALITY)
    h, w = x.shape[-2:]
    small = _scaled(x, min(0.5, sqrt(PREVIEW / (h * w))))
    del x  # it may be very large, and the rest may be waited for long
    for level in sorted(range(LEVELS), key=lambda k: -(k & -k) if k else -LEVELS):
        noisy = scene.noisy(small, level)
        denoised = last(steps)(noisy)
        figures = dict(before=_decibels(noisy, small), after=_decibels(denoised, small))
        yield _piece(scene, f"half/{source}/{level}", _views(small, noisy, denoised), ROUGH, **figures)


def full(
    scene: Scene, steps: Steps, source: str, x: Images, level: int, symmetric: bool = False
) -> Iterator[float | Denoised]:
    """Denoise a picture in full at one level, over eight symmetries or not, yielding the share that is done and at last the picture."""
    noisy, began = scene.noisy(x, level), time.perf_counter()
    if symmetric:
        denoised = tiled.ensembled(last(steps), noisy)
    else:
        said = began
        for progress in steps(noisy):
            if time.perf_counter() - said > STEP:
                yield progress.share
                said = time.perf_counter()
        denoised = progress.image
    seconds = time.perf_counter() - began
    figures = dict(zip(("before", "after"), (_figures(z, x) for z in (noisy, denoised)), strict=True))
    views = _views(*(shown(z) for z in (x, noisy, denoised)))
    key = f"full/{source}/{level}"
    piece = _piece(scene, key, views, QUALITY, **figures, seconds=round(seconds, 2), large=True)
    yield Denoised(piece, pictures.colour(denoised[0]))


def moderate(x: Images) -> bool:
    """Say whether a picture is small enough for slow methods."""
    return x.shape[-2] * x.shape[-1] <= PATIENT


def methods(x: Images, networks: Sequence[str] = ()) -> list[str]:
    """Name what is tried on a picture beside its network: nothing on a very large one, BM3D where its package is."""
    plain = [name for name in classical.METHODS if name != "BM3D" or find_spec("bm3d")]
    return [*plain, *networks] if moderate(x) else []


def compared(scene: Scene, networks: Mapping[str, Steps], x: Images, level: int) -> Iterator[bytes]:
    """Pack what each of the methods makes of a picture at one level, BM3D, the slowest, at last."""
    noisy = scene.noisy(x, level)
    every: dict[str, Model] = {**classical.METHODS, **{name: last(steps) for name, steps in networks.items()}}
    for name in sorted(methods(x, [*networks]), key=lambda name: name == "BM3D"):
        began = time.perf_counter()
        denoised = every[name](noisy)
        seconds = round(time.perf_counter() - began, 2)
        key, figures = f"{name}/{level}", _figures(denoised, x)
        yield _piece(scene, key, {"denoised": shown(denoised)}, QUALITY, after=figures, seconds=seconds, large=True)


def shown(x: Images) -> Images:
    """Scale a picture down to what is sent of it."""
    return _scaled(x, min(1.0, SIDE / max(x.shape[-2:])))


def _scaled(x: Images, share: float) -> Images:
    if share == 1:
        return x
    return F.interpolate(x, [max(1, round(share * side)) for side in x.shape[-2:]], mode="area")


def _views(x: Images, noisy: Images, denoised: Images) -> dict[str, Images]:
    """Return the pictures to look at; differences are the mean of three colours, (1, 1, H, W), grey where there is none."""
    differences = zip(DIFFERENCES, (noisy - denoised, denoised - x), strict=True)
    greys = {name: d.mean(1, keepdim=True) / (2 * LIMIT) + 0.5 for name, d in differences}
    return {"noisy": noisy, "denoised": denoised, **greys}


def _piece(scene: Scene, key: str, views: Mapping[str, Images], quality: int, /, **more: Any) -> bytes:
    files = {name: _jpeg(values, quality) for name, values in views.items()}
    sizes = {name: len(file) for name, file in files.items()}
    header = dict(scene=scene.name, key=key, sizes=sizes, differences=DIFFERENCES, **more)
    return packing.join(header, b"".join(files.values()))


def _jpeg(values: Images, quality: int) -> bytes:
    picture = Image.fromarray(pictures.colour(values[0]).squeeze())
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def _figures(a: Images, x: Images) -> tuple[float | None, float]:
    """Return PSNR in dB, None for identical pictures, and SSIM."""
    psnr, ssim = tiled.psnr_ssim(a, x)
    return _finite(psnr), round(ssim, 3)


def _decibels(a: Images, x: Images) -> tuple[float | None]:
    return (_finite(float(metrics.psnr(a, x))),)


def _finite(psnr: float) -> float | None:
    return round(psnr, 2) if psnr < float("inf") else None
