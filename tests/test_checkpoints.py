import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from core import Refusal, checkpoints, data, evaluation, models
from core.checkpoints import Card
from core.recipes import RECIPES

GOLDEN = Path(__file__).parent / "golden" / "digits.json"


@pytest.fixture
def saved(shelf: Path) -> Card:
    model = models.build("DigitMLP", 7)
    return checkpoints.save(model, Card("mine", "Mine", "DigitMLP", "mnist", {}, 7, "", "", {}, []))


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
    with pytest.raises(Refusal, match=r"^The weights of mine are damaged or not the ones its card describes: [^.]*\.$"):
        checkpoints.load("mine")


def test_a_truncated_file_with_a_matching_hash_is_refused_all_the_same(saved: Card, shelf: Path) -> None:
    import hashlib

    weights = shelf / "mine.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    checkpoints.rewrite(replace(saved, sha256=hashlib.sha256(weights.read_bytes()).hexdigest()))
    with pytest.raises(Refusal, match=r"do not fit a DigitMLP"):
        checkpoints.load("mine")


def test_other_refusals_say_what_to_do(saved: Card, shelf: Path) -> None:
    checkpoints.rewrite(replace(saved, architecture="Oracle"))
    with pytest.raises(Refusal, match="Oracle, which this version does not know: update"):
        checkpoints.load("mine")
    checkpoints.rewrite(replace(saved, architecture="DigitCNN"))
    with pytest.raises(Refusal, match="do not fit a DigitCNN"):
        checkpoints.load("mine")
    (shelf / "mine.safetensors").unlink()
    with pytest.raises(Refusal, match="are missing: train it with `python -m core train mine`"):
        checkpoints.load("mine")
    (shelf / "mine.json").write_text("{")
    with pytest.raises(Refusal, match="card of mine cannot be read"):
        checkpoints.load("mine")
    with pytest.raises(Refusal, match="There is no network 'yours' here"):
        checkpoints.load("yours")


@pytest.mark.parametrize("name", ["../../x", "a/b", "", ".", "A", "a" * 70])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="is not the name of a network"):
        checkpoints.load(name)


def test_a_full_disk_leaves_what_was_there(saved: Card, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Refusal, match=r"could not be saved \(No space left on device\): free some disk space"):
        checkpoints.save(models.build("DigitMLP", 8), saved)
    monkeypatch.undo()
    monkeypatch.setattr(checkpoints, "FOLDER", shelf)
    assert checkpoints.load("mine")[1] == saved
    assert sorted(p.name for p in shelf.iterdir()) == ["mine.json", "mine.safetensors"]


@pytest.mark.parametrize("name", RECIPES)
def test_what_ships_follows_its_recipe(name: str) -> None:
    _, card = checkpoints.load(name)
    assert card.recipe == json.loads(json.dumps(asdict(RECIPES[name])))
    assert card.scores["n"] == 10_000


def test_digit_cnn_is_within_half_a_point_of_the_study() -> None:
    assert checkpoints.read("digit-cnn").scores["accuracy"] == pytest.approx(0.975, abs=0.005)


def golden() -> dict[str, dict[str, int]]:
    """Count right answers of every shipped network on the built-in sample and, where it is there, on MNIST."""
    sets = {"sample": data._digits("test", "")}
    with suppress(Refusal):
        sets["mnist"] = data.full("mnist", "test")
    return {
        name: {
            title: int((evaluation.logits(checkpoints.load(name)[0], d).argmax(1) == d.labels).sum())
            for title, d in sets.items()
        }
        for name in RECIPES
    }


@pytest.mark.parametrize("name", RECIPES)
def test_golden_scores(name: str) -> None:
    """`make golden` rewrites them; read the diff."""
    known = json.loads(GOLDEN.read_text())[name]
    for title, right in golden()[name].items():
        assert abs(right - known[title]) <= 1, title  # one image may lie on the border of two answers
