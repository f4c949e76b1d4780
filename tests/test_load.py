"""How much is sent, and whether the driver that measures a class at once speaks as browsers do."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import torch

from app.browser import packing, scripts, strips
from core import checkpoints, noise
from core.attacks import DENOISER_ATTACKS
from core.data import datasets
from core.experiments import attack_path
from core.types import Images, generator

pytest.importorskip("playwright.sync_api")  # tests/browser.py, which starts the app, needs it
from benchmarks import load
from tests import browser

NEW_PICTURE = 300_000  # bytes that a new picture on a denoiser's page may send
COMPONENT = 25_000  # bytes, the script and style that go with each message, and the rest of the page


def picture() -> Images:
    return datasets.load("cifar10", "test").images([17])


@pytest.mark.parametrize("kind", noise.NOISES)
def test_a_new_picture_under_noise_is_small_and_small_again_for_who_stays(kind: str) -> None:
    thing, x, model = noise.NOISES[kind](), picture(), checkpoints.denoiser("n2n-gaussian-50")[0]
    levels = strips.levels(thing, x.shape, 21)
    some, whole = (strips.lead(model, x, thing, levels, 0, step) for step in (strips.COARSE, 1))
    assert len(some) + COMPONENT <= NEW_PICTURE / 3  # of what is sent at once
    assert len(whole) + COMPONENT <= 2.5 * NEW_PICTURE / 3  # and to who stays; Poisson draws each level anew
    (coarse, few), (fine, all_) = packing.unpack(some), packing.unpack(whole)
    assert (coarse["known"], fine["known"]) == ([*range(0, len(levels), strips.COARSE)], [*range(len(levels))])
    for name in ("noisy", "denoised", "before", "after"):
        np.testing.assert_allclose(few[name], all_[name][coarse["known"]], atol=1.01 / 255)  # a batch of another size
    np.testing.assert_allclose(
        coarse["curve"]["series"][1]["values"],
        np.array(fine["curve"]["series"][1]["values"])[coarse["known"]],
        atol=2e-3,
    )


@pytest.mark.parametrize("kind", DENOISER_ATTACKS)
def test_a_new_picture_under_attack_is_small(kind: str) -> None:
    model, x, attack = checkpoints.denoiser("n2n-gaussian-50")[0], picture(), DENOISER_ATTACKS[kind]()
    given = attack, x, noise.Gaussian(50), 0, x.flip(3)
    begun, (*_, found) = attack_path.begin(model, *given), attack_path.run(model, *given)
    assert isinstance(found, attack_path.Timeline)
    for name in ("start", "attacked", "denoised", "white", "white_denoised"):
        torch.testing.assert_close(getattr(begun, name), getattr(found, name)[:1], atol=1e-4, rtol=0)
    packed = [strips.timeline(one, attack.steps) for one in (begun, found)]
    assert sum(map(len, packed)) + 2 * COMPONENT <= NEW_PICTURE
    assert packing.header(packed[0])["known"] == [0]
    assert packing.header(packed[1])["known"] == [*range(attack.steps + 1)]


def test_frames_come_as_changes_of_any_size_and_sign() -> None:
    values = torch.randint(0, 2**16, (5, 3, 4), generator=generator(0))
    given = {
        "16": packing.Quantised(values.numpy().astype("<u2"), 0, 65535),
        "8": packing.Quantised((values % 256).byte().numpy(), 0, 255),
    }
    _, back = packing.unpack(packing.pack({}, given))
    for name, one in given.items():
        np.testing.assert_allclose(back[name], one.values, atol=1e-6)


def test_visitors_change_pictures_and_levels_and_are_answered(tmp_path: Path) -> None:
    with browser.process(tmp_path / "log") as (address, pid):
        visitors = asyncio.run(load.crowd(address, "denoise", 2, 4, 3))
        assert load.seconds_of(pid) > 0
    changes = [change for visitor in visitors for change in visitor.changes]
    assert [problem for visitor in visitors for problem in visitor.errors] == []
    assert {"opened", "picture", "level"} == {change.what for change in changes}
    assert all(np.isfinite(change.milliseconds) for change in changes)
    code = len(scripts())  # which a page that is opened brings, once
    assert max(c.received - code * (c.what == "opened") for c in changes) <= NEW_PICTURE
    levels = [change.received for change in changes if change.what == "level"]
    assert min(levels) < 20_000 < changes[0].received  # on a busy machine one may bring the rest of the levels, too
    assert "| denoise | picture |" in load.table(visitors)
    assert "Traceback" not in (tmp_path / "log").read_text()
