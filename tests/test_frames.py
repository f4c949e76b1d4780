import re
from pathlib import Path

import numpy as np
import pytest
import torch

from app.browser import frames, packing, strips
from app.draw import charts
from core import models, noise
from core.attacks import FGSM, PGD
from core.data.datasets import Dataset
from core.experiments.trial import Corruption, at_levels
from core.measures import metrics
from core.networks.digits import Classifier
from core.networks.unet import UNet
from core.noise import Gaussian, Poisson, SaltAndPepper
from core.params import strength


@pytest.mark.parametrize("thing", [SaltAndPepper(), Gaussian(), Poisson(), FGSM(), PGD(steps=3)], ids=repr)
def test_what_the_browser_gets_is_what_the_network_does(thing: Corruption, cnn: Classifier, digits: Dataset) -> None:
    x, y = digits.images([7]), digits.labels[[7]]
    packed = frames.digit(cnn, x, y, int(y), thing, seed=3, maps=True)
    header, stages = packing.unpack(packed)
    levels = strength(type(thing))[1].levels()
    corrupted = at_levels(thing, cnn, x, y, levels, seed=3)[:, 0]
    batch = torch.cat([x, corrupted])
    expected = cnn.stages(batch)
    assert header["levels"] == list(levels)
    np.testing.assert_allclose(stages["image"], batch.numpy(), atol=2e-5)
    np.testing.assert_allclose(stages["answer"][:, :, 0, 0], expected["logits"].softmax(1).numpy(), atol=2e-5)
    for name in ("conv1", "pool1", "relu1", "conv2", "pool2", "relu2"):
        span = float(expected[name].max() - expected[name].min())
        np.testing.assert_allclose(stages[name], expected[name].numpy(), atol=span / 60_000)
    for figure, measure in zip(header["figures"], (metrics.l0, metrics.l2, metrics.linf), strict=True):
        np.testing.assert_allclose(figure["values"], measure(corrupted, x.expand_as(corrupted)), atol=1e-4)


def test_it_is_small_and_its_id_tells_pictures_apart(cnn: Classifier, digits: Dataset) -> None:
    a, b = (frames.digit(cnn, digits.images([i]), digits.labels[[i]], None, FGSM(), 0, maps=True) for i in (0, 1))
    assert len(a) < 500_000
    assert packing.header(a)["id"] != packing.header(b)["id"]
    again = frames.digit(cnn, digits.images([0]), digits.labels[[0]], None, FGSM(), 0, maps=True)
    assert again == a


def test_another_header_keeps_the_frames(cnn: Classifier, digits: Dataset) -> None:
    packed = frames.digit(cnn, digits.images([0]), digits.labels[[0]], 3, FGSM(), 0, maps=False)
    changed = packing.reheaded(packed, {**packing.header(packed), "start": 17})
    assert packing.header(changed)["start"] == 17
    np.testing.assert_array_equal(packing.unpack(changed)[1]["image"], packing.unpack(packed)[1]["image"])


@pytest.mark.parametrize(
    ("before", "after", "truth", "text", "state"),
    [
        (5, 8, 5, "5, 80 % sure → 8, 80 % sure: fooled", "fooled"),
        (5, 5, 5, "5, 80 % sure → 5, 80 % sure: right", "right"),
        (4, 4, 5, "4, 80 % sure → 4, 80 % sure: wrong from the start, it is a 5", "wrong"),
        (4, 5, 5, "4, 80 % sure → 5, 80 % sure: right", "right"),
        (4, 5, None, "4, 80 % sure → 5, 80 % sure: the answer changed", "changed"),
        (4, 4, None, "4, 80 % sure → 4, 80 % sure: the answer stays", "same"),
    ],
)
def test_verdicts(before: int, after: int, truth: int | None, text: str, state: str) -> None:

    def sure(k: int) -> torch.Tensor:
        return torch.full((10,), 0.2 / 9).index_fill(0, torch.tensor([k]), 0.8)

    assert frames.verdict(sure(before), sure(after), truth) == {"text": text, "state": state}


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
