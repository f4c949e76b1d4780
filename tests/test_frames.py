import re
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit import components

from app import browser
from app.browser import frames, packing, strips
from app.draw import charts
from core import models, noise
from core.attacks import FGSM, PGD
from core.data.datasets import Dataset
from core.experiments.trial import Corruption, at_levels
from core.networks.digits import Classifier
from core.networks.unet import UNet
from core.noise import Gaussian, Poisson, SaltAndPepper
from core.params import strength


@pytest.mark.parametrize("thing", [SaltAndPepper(), Gaussian(), Poisson(), FGSM(), PGD(steps=3)], ids=repr)
def test_what_the_browser_gets_is_what_is_added(thing: Corruption, cnn: Classifier, digits: Dataset) -> None:
    x, y = digits.images([7]), digits.labels[[7]]
    packed = frames.digit(cnn, "cnn", x, y, int(y), thing, seed=3)
    header, arrays = packing.unpack(packed)
    levels = strength(type(thing))[1].levels()
    corrupted = at_levels(thing, cnn, x, y, levels, seed=3)[:, 0]
    assert header["levels"] == list(levels)
    np.testing.assert_allclose(arrays["image"], torch.cat([x, corrupted]).numpy(), atol=4e-5)
    changed = (corrupted - x).abs().numpy()
    counted = np.abs(arrays["image"][1:] - arrays["image"][:1]) > 1e-4  # as the browser counts what has changed
    assert (counted == (changed > 1e-4))[np.abs(changed - 1e-4) > 4e-5].all()
    assert len(packed) < 80_000  # a new digit costs a class no more than that


def test_the_browser_gets_the_weights_to_the_last_bit(cnn: Classifier) -> None:
    header, arrays = packing.unpack(frames.network(cnn, "cnn"))
    for name, layer in frames.weights(cnn).items():
        assert layer.bias is not None
        np.testing.assert_array_equal(arrays[f"{name}.weight"][0], layer.weight.detach())
        np.testing.assert_array_equal(arrays[f"{name}.bias"][0], layer.bias.detach())
    assert [layer["name"] for layer in header["layers"]] == [s.name for s in cnn.STAGES] + ["logits"]


def test_its_id_tells_pictures_apart(cnn: Classifier, digits: Dataset) -> None:
    a, b, again = (frames.digit(cnn, "cnn", digits.images([i]), digits.labels[[i]], None, FGSM(), 0) for i in (0, 1, 0))
    assert packing.header(a)["id"] != packing.header(b)["id"]
    assert again == a


def test_another_header_keeps_the_frames(cnn: Classifier, digits: Dataset) -> None:
    packed = frames.digit(cnn, "cnn", digits.images([0]), digits.labels[[0]], 3, FGSM(), 0)
    changed = packing.reheaded(packed, {**packing.header(packed), "start": 17})
    assert packing.header(changed)["start"] == 17
    np.testing.assert_array_equal(packing.unpack(changed)[1]["image"], packing.unpack(packed)[1]["image"])


def test_a_strip_arrives_as_it_was_packed_and_its_header_decides_colours_and_decimals() -> None:
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    brighter = UNet()  # adds nothing before it is trained
    assert brighter.out.bias is not None
    torch.nn.init.constant_(brighter.out.bias, 0.1)
    packed = strips.lead(models.freeze(brighter), x, Gaussian(), [0.0, 50.0, 100.0], seed=0)
    header, arrays = packing.unpack(packed)
    noisy = noise.eight_bit(noise.levels(Gaussian(), x, [0.0, 50.0, 100.0], 0)[:, 0])
    assert arrays["clean"].shape == (1, 3, 16, 16)
    np.testing.assert_allclose(arrays["noisy"], noisy, atol=1e-6)
    np.testing.assert_allclose(arrays["denoised"], (noisy + 0.1).clamp(max=1), atol=0.5 / 255 + 1e-6)
    assert {line["text"]: line["digits"] for line in header["tiles"][1]["lines"]} == {"{} dB": 1, "SSIM {}": 3}
    assert [(s["name"], s["colour"], s["dashed"]) for s in header["curve"]["series"]] == [
        ("noisy", charts.NOISE, True),
        ("denoised", charts.DENOISED, False),
    ]


def test_no_script_chooses_colours_or_decimals_by_what_a_caption_says() -> None:
    captions = ("noisy", "denoised", "chance", "candidate", "SSIM", "questions", "reads")
    for script in Path(strips.__file__).parent.glob("s*.js"):
        quoted = re.findall(r"""["'`/]([^"'`/\n]*)["'`/]""", script.read_text())
        assert not [q for q in quoted if q.strip().lower() in {c.lower() for c in captions}], script
        assert not re.search("#[0-9a-fA-F]{6}", script.read_text()), script


def test_the_code_of_all_components_comes_once_and_not_with_new_data(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(components.v2, "component", lambda name, **parts: seen.setdefault(name, parts))
    browser.component.clear()
    for file in browser.HERE.glob("*.html"):
        browser.component(file.stem)
        assert browser.scripts().count(f'bring("{file.stem}", function') == 1
        assert len(seen[f"noisescope.{file.stem}"]["js"]) < 1000
    assert "export default function" not in re.sub('".*"', "", browser.scripts())
    browser.component.clear()
