"""An adopted network is measured in a process of its own."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core import UserError, checkpoints
from core.data import datasets
from core.experiments import measuring
from core.experiments.measuring import Measuring


@pytest.fixture
def mine(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A network that was adopted, which nobody has measured."""
    monkeypatch.setenv("NOISESCOPE_CHECKPOINTS", str(shelf))  # for the process too
    shipped = Path(__file__).parents[1] / "checkpoints"
    shelf.mkdir()
    for suffix in (".json", ".safetensors"):
        shutil.copy(shipped / f"digit-mlp{suffix}", shelf)
    card = checkpoints.read("digit-mlp")
    checkpoints.put(replace(card, name="mine"), (shelf / "digit-mlp.safetensors").read_bytes())
    return "mine"


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def test_where_the_data_are_missing_it_ends_with_one_sentence(mine: str, no_data: Path) -> None:
    processes = Measuring()
    assert measuring.share(mine) == 0
    processes.start(mine)
    with pytest.raises(UserError, match="mine is being measured already: somebody was faster"):
        processes.start(mine)
    assert not processes.why(mine)
    until(lambda: not processes.running(mine))
    assert "MNIST is not here" in processes.why(mine)
    assert "Traceback" not in processes.why(mine)
    with pytest.raises(UserError, match="mine is not being measured any more"):
        processes.stop(mine)


def test_it_is_stopped_and_what_was_measured_stays(mine: str) -> None:
    try:
        datasets.full("mnist", "test")
    except UserError as refusal:
        pytest.skip(str(refusal))
    processes = Measuring()
    processes.start(mine)
    until(lambda: measuring.share(mine) > 0)
    assert processes.left(mine)
    processes.stop(mine)
    until(lambda: not processes.running(mine))
    assert not processes.why(mine)
    assert 0 < measuring.share(mine) < 1


def test_what_ships_and_what_is_gone_is_not_measured_from_a_page(shelf: Path) -> None:
    with pytest.raises(UserError, match="digit-cnn comes with Noisescope"):
        Measuring().start("digit-cnn")
    with pytest.raises(UserError):
        Measuring().start("gone")
