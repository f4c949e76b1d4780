"""Pictures side by side at every level of a noise or step of an attack, for strip.js to slide through.

An image of one frame is the same at every level. Where a header says which levels are `known`, frames and figures are of those
alone, and strip.js shows the nearest and says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

import core.noise
from app.browser import packing
from app.draw import charts, pictures
from core.attacks.few_pixels import Generation, exhaustive, places
from core.experiments.attack_path import Timeline
from core.measures import metrics
from core.networks.digits import Classifier
from core.noise import Noise
from core.params import strength
from core.types import Images, Labels, Model, Scores

EDGES = (np.arange(74) * 7 - 255.5) / 255  # of the histogram of the noise: seven grey levels a bin, one around 0
FRAMES = (51, 41, 26, 21, 11)  # levels: so many that they are round numbers
AT_ONCE = 16  # pictures a network takes at once; with fewer each takes longer
STAY, BRIEF = 1000, 200  # milliseconds without a move after which somebody is said to stay with levels; with an attack
COARSE = 5  # of so many levels one is known at first, the others once somebody stays
BYTES = 3_200_000  # what a strip may weigh before it is packed; a larger picture is shown at one level at a time


@dataclass(frozen=True, eq=False)
class Line:
    """A figure below a picture: what it says, with {} for its value at a level, a value per level, and its decimals."""

    text: str
    values: Scores
    digits: int = 1


@dataclass(frozen=True, eq=False)
class Series:
    """A line of the small chart over the slider."""

    name: str
    values: Scores
    colour: str
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a strip: an image, or the difference of two, and figures below it."""

    title: str
    image: str
    minus: str = ""
    lines: tuple[Line, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Scale:
    """What the slider goes over: its values, what they are called, their unit, and whether they are shares of a whole."""

    levels: list[float]
    label: str
    unit: str
    percent: bool = False


def scale(noise: Noise, levels: list[float]) -> Scale:
    """Slide over the strength of a noise."""
    _, span = strength(type(noise))
    return Scale(levels, span.label, span.unit, span.share)


def levels(noise: Noise, shape: torch.Size, images: int) -> list[float]:
    """Choose the levels to slide through, as many as BYTES allow for so many images of that shape; none if too few."""
    most = BYTES // (images * shape.numel())
    count = next((count for count in FRAMES if count <= most), 0)
    return list(strength(type(noise))[1].levels(count)) if count else []


def lead(model: Model, x: Images, noise: Noise, levels: list[float], seed: int, step: int = 1) -> bytes:
    """Pack what one denoiser makes of one picture, (1, C, H, W), at every level, or at one of `step`: noisy, denoised, removed, still wrong."""
    known = list(range(0, len(levels), step))
    drawn = core.noise.levels(noise, x, [levels[k] for k in known], seed)[:, 0]  # (known, C, H, W), not clipped
    noisy = core.noise.eight_bit(drawn)
    with torch.no_grad():
        outputs = torch.cat([model(z) for z in torch.cat([noisy, x]).split(AT_ONCE)]).clamp(0, 1)
    denoised, kept = outputs.split([len(noisy), 1])
    before, after = metrics.psnr(noisy, x), metrics.psnr(denoised, x)
    never = "it never makes this picture worse" if step == 1 else "it makes this picture worse at none of these levels"
    harm = "shaded: it makes this picture worse" if (after < before).any() else never
    untouched = float(metrics.psnr(kept, x))
    harm += "; a clean one " + (f"comes back changed, at {untouched:.1f} dB" if untouched < inf else "stays as it is")
    tiles = [
        Tile("original", "clean", hint="Nobody shows it to the network."),
        Tile("noisy", "noisy", "", quality(noisy, x), "What the network sees, clipped and rounded to 8 bits."),
        Tile("denoised", "denoised", "", quality(denoised, x), "What the network makes of it."),
        Tile("removed", "noisy", "denoised", (Line("{} grey levels", rms(noisy - denoised)),), "noisy - denoised"),
        Tile("still wrong", "denoised", "clean", (Line("{} grey levels", rms(denoised - x)),), "denoised - original"),
    ]
    lines = (Series("noisy", before, charts.NOISE, dashed=True), Series("denoised", after, charts.DENOISED))
    gain = curve("PSNR in dB over the noise", lines, f"{harm}.", after < before)
    shares = dict(before=histograms(drawn - x), after=histograms(noisy - x))
    images = dict(clean=x, noisy=noisy, denoised=denoised)
    colours = dict(before=charts.ATTACK, after=charts.FAINT)
    return pack(
        scale(noise, levels), images, tiles, shares, known=known, limit=0.25, stay=STAY, curve=gain, histogram=colours
    )


def gallery(
    denoisers: Mapping[str, Model], x: Images, noise: Noise, levels: list[float], seed: int, known: Sequence[int]
) -> Iterator[float | bytes]:
    """Yield the share done, and at last, packed, what many denoisers, learned and classical, make of a noisy picture at the known levels."""
    images: dict[str, Images] = {}
    yield from _denoised(images, denoisers, x, noise, [levels[k] for k in known], seed)
    tiles = [Tile(name, name, "", quality(values, x)) for name, values in images.items()]
    yield pack(scale(noise, levels), images, tiles, known=list(known), limit=0.25)


def tellings(
    told: Mapping[str, Model], x: Images, noise: Noise, levels: list[float], seed: int, known: Sequence[int]
) -> Iterator[float | bytes]:
    """Yield the share done, and at last, packed, what one network makes of a noisy picture at the known levels whatever it is told."""
    images: dict[str, Images] = {}
    yield from _denoised(images, told, x, noise, [levels[k] for k in known], seed)
    first, *others = images
    tiles = [Tile(name, name, "", quality(values, x)) for name, values in images.items()]
    tiles += [Tile(f"{name} - {first}", name, first) for name in others]
    yield pack(scale(noise, levels), images, tiles, known=list(known), limit=0.0625)


def _denoised(
    images: dict[str, Images], denoisers: Mapping[str, Model], x: Images, noise: Noise, levels: list[float], seed: int
) -> Iterator[float]:
    """Add to `images` what each denoiser makes of one picture under noise, at every level, yielding the share done."""
    noisy = core.noise.eight_bit(core.noise.levels(noise, x, levels, seed)[:, 0])
    for name, model in denoisers.items():
        with torch.no_grad():
            images[name] = torch.cat([model(z) for z in noisy.split(AT_ONCE)]).clamp(0, 1)
        yield len(images) / len(denoisers)


def quality(images: Images, clean: Float[Tensor, "m c h w"]) -> tuple[Line, ...]:
    """Return the lines that say how like the clean image others are; SSIM from 7 x 7 pixels on."""
    psnr = Line("{} dB", metrics.psnr(images, clean))
    if min(images.shape[-2:]) < 7:
        return (psnr,)
    return (psnr, Line("SSIM {}", metrics.ssim(images, clean), digits=3))


def rms(difference: Images) -> Scores:
    """Return the root mean square of a difference, in grey levels."""
    return 255 * difference.square().mean((1, 2, 3)).sqrt()


def histograms(values: Tensor) -> Float[Tensor, "levels bins"]:
    """Count values, (levels, ...), between EDGES, as shares of all."""
    return torch.from_numpy(np.stack([np.histogram(v, EDGES)[0] / v.size for v in values.flatten(1).numpy()]))


def curve(
    title: str, series: Sequence[Series], text: str, shaded: Bool[Tensor, " n"] | None = None, **more: Any
) -> dict[str, Any]:
    """Describe a small chart over the slider's values: lines, a sentence, and the values that are shaded.

    More: `top`, above which a line leaves the chart (without it the chart is one of PSNR), `bottom`, and `wide`.
    """
    return dict(
        title=title,
        series=[dict(name=s.name, values=_finite(s.values), colour=s.colour, dashed=s.dashed) for s in series],
        text=text,
        shaded=[] if shaded is None else shaded.tolist(),
        **more,
    )


def pack(
    scale: Scale, images: dict[str, Images], tiles: list[Tile], shares: Mapping[str, Tensor] | None = None, **more: Any
) -> bytes:
    """Pack images in [0, 1], (frames, C, H, W), the tiles that show them, and shares of a whole, (frames, ...), under a slider."""
    described = [
        dict(title=t.title, image=t.image, minus=t.minus, hint=t.hint, lines=[dict(text=line.text, values=_finite(line.values), digits=line.digits) for line in t.lines])
        for t in tiles
    ]  # fmt: skip
    arrays = {name: packing.sixteen_bit(values) for name, values in (shares or {}).items()}
    arrays |= {name: packing.eight_bit(values) for name, values in images.items()}
    return packing.pack({**vars(scale), "tiles": described, **more}, arrays)


def _finite(values: Scores) -> list[float | None]:
    """Round for the header; None, which JSON can say, for what is infinite."""
    return [round(v, 3) if np.isfinite(v) else None for v in values.tolist()]


def timeline(found: Timeline, steps: int) -> bytes:
    """Pack an attack of so many steps, as far as it has come: what is attacked, what the denoiser makes of it, and chance of equal energy."""
    x = found.batch.clean
    images = dict(
        clean=x, noisy=found.batch.noisy, kept=found.noisy_denoised, start=found.start, attacked=found.attacked,
        denoised=found.denoised, white=found.white, fair=found.white_denoised,
    )  # fmt: skip
    length = Line("L2 {}", found.l2)
    tiles = [
        Tile("original", "clean"),
        Tile("noisy", "noisy", "", (*quality(found.batch.noisy, x), Line("L2 {}", metrics.l2(found.batch.noisy, x)))),
        Tile("denoised", "kept", "", quality(found.noisy_denoised, x)),
        Tile("adversarial", "attacked", "", (*quality(found.attacked, x), length), "The picture after so many steps."),
        Tile("adversarial, denoised", "denoised", "", quality(found.denoised, x), "What the network makes of it."),
        Tile("what the attack adds", "attacked", "start", (Line("{} grey levels", rms(found.attacked - found.start)),)),
        Tile(
            "chance, as strong", "white", "", (*quality(found.white, x), length), "White noise of exactly the same L2."
        ),
        Tile("chance, denoised", "fair", "", quality(found.white_denoised, x)),
    ]
    if found.active_mask is not None:
        images["active_mask"] = found.active_mask
        share = 100 * found.active_mask.mean((1, 2, 3))
        tiles.append(
            Tile("mask T", "active_mask", "", (Line("{} % to do", share),), "White: not yet where the attack wants it.")
        )
    lines = (
        Series("attack, denoised", metrics.psnr(found.denoised, x), charts.ATTACK),
        Series("chance, denoised", metrics.psnr(found.white_denoised, x), charts.NOISE, dashed=True),
    )
    known = list(range(len(found.attacked)))
    return pack(
        Scale([float(k) for k in range(steps + 1)], "Step of the attack", f"of {steps}"), images, tiles, known=known, limit=0.125, stay=BRIEF,
        curve=curve("PSNR of the denoised picture, in dB, over the steps", lines, "the wider the gap, the more the aim matters"),
    )  # fmt: skip


def search(model: Classifier, x: Images, y: Labels, generations: list[Generation]) -> bytes:
    """Pack a search for pixels: the best candidate of every generation, and where the candidates are."""
    best = torch.cat([g.best for g in generations])
    *_, h, w = x.shape
    clouds = torch.stack([cloud(g.candidates[0], h, w) for g in generations])
    with torch.no_grad():
        answers = model(best).softmax(1)
        clean = float(model(x).softmax(1)[0, int(y[0])])
    probability, _ = exhaustive(model, x, y, (0.0, 1.0))
    weak = (clean - probability[0]).amax(0)  # (h, w): the most a single pixel costs
    weakness = pictures.diverging(weak, max(0.05, float(weak.abs().max())))
    heat = torch.from_numpy(weakness).permute(2, 0, 1) / 255  # (3, h, w)
    said, sure = answers.argmax(1).float(), 100 * answers[:, int(y[0])]
    queries = torch.stack([g.queries[0] for g in generations]).float()
    tiles = [
        Tile("the digit", "clean"),
        Tile("best candidate", "best", "", (Line(f"{{}} % sure of {int(y[0])}", sure), Line("reads {}", said, digits=0)), "The search's best try so far."),
        Tile("what it changes", "best", "clean", (Line("L2 {}", metrics.l2(best, x)),)),
        Tile("all candidates", "cloud", "", (Line("{} questions", queries, digits=0),), "Black: where the candidates are. Red: where one pixel alone makes the network less sure."),
    ]  # fmt: skip
    average = torch.stack([100 * g.probability[0].mean() for g in generations])
    return pack(
        Scale([float(k) for k in range(len(generations))], "Generation", f"of {len(generations) - 1}"),
        dict(clean=x, best=best, cloud=heat * (1 - clouds)), tiles, limit=1.0,
        curve=curve(f"How sure the network is of {int(y[0])}, in %", (Series("best candidate", sure, charts.ATTACK), Series("average candidate", average, charts.NOISE, dashed=True)), "lower is better for the attacker"),
    )  # fmt: skip


def cloud(candidates: Float[Tensor, "p k f"], h: int, w: int) -> Float[Tensor, "1 h w"]:
    """Count how many candidates change each pixel, the most as 1."""
    rows, columns = places(candidates, h, w)
    counts = torch.bincount((rows * w + columns).flatten(), minlength=h * w).float()
    return (counts / counts.max()).sqrt().view(1, h, w)


def epochs(samples: list[dict[str, Tensor]]) -> bytes:
    """Pack what a training made of the same few images before its first epoch and after each."""
    seen, truth = samples[0]["input"], samples[0]["truth"]
    outputs = torch.stack([s["output"] for s in samples])  # (epochs, n, ...)
    scale = Scale([float(k) for k in range(len(samples))], "After epoch", f"of {len(samples) - 1}")
    if truth.ndim == 1:
        images = {f"digit {k}": seen[[k]] for k in range(len(seen))}
        tiles = [
            Tile(f"a {int(truth[k])}", f"digit {k}", "", (Line("reads {}", outputs[:, k].argmax(1).float(), digits=0), Line("{} % sure", 100 * outputs[:, k].amax(1))))
            for k in range(len(seen))
        ]  # fmt: skip
        if all("filters" in s for s in samples):
            _first_layer(samples, images, tiles)
        return pack(scale, images, tiles, limit=1.0)
    images, tiles = {}, []
    for k in range(min(3, len(seen))):
        images |= {f"seen {k}": seen[[k]], f"output {k}": outputs[:, k], f"truth {k}": truth[[k]]}
        tiles += [
            Tile("noisy", f"seen {k}", "", quality(seen[[k]], truth[[k]])),
            Tile("denoised", f"output {k}", "", quality(outputs[:, k], truth[[k]])),
            Tile("original", f"truth {k}"),
        ]
    return pack(scale, images, tiles, limit=0.25)


def _first_layer(samples: list[dict[str, Tensor]], images: dict[str, Images], tiles: list[Tile]) -> None:
    """Add the filters of the first layer as they change, in one scale, and what each makes of the first image, in its own."""
    filters, maps = (torch.stack([s[name] for s in samples], 1) for name in ("filters", "maps"))  # (M, epochs, ...)
    limit = float(filters.abs().max())
    for k, (patterns, answers) in enumerate(zip(filters, maps, strict=True), 1):
        drawn = [torch.from_numpy(pictures.diverging(p[0], limit)).permute(2, 0, 1) / 255 for p in patterns]
        span = (answers.max() - answers.min()).clamp(min=1e-9)
        images |= {f"filter {k}": torch.stack(drawn), f"map {k}": ((answers - answers.min()) / span)[:, None]}
        hint = f"Red weights add, blue ones subtract, full colour at {limit:.2f}."
        tiles += [Tile(f"filter {k}", f"filter {k}", hint=hint), Tile("its map of the first", f"map {k}")]
