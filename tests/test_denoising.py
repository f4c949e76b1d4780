"""What a whole test set says of a denoiser: resumed, summed up, and equal to one image at a time."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from core import checkpoints, noise
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.denoisers.classical import Classical, Median
from core.experiments import classical, denoising
from core.experiments.denoising import Denoised
from core.noise import BlindGaussian, BlindImpulse, BlindPoisson, Gaussian, Impulse, RandomImpulse
from core.types import generator

CARD = Card("mine", "Mine", "UNet", "cifar10", {}, 0, "", "abc", [])


def blurred(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(x, 3, 1, 1)


@pytest.fixture(scope="module")
def tiles() -> Dataset:
    return datasets.sample("cifar10", "test").part(slice(0, 40))


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoising, "BATCH", 16)


@pytest.mark.parametrize("thing", [BlindGaussian(), BlindPoisson(), BlindImpulse(), RandomImpulse()], ids=repr)
def test_it_is_measured_under_its_own_noise_under_none_and_at_fixed_levels(thing: noise.Noise) -> None:
    first, second, *fixed = denoising.settings(thing)
    assert first == thing
    assert second == Gaussian(0.0)
    assert len(fixed) >= 4
    assert all(type(f).__name__ == type(thing).__name__.removeprefix("Blind") for f in fixed)


def test_a_row_is_what_scikit_image_says_of_that_image(tiles: Dataset) -> None:
    x = tiles.images(slice(0, 16))
    table = denoising.scored(blurred, x, BlindGaussian(), seed=3)
    noisy, levels = denoising.corrupted(BlindGaussian(), x, seed=3)
    assert torch.equal((noisy * 255).round() / 255, noisy)
    for row, clean, seen, level in zip(table, x, noisy, levels.flatten(), strict=True):
        for image, psnr, ssim in ((seen, row[1], row[3]), (blurred(seen[None])[0], row[2], row[4])):
            a, b = clean.numpy(), image.numpy()
            assert float(psnr) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1), abs=1e-3)
            assert float(ssim) == pytest.approx(structural_similarity(a, b, channel_axis=0, data_range=1), abs=1e-4)
        assert row[0] == level


def test_a_fixed_level_of_impulse_noise_is_its_sigma() -> None:
    _, levels = denoising.corrupted(Impulse(0.2, 30.0), torch.rand((2, 3, 8, 8), generator=generator(0)), 0)
    assert levels.flatten().tolist() == [30.0, 30.0]


def begun(images: Dataset, *noises: noise.Noise, card: Card = CARD) -> Denoised:
    return denoising.begin(denoising.STORE.provenance([card], images, "float32"), noises)


def test_what_is_stopped_and_resumed_is_what_runs_through(tiles: Dataset, shelf: Path) -> None:
    store, noises = denoising.STORE, denoising.settings(BlindGaussian())
    begin = begun(tiles, *noises)
    *_, whole = denoising.denoised(blurred, begin, tiles, len(tiles), workers=2)
    assert whole.rows.shape == (len(noises), len(tiles), 5)
    part = next(denoising.denoised(blurred, begin, tiles, len(tiles)))
    assert (part.n, [row["n"] for row in part.summaries]) == (16, [16] * len(noises))  # a result on fewer images
    store.put("mine", part)
    again = store.resume("mine", begin)
    torch.testing.assert_close(again.rows, part.rows)
    *_, again = denoising.gone_on(store, "mine", blurred, begin, tiles, 40, 40, len(noises))
    torch.testing.assert_close(again.rows, whole.rows)
    assert again.summaries == whole.summaries
    assert store.resume("mine", begun(tiles, *noises, card=replace(CARD, sha256="other"))).n == 0
    assert store.resume("mine", begun(tiles, *noises[::-1])).n == 0


def test_of_a_whole_set_the_rows_of_the_first_noise_stay(tiles: Dataset, shelf: Path) -> None:
    begin = begun(tiles, BlindGaussian(), Gaussian(0.0))
    *parts, last = denoising.gone_on(denoising.STORE, "mine", blurred, begin, tiles, 40, 40, 1)
    assert [tuple(p.rows.shape) for p in (*parts, last)] == [(2, 0, 5), (2, 16, 5), (2, 32, 5), (1, 40, 5)]
    assert len(last.summaries) == 2
    assert denoising.summary(last.table) == last.own
    denoising.STORE.put("mine", last)
    assert [p.n for p in denoising.gone_on(denoising.STORE, "mine", blurred, begin, tiles, 40, 40, 1)] == [40]


def test_a_summary_leaves_images_without_noise_out_of_its_means_but_not_out_of_harm() -> None:
    rows = [[10.0, 20.0, 30.0, 0.5, 0.9], [20.0, 30.0, 20.0, 0.6, 0.7], [0.0, math.inf, 50.0, 1.0, 0.99]]
    found = denoising.summary(torch.tensor(rows))
    assert (found["n"], found["untouched"]) == (3, 1)
    assert found["worse"] == pytest.approx(66.667)
    assert found["noisy"]["mean"] == 25.0
    assert found["denoised"]["mean"] == 25.0
    assert found["denoised_ssim"]["mean"] == pytest.approx(0.8)
    clean = denoising.summary(torch.tensor(rows)[2:])
    assert clean["noisy"] is None
    assert clean["denoised"]["mean"] == 50.0


@pytest.mark.parametrize("falling", [False, True])
def test_the_level_below_which_it_does_harm_is_found(falling: bool) -> None:
    level = torch.rand(4000, generator=generator(0)) * 50
    gain = (40 - level if falling else level - 10) + torch.randn(4000, generator=generator(1))
    gain[(level > 20) & (level < 22)] = -5  # a dip amid gains is not harm below it
    table = torch.stack([level, torch.full_like(level, 30), 30 + gain, level, level], 1)
    found = denoising.break_even_level(table, falling)
    assert found == pytest.approx(40 if falling else 10, abs=1)
    table[:, 2] = 40
    assert denoising.break_even_level(table, falling) is None
    table[:, 2] = 20
    assert denoising.break_even_level(table, falling) == (level.min() if falling else level.max())


def test_a_classical_method_is_measured_again_only_when_something_changed(
    tiles: Dataset, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "full", lambda name, split: tiles)
    corrupt = classical.noises()[0]
    key = classical.key("median", corrupt)

    def count(method: Classical, n: int) -> int:
        monkeypatch.setitem(classical.METHODS, "median", method)
        return len(list(classical.EXPERIMENT.run(key, n))) - 1  # the first is what was known

    assert count(Median(), 40) == 3
    assert count(Median(), 40) == 0
    assert count(Median(size=5), 40) == 3
    assert count(Median(size=5), 16) == 0
    assert classical.compared(repr(corrupt))["median"].n == 40
    monkeypatch.setitem(classical.METHODS, "median", Median(size=7))
    assert "median" not in classical.compared(repr(corrupt))


def test_what_is_kept_comes_back(tiles: Dataset, shelf: Path) -> None:
    assert denoising.STORE.read("mine") is None
    *_, found = denoising.denoised(blurred, begun(tiles, BlindGaussian()), tiles, 8)
    denoising.STORE.put("mine", found)
    kept = denoising.STORE.read("mine")
    assert kept is not None
    assert torch.equal(kept.table, found.table)
    assert kept.own == found.own
    assert (kept.networks, kept.noise, kept.data) == ({"mine": "abc"}, repr(BlindGaussian()), tiles.title)
    (shelf / "results" / "denoising" / "mine.safetensors").write_bytes(b"half")
    assert denoising.STORE.read("mine") is None


DENOISERS = [p.stem for p in sorted(checkpoints.FOLDER.glob("n2*.json"))]


@pytest.mark.parametrize("name", DENOISERS)
def test_what_ships_is_measured_on_all_test_images_with_the_weights_that_ship(name: str) -> None:
    card, kept = checkpoints.read(name), denoising.STORE.get(name)
    made_for = noise.parse(card.recipe["noise"])
    assert kept is not None
    assert kept.networks == {name: card.sha256}
    assert kept.noise == repr(made_for)
    assert kept.table.shape == (10_000, 5)
    assert kept.own == denoising.summary(kept.table)
    assert [*kept.noises] == [repr(n) for n in denoising.settings(made_for)]


@pytest.mark.parametrize(
    ("name", "psnr", "worse"),
    [
        ("n2n-gaussian-50", 30.7, 2), ("n2n-gaussian-100", 26.8, 1), ("n2n-poisson-100", 29.8, 0.1), ("n2n-poisson-200", 32.7, 0.1),
        ("n2n-poisson-500", 35.9, 0.1), ("n2n-impulse-0.2", 38.8, 4), ("n2n-impulse-0.5", 34.1, 2.5),
    ],
)  # fmt: skip
def test_what_was_reached_is_held(name: str, psnr: float, worse: float) -> None:
    """Mean PSNR in dB and the share made worse, blind levels, 10,000 test images; docs/log.md has the goals."""
    kept = denoising.STORE.get(name)
    assert kept is not None
    assert kept.own["denoised"]["mean"] >= psnr
    assert kept.own["worse"] < worse
