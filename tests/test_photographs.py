"""Photographs: eight symmetries, noise that is not clipped, and what is measured of them beside BM3D."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from core import UserError, checkpoints, models
from core.data import samples
from core.denoisers import classical, tiled
from core.experiments import denoising, photographs
from core.experiments.photographs import BM3D, CAMERA, ENSEMBLED, LEARNED, METHODS, NOISY, RAW, SIGMAS, Photograph
from core.measures import metrics
from core.noise import BlindGaussian, Gaussian, eight_bit
from core.study import report
from core.training import recipes
from core.types import Images, generator
from tests.test_models import unet


@pytest.fixture
def quick_bm3d(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """BM3D is not installed by default: a median in its place, and what it was told."""
    told: list[float] = []

    def bm3d(x: Images, sigma: float) -> Images:
        told.append(sigma)
        return classical.Median()(x)

    monkeypatch.setattr(classical, "bm3d", bm3d)
    return told


def test_every_photograph_is_there_and_once() -> None:
    pictures = [samples.photograph(name) for name in samples.EVERY]
    assert all(p.dtype == np.uint8 and p.ndim == 3 and p.shape[2] == 3 and min(p.shape[:2]) > 32 for p in pictures)
    grey = [name for name, p in zip(samples.EVERY, pictures, strict=True) if (p == p[..., :1]).all()]
    assert set(samples.GREY) < set(grey)
    assert len({p.tobytes() for p in pictures}) == len(samples.EVERY) == len(photographs.KEYS)


def test_what_keeps_symmetries_is_not_moved_and_what_breaks_them_is_averaged() -> None:
    x = torch.rand((2, 3, 40, 57), generator=generator(0))
    torch.testing.assert_close(tiled.ensembled(lambda z: z.square(), x), x.square())
    shaded = tiled.ensembled(lambda z: z + torch.linspace(-1, 1, z.shape[3]), x)
    torch.testing.assert_close(shaded, x, atol=1e-6, rtol=0)


def test_eight_symmetries_see_the_whole_picture_in_tiles() -> None:
    model, x = unet(), torch.rand((1, 3, 75, 52), generator=generator(0))
    whole = tiled.ensembled(lambda z: model(z).clamp(0, 1), x)
    parts = tiled.ensembled(lambda z: [*tiled.denoise(model, z, tile=32)][-1].image, x)
    torch.testing.assert_close(parts, whole, atol=2e-5, rtol=0)
    torch.testing.assert_close(tiled.denoised(model, x), model(x).clamp(0, 1), atol=2e-5, rtol=0)


@torch.no_grad()
def test_eight_symmetries_are_better() -> None:
    model, _ = checkpoints.denoiser(photographs.NETWORK)
    x = photographs.picture("astronaut", 96)
    noisy = eight_bit(Gaussian(25.0)(x, generator(0)))
    one, eight = (metrics.psnr(z, x) for z in (model(noisy), tiled.ensembled(model, noisy)))
    assert one + 0.02 < eight < one + 1


@pytest.mark.parametrize("name", [r.name for r in denoising.photographic() if isinstance(r.noise, BlindGaussian)])
@pytest.mark.parametrize("share", [0.5, 1.0])
@torch.no_grad()
def test_noise_that_is_not_clipped_does_not_break_a_network(name: str, share: float) -> None:
    """It tells more than clipped noise; a network that saw some of it in training loses next to nothing by it."""
    model, card = checkpoints.denoiser(name)
    recipe = recipes.recipe(name)
    assert isinstance(recipe, recipes.Denoising)
    assert isinstance(recipe.noise, BlindGaussian)
    if not card.recipe.get("unclipped"):
        pytest.skip(f"{name} was trained before some of its inputs were left unclipped")
    clipped: list[float] = []
    unclipped: list[float] = []
    for place in ("astronaut", "coffee", "hubble_deep_field"):
        x = photographs.picture(place, 96)
        drawn = Gaussian(share * recipe.noise.sigma_max)(x, generator(0))
        for scores, seen in ((clipped, eight_bit(drawn)), (unclipped, drawn)):
            scores.append(float(metrics.psnr(model(seen), x)))
    assert np.mean(unclipped) > np.mean(clipped) - 0.5
    assert min(b - a for a, b in zip(clipped, unclipped, strict=True)) > -1


def test_a_photograph_is_measured_level_by_level_and_goes_on(
    shelf: Path, quick_bm3d: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, model, card = torch.rand((1, 3, 40, 48), generator=generator(1)), unet(), _card()
    monkeypatch.setattr(checkpoints, "denoiser", lambda *_: (model, card))
    monkeypatch.setattr(photographs, "picture", lambda name: x)
    first = [*photographs.EXPERIMENT.run("coffee", 1)][-1]
    assert (first.n, first.photograph, first.colour, first.data) == (1, "coffee", True, "coffee, 48 x 40 pixels")
    *_, last = photographs.EXPERIMENT.run("coffee", len(SIGMAS))
    assert last.n == len(SIGMAS)
    assert last.found["15"] == first.found["15"]
    assert quick_bm3d == [sigma for sigma in SIGMAS for _ in photographs.INPUTS]
    for sigma in SIGMAS:
        for given, methods in METHODS.items():
            assert tuple(last.found[f"{sigma:g}"][given]) == methods
        drawn = Gaussian(sigma)(x, generator(last.seed))
        noisy = eight_bit(drawn)
        assert last.psnr(sigma, CAMERA, NOISY) == pytest.approx(float(metrics.psnr(noisy, x)))
        assert last.psnr(sigma, CAMERA, BM3D) == pytest.approx(float(metrics.psnr(classical.Median()(noisy), x)))
        with torch.no_grad():
            quick = models.autocast(model)
            assert last.psnr(sigma, CAMERA, LEARNED) == pytest.approx(float(metrics.psnr(quick(noisy), x)), abs=0.02)
            assert last.psnr(sigma, RAW, LEARNED) == pytest.approx(float(metrics.psnr(quick(drawn), x)), abs=0.02)
    assert photographs.STORE.get("coffee") is not None
    with pytest.raises(UserError, match="no photograph 'nothing'"):
        next(photographs.measure("nothing", 1))


def test_a_large_photograph_is_seen_in_its_middle() -> None:
    whole = torch.from_numpy(samples.photograph("retina")).permute(2, 0, 1)[None].float() / 255
    assert torch.equal(photographs.picture("retina"), whole[..., 449:961, 449:961])
    assert photographs.picture("chelsea").shape == (1, 3, 300, 451)


def _card() -> checkpoints.Card:
    return checkpoints.save(unet(), checkpoints.Card("n2n-gaussian-50", "", "UNet", "cifar10", {}, 0, "", "", []))


def _measured(name: str, colour: bool, network: float, bm3d: float) -> Photograph:
    level = {
        CAMERA: dict.fromkeys(METHODS[CAMERA], (30.0, 1.0)) | {LEARNED: (network, 0.5), BM3D: (bm3d, 10.0)},
        RAW: {LEARNED: (network - 1, 0.5), BM3D: (bm3d + 1, 10.0)},
    }
    about = dict(networks={}, data="", seed=0, commits=(), precision="", device="", version=1)
    found = {f"{sigma:g}": level for sigma in SIGMAS}
    return Photograph(**about, n=len(SIGMAS), photograph=name, colour=colour, found=found)  # type: ignore[arg-type]


def test_the_document_says_which_is_better_by_how_much_and_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [_measured("coffee", True, 33.0, 32.0), _measured("moon", False, 31.0, 33.0)]
    assert photographs.verdict(found[:1], 15.0) == "better than BM3D on 1 of 1 photographs, by +1.00 dB on average"
    assert photographs.verdict(found, 15.0).startswith("better than BM3D on 1 of 2 photographs, by -0.50 ± 19.06 dB")
    assert photographs.seconds(found, BM3D) == 10
    monkeypatch.setattr(photographs, "measured", lambda: found)
    text = "\n".join(photographs.section())
    for row in (
        "| coffee | **+1.00** | 30.00 | 33.00 |",
        "| moon, grey | **-2.00** |",
        "| **mean of 2** | **-0.50** |",
    ):
        assert text.count(row) == len(SIGMAS)
    assert "on 0 of 2 photographs, by -2.50" in text
    assert f"| {BM3D} | 10.00 | 20.0 |" in text
    assert f"| {ENSEMBLED} | 1.00 | 2.0 |" in text


def test_what_is_not_measured_says_so(shelf: Path) -> None:
    assert photographs.measured() == []
    assert "Not measured yet: `python -m core measure photographs`." in report.document("photographs")


def test_levels_that_are_missing_keep_a_photograph_out_of_the_means(shelf: Path) -> None:
    few = replace(_measured("coffee", True, 33.0, 32.0), n=1)
    photographs.STORE.put("coffee", few)
    assert photographs.measured() == []


@pytest.mark.skipif(find_spec("bm3d") is None, reason="bm3d is not installed")
def test_bm3d_may_be_asked_by_several_at_once() -> None:
    x = torch.rand(4, 3, 32, 32, generator=generator(0))
    alone = classical.bm3d(x, 25.0)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda image: classical.bm3d(image[None], 25.0), x))
    assert torch.allclose(torch.cat(parts), alone, atol=1e-5)  # its own threads add in any order
