import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.navigation import PAGES
from core import __main__ as cli
from core import checkpoints
from core.attacks.worst_case import WorstCase
from core.data import datasets
from core.denoisers.classical import CLASSICAL, Median
from core.experiments import accuracy, attack_rates, classical, denoising
from core.study import report
from core.training import recipes
from core.training.recipes import RECIPES

ROOT = Path(__file__).parents[1]


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["core", *words])
    return cli.main()


def test_list_names_every_recipe_and_its_score(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(RECIPES)
    told = ("of 10,000 test digits right", "on 10,000 test images")
    assert all(any(words in line for words in told) for line in lines)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "digit-rnn"], "There is no recipe 'digit-rnn'"),
        (["measure", "accuracy", "../x"], "is not the name of a network"),
        (["train", "digit-cnn"], "MNIST is not here: get it with"),
        (["measure", "accuracy", "digit-cnn"], "MNIST is not here: get it with"),
    ],
)
def test_a_refusal_is_one_line_and_exit_status_1(
    words: list[str], sentence: str, no_data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 1
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert sentence in last
    assert "Traceback" not in last


def test_train_then_measure_on_the_sample(
    monkeypatch: pytest.MonkeyPatch, shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole path, on the digits everybody has: weights, card and curves are written and can be read again."""
    monkeypatch.setattr(datasets, "full", lambda name, split: datasets.sample("mnist", split))
    hasty = WorstCase(steps=2, restarts=1, queries=2), (0.0, 0.1)
    monkeypatch.setitem(accuracy.MEASURED, "worstcase", hasty)
    assert run(monkeypatch, "train", "digit-mlp") == 0
    assert "digit-mlp is trained" in capsys.readouterr().out
    assert run(monkeypatch, "measure", "accuracy", "digit-mlp") == 0
    assert "digit-mlp FGSM(epsilon=0.1) n=797: 0:" in capsys.readouterr().out
    kept = [f"digit-mlp.{kind}.json" for kind in ("fgsm", "pgd", "replacegaussian", "saltandpepper", "worstcase")]
    shown = sorted(p.name for p in shelf.rglob("*.*") if ".locks" not in p.parts and not p.name.startswith("."))
    assert shown == sorted(["digit-mlp.json", "digit-mlp.safetensors", *kept])
    first = checkpoints.read("digit-mlp")
    checkpoints.rewrite(replace(first, history=[]))
    assert run(monkeypatch, "train", "digit-mlp", "--retell") == 0
    assert checkpoints.read("digit-mlp") == replace(first, told_by=first.sha256)  # on the same machine
    checkpoints.rewrite(replace(first, recipe={**first.recipe, "epochs": 7}))
    assert run(monkeypatch, "train", "digit-mlp", "--retell") == 1
    assert "digit-mlp was trained by another recipe" in capsys.readouterr().err


def test_a_denoiser_is_trained_measured_and_compared_on_the_sample(
    monkeypatch: pytest.MonkeyPatch, shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = RECIPES["n2n-gaussian-50"]
    assert isinstance(shipped, recipes.Denoising)
    small = replace(shipped, epochs=2, batch=32)
    monkeypatch.setattr(recipes, "RECIPES", {small.name: small})
    monkeypatch.setattr(recipes, "VALIDATION", 32)
    monkeypatch.setattr(denoising, "BATCH", 16)
    monkeypatch.setattr(datasets, "full", lambda name, split: datasets.sample("cifar10", split).part(slice(0, 96)))
    monkeypatch.setitem(classical.METHODS, "BM3D", Median())
    assert run(monkeypatch, "train", small.name) == 0
    card = checkpoints.read(small.name)
    assert [e["epoch"] for e in card.history] == [1, 2]
    assert all(e["score"] > 15 for e in card.history)
    assert (shelf / f"{small.name}.safetensors").stat().st_size < 2.1e6  # float16
    assert run(monkeypatch, "measure", "denoising", small.name) == 0
    assert "on 96 test images" in capsys.readouterr().out
    found = denoising.STORE.get(small.name)
    assert found is not None
    assert len(found.summaries) == 6
    assert denoising.summary(found.table) == found.own
    assert run(monkeypatch, "measure", "classical") == 0
    assert set(classical.compared(repr(small.noise))) == {*CLASSICAL, "BM3D"}
    before = capsys.readouterr().out
    assert run(monkeypatch, "measure", "classical") == 0  # all is done
    assert before
    assert not capsys.readouterr().out
    assert run(monkeypatch, "measure", "classical", "fourier") == 1
    assert "There is no method 'fourier'" in capsys.readouterr().err


def test_the_documents_say_what_the_result_files_say() -> None:
    """`python -m core report` writes them."""
    assert report.outdated() == []
    measured = (ROOT / "docs" / "measured.md").read_text()
    assert "\n".join(report.networks()) in measured
    assert "\n".join(attack_rates.table()) in measured


def test_the_front_page_is_short_and_names_every_page() -> None:
    front = (ROOT / "README.md").read_text()
    assert len(front.splitlines()) < 150
    for entry in PAGES:
        assert f"[{entry.asks}](pages/{entry.name}.py)" in front
    for target in re.findall(r"\]\(([^)#:]+)\)", front):
        assert (ROOT / target).exists(), target


def test_a_document_that_says_something_else_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    told = (ROOT / "docs" / "measured.md").read_text()
    (tmp_path / "docs" / "measured.md").write_text(told.replace("| `digit-cnn`: ", "| `digit-wrong`: "))
    assert run(monkeypatch, "report", "--check") == 1
    assert "measured.md is out of date" in capsys.readouterr().out
    assert run(monkeypatch, "report") == 0
    assert (tmp_path / "docs" / "measured.md").read_text() == told
    assert {f.name for f in (tmp_path / "docs").iterdir()} == {
        "denoisers.md",
        "measured.md",
        "photographs.md",
        "attacks.md",
        "study.md",
        "why.md",
    }
    assert run(monkeypatch, "report", "--check") == 0


def test_the_module_runs_as_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "core", "list"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0
    assert done.stdout.startswith("digit-cnn")
