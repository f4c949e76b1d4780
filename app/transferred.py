"""One cell of the table of transfer: an attack made for one denoiser, step by step, shown to another."""

from collections.abc import Iterator

import torch

from app import cache
from app.attacking import attacked
from app.browser import strips
from app.browser.strips import Line, Series, Tile
from app.controls import parameters
from app.draw import charts
from app.inputs import Photo, Trained
from app.turns import watched
from core.denoisers.classical import CLASSICAL
from core.experiments.attack_path import Timeline
from core.experiments.attack_rates import ATTACK
from core.measures import metrics
from core.types import Model


def cell(made_for: Trained, shown_to: str, photo: Photo, seed: int) -> None:
    """Slide through the attack on one denoiser and see what another makes of it, beside chance as strong."""
    found = attacked(made_for, photo, ATTACK, seed, photo)

    def packed() -> Iterator[float | bytes]:
        model = CLASSICAL.get(shown_to) or cache.denoiser(Trained.named(shown_to))
        yield lent(found, made_for.name, shown_to, model)

    key = "lent", made_for, shown_to, photo, seed
    whole: bytes = watched(key, packed, f"Showing it to {shown_to}")
    parameters.slid(whole, "lent", ATTACK.steps)


def lent(found: Timeline, made_for: str, shown_to: str, model: Model) -> bytes:
    """Pack the steps of an attack on one denoiser, what that makes of them, and what another does."""
    x = found.batch.clean
    with torch.no_grad():
        theirs, fair = (
            torch.cat([model(z) for z in images.split(strips.AT_ONCE)]).clamp(0, 1)
            for images in (found.attacked, found.white)
        )
    images = dict(clean=x, attacked=found.attacked, own=found.denoised, theirs=theirs, white=found.white, fair=fair)
    tiles = [
        Tile("original", "clean"),
        Tile("attacked", "attacked", "", (*strips.quality(found.attacked, x), Line("L2 {}", found.l2)), f"What the attack on {made_for} has come to."),
        Tile(f"{made_for} of it", "own", "", strips.quality(found.denoised, x), "The network it was made for."),
        Tile(f"{shown_to} of it", "theirs", "", strips.quality(theirs, x), "Nobody asked this one while the attack was made."),
        Tile("chance, as strong", "white", "", strips.quality(found.white, x), "White noise of exactly the same L2."),
        Tile(f"{shown_to} of chance", "fair", "", strips.quality(fair, x)),
    ]  # fmt: skip
    lines = (
        Series(f"attack, by {shown_to}", metrics.psnr(theirs, x), charts.ATTACK),
        Series(f"chance, by {shown_to}", metrics.psnr(fair, x), charts.NOISE, dashed=True),
    )
    scale = strips.Scale([float(k) for k in range(ATTACK.steps + 1)], "Step of the attack", f"of {ATTACK.steps}")
    title, text = (
        "PSNR of the denoised picture, in dB, over the steps",
        "the wider the gap, the more the attack transfers",
    )
    return strips.pack(scale, images, tiles, curve=strips.curve(title, lines, text))
