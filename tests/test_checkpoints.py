import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core import UserError, checkpoints, models, noise
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import accuracy, denoising
from core.training import recipes
from core.training.recipes import RECIPES

GOLDEN = Path(__file__).parent / "golden" / "scores.json"


@pytest.fixture
def saved(shelf: Path) -> Card:
    model = models.build("DigitMLP", 7)
    return checkpoints.save(model, Card("mine", "Mine", "DigitMLP", "mnist", {}, 7, "", "", []))


def test_what_is_saved_is_loaded_frozen_and_in_eval_mode(saved: Card) -> None:
    model, card = checkpoints.load("mine")
    assert card == saved
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    for p, q in zip(model.parameters(), models.build("DigitMLP", 7).parameters(), strict=True):
        assert torch.equal(p, q)


def test_a_truncated_file_is_refused_in_one_sentence(saved: Card, shelf: Path) -> None:
    weights = shelf / "mine.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(
        UserError, match=r"^The weights of mine are damaged or not the ones its card describes: [^.]*\.$"
    ):
        checkpoints.load("mine")


def test_a_truncated_file_with_a_matching_hash_is_refused_all_the_same(saved: Card, shelf: Path) -> None:
    import hashlib

    weights = shelf / "mine.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    checkpoints.rewrite(replace(saved, sha256=hashlib.sha256(weights.read_bytes()).hexdigest()))
    with pytest.raises(UserError, match=r"do not fit a DigitMLP"):
        checkpoints.load("mine")


def test_other_refusals_say_what_to_do(saved: Card, shelf: Path) -> None:
    checkpoints.rewrite(replace(saved, architecture="Oracle"))
    with pytest.raises(UserError, match="Oracle, which this version does not know: update"):
        checkpoints.load("mine")
    checkpoints.rewrite(replace(saved, architecture="DigitCNN"))
    with pytest.raises(UserError, match="do not fit a DigitCNN"):
        checkpoints.load("mine")
    (shelf / "mine.safetensors").unlink()
    with pytest.raises(UserError, match="are missing: train it with `python -m core train mine`"):
        checkpoints.load("mine")
    (shelf / "mine.json").write_text("{")
    with pytest.raises(UserError, match="card of mine cannot be read"):
        checkpoints.load("mine")
    with pytest.raises(UserError, match="There is no network 'yours' here"):
        checkpoints.load("yours")


@pytest.mark.parametrize("name", ["../../x", "a/b", "", ".", "A", "a" * 70])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is not the name of a network"):
        checkpoints.load(name)


def test_a_full_disk_leaves_what_was_there(saved: Card, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"could not be saved \(No space left on device\): free some disk space"):
        checkpoints.save(models.build("DigitMLP", 8), saved)
    monkeypatch.undo()
    monkeypatch.setattr(checkpoints, "FOLDER", shelf)
    assert checkpoints.load("mine")[1] == saved
    assert sorted(p.name for p in shelf.iterdir()) == ["mine.json", "mine.safetensors"]


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(UserError, match="digit-cnn is not a network that takes noise away"):
        checkpoints.denoiser("digit-cnn")
    with pytest.raises(UserError, match="n2n-gaussian-50 is not a network that reads digits"):
        checkpoints.classifier("n2n-gaussian-50")


def test_every_recipe_has_its_network_and_every_network_its_recipe() -> None:
    assert sorted(RECIPES) == sorted(card.stem for card in checkpoints.FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", RECIPES)
def test_what_ships_follows_its_recipe(name: str) -> None:
    _, card = checkpoints.load(name)
    start = card.recipe.pop("start_sha256", None)
    assert recipes.parse(card.recipe) == RECIPES[name]
    assert start == (checkpoints.read(card.recipe["start"]).sha256 if card.recipe.get("start") else None)
    found = denoising.STORE.get(name) if "noise" in card.recipe else accuracy.STORE.get(f"{name}.fgsm")
    assert found is not None
    assert found.n == 10_000


def test_digit_cnn_is_within_half_a_point_of_the_study() -> None:
    clean = accuracy.clean("digit-cnn")
    assert clean is not None
    assert clean[0] == pytest.approx(97.5, abs=0.5)


DIGITS = [r.name for r in RECIPES.values() if isinstance(r, recipes.Classification)]
DENOISERS = [r.name for r in RECIPES.values() if isinstance(r, recipes.Denoising)]


def sets(name: str, sample: Dataset) -> dict[str, Dataset]:
    """The built-in sample and, where it is there, the full test set."""
    with suppress(UserError):
        return {"sample": sample, name: datasets.full(name, "test")}
    return {"sample": sample}


def right(name: str) -> dict[str, int]:
    """Count the right answers of a digit network."""
    model, _ = checkpoints.classifier(name)
    found = sets("mnist", datasets.sample("mnist", "test"))
    return {title: int((accuracy.logits(model, d).argmax(1) == d.labels).sum()) for title, d in found.items()}


def decibels(name: str) -> dict[str, float]:
    """Measure the mean PSNR of a denoiser on 500 images under the noise it was trained on."""
    model, card = checkpoints.denoiser(name)
    made_for = noise.parse(card.recipe["noise"])
    scores = {}
    sample = datasets.sample("mnist", "test") if card.dataset == "mnist" else datasets.sample("cifar10", "test")
    for title, images in sets(card.dataset, sample).items():
        some = images.part(slice(0, 500))
        begun = denoising.begin(denoising.STORE.provenance([card], some, "float32"), [made_for])
        *_, found = denoising.denoised(model, begun, some, len(some))
        scores[title] = found.own["denoised"]["mean"]
    return scores


def golden() -> dict[str, dict[str, int] | dict[str, float]]:
    """Score everything that ships; `make golden` writes it down."""
    return {**{name: right(name) for name in DIGITS}, **{name: decibels(name) for name in DENOISERS}}


@pytest.mark.parametrize("name", DIGITS)
def test_golden_scores_of_digit_networks(name: str) -> None:
    """`make golden` rewrites them; read the diff."""
    known = json.loads(GOLDEN.read_text())[name]
    for title, count in right(name).items():
        assert abs(count - known[title]) <= 1, title  # one image may lie on the border of two answers


@pytest.mark.parametrize("name", DENOISERS)
def test_golden_scores_of_denoisers(name: str) -> None:
    known = json.loads(GOLDEN.read_text())[name]
    for title, score in decibels(name).items():
        assert score == pytest.approx(known[title], abs=0.02), title


def test_half_precision_on_disk_costs_less_than_a_hundredth_of_a_decibel(shelf: Path) -> None:
    """What ships was rounded to float16: on a clean picture, where least is hidden, that moves no value by 1/10 grey level."""
    model = models.build("UNet", 3)
    torch.nn.init.normal_(next(p for n, p in model.named_parameters() if n == "out.weight"), std=0.005)
    checkpoints.save(model, Card("mine", "Mine", "UNet", "cifar10", {}, 3, "", "", []), torch.float16)
    x = datasets.sample("cifar10", "test").images(slice(0, 8))
    stored, _ = checkpoints.load("mine")
    moved = (models.freeze(model)(x) - stored(x)).abs().max()
    assert 0 < moved < 0.1 / 255
