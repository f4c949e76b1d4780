"""Training from the command line: a run that can be stopped and goes on, on the sample."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core import __main__ as cli
from core import checkpoints
from core.data import datasets
from core.noise import BlindGaussian
from core.runs import folder, terminal
from core.runs.worker import Work
from core.training import recipes
from core.training.loop import Step
from core.training.losses import L2
from core.training.recipes import Classification, Denoising

pytestmark = pytest.mark.sample
READER = Classification("reader", "Reader", "DigitMLP", epochs=2)
CLEANER = Denoising(
    "cleaner", "Cleaner", BlindGaussian(50.0), L2(), start="n2n-digits", architecture="DigitUNet", dataset="mnist", epochs=2, batch=256
)  # fmt: skip


@pytest.fixture(autouse=True)
def _sample(monkeypatch: pytest.MonkeyPatch, shelf: Path) -> None:
    shelf.mkdir()
    for file in Path(__file__).parents[1].glob("checkpoints/n2n-digits.*"):
        (shelf / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(datasets, "full", lambda name, split: datasets.sample(name, split))
    monkeypatch.setattr(recipes, "RECIPES", {r.name: r for r in (READER, CLEANER)})


def train(monkeypatch: pytest.MonkeyPatch, name: str, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["core", "train", name, *options])
    return cli.main()


def stop_at(monkeypatch: pytest.MonkeyPatch, steps: list[int]) -> None:
    """Press Ctrl-C when a training comes by these steps."""
    heard = terminal.Bar.step

    def step(self: terminal.Bar, now: Work, step: Step) -> None:
        heard(self, now, step)
        if step.step in steps:
            steps.remove(step.step)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(terminal.Bar, "step", step)
    monkeypatch.setattr("core.runs.worker.TELL", 0.0)


@pytest.mark.parametrize("recipe", [READER, CLEANER], ids=lambda r: r.name)
def test_ctrl_c_pauses_and_the_same_command_goes_on_to_the_same_network(
    recipe: recipes.Recipe, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = recipe.name
    assert train(monkeypatch, name) == 0
    straight, weights = checkpoints.read(name), checkpoints.path(name, ".safetensors").read_bytes()
    checkpoints.path(name, ".safetensors").unlink()
    stops = [2, 5]
    stop_at(monkeypatch, stops)
    for left in (1, 0):
        assert train(monkeypatch, name) == 130
        assert len(stops) == left
        assert f"{name} is paused: the same command goes on where it was" in capsys.readouterr().err
        assert folder.read(name).state == "paused"
        assert not checkpoints.path(name, ".safetensors").exists()
    assert train(monkeypatch, name) == 0
    assert checkpoints.path(name, ".safetensors").read_bytes() == weights
    assert checkpoints.read(name) == straight
    assert folder.read(name).state == "done"


def test_a_card_says_where_its_network_began_and_its_history_is_rounded_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert train(monkeypatch, "cleaner") == 0
    card = checkpoints.read("cleaner")
    assert card.recipe["start_sha256"] == checkpoints.read("n2n-digits").sha256
    assert [line.keys() for line in card.history] == [{"epoch", "loss", "score"}] * 2
    assert all(round(line["score"], 4) == line["score"] for line in card.history)
    assert any(round(line["loss"], 4) != line["loss"] for line in card.history)
    assert train(monkeypatch, "reader") == 0
    assert [line.keys() for line in checkpoints.read("reader").history] == [{"epoch", "loss"}] * 2


def test_a_run_of_another_recipe_or_one_that_failed_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at(monkeypatch, [3])
    assert train(monkeypatch, "reader") == 130
    monkeypatch.setattr(recipes, "RECIPES", {"reader": replace(READER, epochs=1)})
    assert train(monkeypatch, "reader") == 0
    assert checkpoints.read("reader").recipe["epochs"] == 1
    stop_at(monkeypatch, [3])
    assert train(monkeypatch, "reader") == 130
    folder.path("reader", "state.pt").write_bytes(b"garbage")
    assert train(monkeypatch, "reader") == 1
    assert "The state of reader is damaged" in capsys.readouterr().err
    assert train(monkeypatch, "reader") == 0


def test_who_trains_already_is_left_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder.create("reader", READER)
    monkeypatch.setattr(folder, "PATIENCE", 0.1)
    with folder.living("reader"):
        assert train(monkeypatch, "reader") == 1
    assert capsys.readouterr().err.strip().endswith("reader is at work already.")


def test_to_retell_leaves_the_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert train(monkeypatch, "reader") == 0
    card, weights = checkpoints.read("reader"), checkpoints.path("reader", ".safetensors").read_bytes()
    checkpoints.rewrite(replace(card, history=[], sha256="kept"))
    stop_at(monkeypatch, [4])
    assert train(monkeypatch, "reader", "--retell") == 130
    assert train(monkeypatch, "reader", "--retell") == 0
    assert checkpoints.read("reader") == replace(card, sha256="kept", told_by=card.sha256)
    assert checkpoints.path("reader", ".safetensors").read_bytes() == weights
