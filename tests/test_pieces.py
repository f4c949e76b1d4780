"""What is packed of a photograph, and the work behind a page."""

import io
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from app.browser import packing, photographs
from app.browser.photographs import LEVELS, LIMIT, Scene, Steps
from app.draw.pictures import Picture
from core.denoisers import scales, tiled
from core.measures import metrics
from core.noise import BlindGaussian, BlindPoisson, Gaussian, Poisson, eight_bit
from core.types import Images, Model, generator


def half(x: Images) -> Images:
    """A denoiser that anybody can check."""
    return 0.5 * x + 0.25


def alone(model: Model) -> Steps:
    return partial(tiled.denoise, model)


def smooth(h: int, w: int) -> Images:
    rows, columns = torch.linspace(0.1, 0.9, h)[:, None], torch.linspace(0.9, 0.1, w)
    return torch.stack([0 * columns + rows, columns + 0 * rows, (rows + columns) / 2])[None]


def opened(piece: bytes) -> dict[str, Picture]:
    """Read the files of a piece, as the browser does."""
    header, start, found = packing.header(piece), 0, {}
    body = packing._split(piece)[1]
    for name, size in header["sizes"].items():
        found[name] = np.asarray(Image.open(io.BytesIO(body[start : start + size])))
        start += size
    assert start == len(body)
    return found


def test_every_level_has_a_preview_of_bounded_size_from_coarse_steps_to_fine_ones() -> None:
    scene, x = Scene("p", Gaussian(), 3), smooth(96, 640)
    original, *pieces = photographs.previews(scene, alone(half), "n.1", x)
    assert opened(original)["original"].shape == (96, 640, 3)
    order = [int(packing.header(p)["key"].removeprefix("half/n.1/")) for p in pieces]
    assert sorted(order) == list(range(LEVELS))
    assert max(abs(b - a) for a, b in zip(sorted(order[:6]), sorted(order[:6])[1:], strict=False)) <= 4
    assert opened(pieces[0])["denoised"].shape == (48, 320, 3)
    assert sum(map(len, pieces)) < 4_000_000
    large = next(p for k, p in enumerate(photographs.previews(scene, alone(half), "n.1", smooth(1200, 1600))) if k == 1)
    h, w, _ = opened(large)["noisy"].shape
    assert 0.98 * photographs.PREVIEW <= h * w <= 1.02 * photographs.PREVIEW


def test_the_whole_picture_is_denoised_and_its_differences_are_on_one_scale_around_grey(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photographs, "STEP", 0.0)
    scene, x, level = Scene("p", Gaussian(), 3), smooth(160, 200), 10
    *shares, found = photographs.full(scene, alone(half), "n.1", x, level)
    assert shares
    assert all(isinstance(share, float) for share in shares)
    assert isinstance(found, photographs.Denoised)
    noisy = scene.noisy(x, level)
    denoised = half(noisy)
    np.testing.assert_allclose(found.picture, 255 * denoised[0].permute(1, 2, 0), atol=0.51)
    header, shown = packing.header(found.piece), opened(found.piece)
    assert header["before"][0] == pytest.approx(float(metrics.psnr(noisy, x)), abs=0.01)
    assert header["after"] == pytest.approx(
        [float(metrics.psnr(denoised, x)), float(metrics.ssim(denoised, x))], abs=0.01
    )
    for name, difference in {"removed": noisy - denoised, "wrong": denoised - x}.items():
        expected = 255 * (difference.mean(1)[0] / (2 * LIMIT) + 0.5).clamp(0, 1)
        assert np.abs(shown[name] - expected.numpy()).mean() < 6  # JPEG; without the picture it is 40 and more
        assert shown[name].ndim == 2


def test_noise_that_does_nothing_is_identical_which_json_can_say() -> None:
    scene, x = Scene("p", Gaussian(), 0), eight_bit(smooth(64, 64))
    *_, found = photographs.full(scene, alone(lambda z: z), "n.1", x, 0)
    assert isinstance(found, photographs.Denoised)
    assert packing.header(found.piece)["before"] == packing.header(found.piece)["after"] == [None, 1.0]


def test_scenes_differ_in_whatever_they_are_made_of() -> None:
    scenes = [Scene("p", Gaussian(), 0), Scene("q", Gaussian(), 0), Scene("p", Poisson(), 0), Scene("p", Gaussian(), 1)]
    assert len({scene.name for scene in scenes}) == len(scenes)
    assert scenes[0].name == Scene("p", Gaussian(), 0).name


def test_classical_methods_are_tried_on_the_same_noisy_picture_and_not_on_a_huge_one() -> None:
    scene, x = Scene("p", Gaussian(), 3), smooth(64, 80)
    pieces = {packing.header(p)["key"]: packing.header(p) for p in photographs.compared(scene, {}, x, 10)}
    assert {key.partition("/")[0] for key in pieces} >= {"median", "non-local means", "total variation"}
    noisy = float(metrics.psnr(scene.noisy(x, 10), x))
    assert all(header["after"][0] > noisy + 3 for header in pieces.values())
    assert not photographs.methods(torch.empty(1, 3, 1001, 1000))


def test_other_networks_and_eight_symmetries_are_tried_on_the_same_noisy_picture() -> None:
    scene, x = Scene("p", Gaussian(), 3), smooth(64, 80)

    def shaded(z: Images) -> Images:
        return z + torch.linspace(-0.1, 0.1, z.shape[3])

    heads = {
        packing.header(p)["key"]: packing.header(p) for p in photographs.compared(scene, {"other": alone(half)}, x, 10)
    }
    noisy = scene.noisy(x, 10)
    assert heads["other/10"]["after"][0] == pytest.approx(float(metrics.psnr(half(noisy), x)), abs=0.01)
    *_, found = photographs.full(scene, alone(shaded), "n.1.8", x, 10, symmetric=True)
    assert isinstance(found, photographs.Denoised)
    np.testing.assert_allclose(found.picture, 255 * noisy[0].permute(1, 2, 0), atol=30)
    assert abs(found.picture.mean() - 255 * float(noisy.mean())) < 1  # what breaks the symmetries is averaged out


def test_a_large_picture_is_scaled_down_to_what_is_sent() -> None:
    assert photographs.shown(torch.rand(1, 3, 30, 2000, generator=generator(0))).shape == (1, 3, 15, 1000)
    assert photographs.shown(small := torch.rand(1, 3, 8, 9, generator=generator(0))) is small


def test_networks_made_for_gaussian_noise_see_a_photograph_at_two_scales() -> None:
    z = eight_bit(Gaussian(30.0)(smooth(96, 128), generator(0)))
    one, two = (
        photographs.last(photographs.denoiser(half, noise))(z) for noise in (BlindPoisson(100.0), BlindGaussian(50.0))
    )
    torch.testing.assert_close(one, tiled.denoised(half, z))
    torch.testing.assert_close(two, scales.denoised(half, z))
    assert not torch.equal(one, two)
