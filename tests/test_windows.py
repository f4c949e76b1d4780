"""What Windows lacks is taken away here: all is imported, the command line works, and only launching runs says that it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

from core import UserError
from core.runs import control, folder, locks, worker
from core.training.recipes import Classification

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.sample


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.windows", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_every_module_of_core_and_app_is_imported() -> None:
    done = run()
    assert done.returncode == 0, done.stderr


def test_the_networks_are_listed() -> None:
    done = run("core", "list")
    assert (done.returncode, done.stdout.split()[0]) == (0, "digit-cnn"), done.stderr


def test_a_run_is_not_launched_but_trains_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESCOPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("NOISESCOPE_DATA", str(tmp_path / "no data"))
    monkeypatch.setattr(locks, "GIVEN_OVER", False)
    with pytest.raises(UserError, match=r"go on with reader-.* by `python -m core train --run reader-"):
        control.launch(Classification("reader", "Reader", "DigitMLP", epochs=1))
    (made,) = folder.every()
    done = run("core", "train", "--run", made.id)
    assert done.returncode == 0, done.stderr
    assert folder.read(made.id).state == "done"
    monkeypatch.setattr(folder, "PATIENCE", 0.1)
    with folder.living(made.id), pytest.raises(UserError, match="is at work already"):
        worker.work(made.id)
