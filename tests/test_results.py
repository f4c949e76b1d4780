"""The one store of results: whole or not at all, two processes at once, and the one test of freshness."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from core import UserError, checkpoints, models
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import measure, results
from core.experiments.results import Experiment, Result, Store

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Total(Result):
    """How many images there are: a toy."""

    FOUND: ClassVar[tuple[str, ...]] = ("total",)

    total: int
    words: tuple[str, ...] = ("a", "b")

    @property
    def line(self) -> str:
        """Say it."""
        return f"a total of {self.total}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows(Total):
    """The same with a tensor."""

    FOUND: ClassVar[tuple[str, ...]] = ("total", "rows")

    rows: Float[Tensor, "n 2"]


STORE = Store("toy", Total, version=2)


@pytest.fixture
def card(shelf: Path) -> Card:
    return checkpoints.save(models.build("DigitMLP", 7), Card("mine", "", "DigitMLP", "mnist", {}, 7, "", "", []))


@pytest.fixture
def begun(card: Card) -> Total:
    return Total(**STORE.provenance([card], datasets.sample("mnist", "test"), "float32"), total=0)


def test_what_is_put_comes_back(begun: Total, shelf: Path) -> None:
    assert STORE.every() == {}
    assert STORE.get("mine") is None
    found = replace(begun, n=3, total=3)
    STORE.put("mine", found)
    assert STORE.get("mine") == STORE.current()["mine"] == found
    rows = Store("toys", Rows, version=2)
    rows.put("mine.of-two", Rows(**vars(found), rows=torch.tensor([[1.0, torch.inf], [2.0, torch.nan]])))
    back = rows.get("mine.of-two")
    assert back is not None
    assert back.rows.tolist()[0] == [1, torch.inf]
    assert (back.words, back.networks) == (("a", "b"), begun.networks)
    assert not [f for f in (shelf / "results" / "toy").iterdir() if f.name != "mine.json"]


def test_of_the_same_thing_the_result_on_more_images_stays(begun: Total) -> None:
    STORE.put("mine", replace(begun, n=9, total=9))
    STORE.put("mine", replace(begun, n=5, total=5))
    assert STORE.every()["mine"].n == 9
    STORE.put("mine", replace(begun, n=5, words=("c",)))  # another thing
    assert STORE.every()["mine"].n == 5


def test_it_is_resumed_where_it_is_the_same_thing_and_all_who_contribute_sign(begun: Total) -> None:
    STORE.put("mine", replace(begun, n=5, total=5, commits=("old",), device="cuda"))
    again = STORE.resume("mine", replace(begun, commits=("new",)))
    assert (again.n, again.commits, again.device, again.precision) == (5, ("old", "new"), "cuda and cpu", "float32")
    for other in (
        replace(begun, seed=1),
        replace(begun, data="x"),
        replace(begun, version=3),
        replace(begun, words=()),
    ):
        assert STORE.resume("mine", other) == other


def test_only_results_of_this_version_and_of_these_weights_are_fresh(begun: Total, card: Card) -> None:
    STORE.put("mine", begun)
    assert STORE.fresh(begun)
    assert STORE.why_stale(replace(begun, version=1)) == "version 1 of the experiment, which is at 2"
    checkpoints.save(models.build("DigitMLP", 8), card)
    assert STORE.why_stale(begun) == "mine changed"
    assert STORE.get("mine") is None
    assert STORE.current() == {}
    assert STORE.every() == {"mine": begun}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"n": 1}'])
@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_damaged_file_is_as_good_as_none(content: bytes, suffix: str, begun: Total) -> None:
    STORE.folder.mkdir(parents=True)
    (STORE.folder / f"mine{suffix}").write_bytes(content)
    assert STORE.read("mine") is None
    assert STORE.current() == {}
    assert STORE.resume("mine", begun) == begun


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(begun: Total, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    STORE.put("mine", begun)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"could not be saved \(No space left on device\): free some disk space"):
        STORE.put("mine", replace(begun, n=7))
    assert STORE.every() == {"mine": begun}
    with pytest.raises(UserError, match="is not the key of a result"):
        STORE.put("../mine", begun)


WRITER = """
import sys
from core.experiments.accuracy import STORE, Curve
for n in range(int(sys.argv[1]), 400, 2):
    STORE.put("mine.fgsm", Curve(networks={}, data="", seed=0, n=n, commits=(), precision="", device="", version=1,
        corruption="", field="", levels=(0.0,), counts=((tuple(range(2000)),),)))
"""


def test_two_processes_may_write_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever somebody looks the file is whole, and in the end the result on most images is there."""
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    environment = dict(PYTHONPATH=str(ROOT), NOISESCOPE_CHECKPOINTS=str(tmp_path), PATH="/usr/bin:/bin")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, first], cwd=tmp_path, env=environment) for first in "01"]
    from core.experiments.accuracy import STORE

    seen = []
    while any(writer.poll() is None for writer in writers):
        if STORE.folder.exists() and [*STORE.folder.glob("mine.fgsm.json")]:
            found = STORE.read("mine.fgsm")
            assert found is not None
            seen.append(found.n)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == sorted(seen)
    assert len(set(seen)) > 10
    found = STORE.read("mine.fgsm")
    assert found is not None
    assert found.n == 399
    assert [f.name for f in STORE.folder.iterdir()] == ["mine.fgsm.json"]


def toy(card: Card, images: Dataset) -> Experiment[Total]:
    def counted(key: str, n: int) -> Iterator[Total]:
        known = STORE.resume(key, Total(**STORE.provenance([card], images, "float32"), total=0))
        yield known
        for chosen in results.pieces(torch.arange(len(images)), 4, known.n, n):
            known = replace(known, n=known.n + len(chosen[1]), total=known.total + len(chosen[1]))
            yield known

    return Experiment("a toy", STORE, lambda: ["mine"], counted, lambda _: 20)


def test_what_is_stopped_is_kept_and_gone_on_with(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = toy(card, datasets.sample("mnist", "test").part(slice(0, 18)))
    steps = experiment.run("mine", 20)
    assert [next(steps).n for _ in range(3)] == [0, 4, 8]
    steps.close()  # type: ignore[attr-defined]
    assert STORE.every()["mine"].n == 8
    assert [found.n for found in experiment.run("mine", 20)] == [8, 12, 16, 18]
    assert [found.n for found in experiment.run("mine", 5)] == [18]


def test_one_command_measures_whatever_is_registered_and_lists_what_is_stale(
    card: Card, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = datasets.sample("mnist", "test").part(slice(0, 20))
    monkeypatch.setattr(results, "EVERY", 0.0)
    experiments = {"toy": toy(card, replace(images, full=True))}
    monkeypatch.setattr(
        measure, "EXPERIMENTS", experiments
    )  # not the registry itself, whose order the documents follow
    assert list(measure.stale()) == ["toy mine: not measured"]
    measure.measure("toy", n=7)
    assert capsys.readouterr().out == "a total of 8\n"
    assert list(measure.stale()) == ["toy mine: on 8 of 20 images"]
    assert measure.everything() == 0
    assert STORE.every()["mine"].total == 20
    assert list(measure.stale()) == []
    checkpoints.save(models.build("DigitMLP", 8), card)
    assert list(measure.stale()) == ["toy mine: mine changed"]
    experiments["toy"] = toy(checkpoints.read("mine"), images)
    measure.measure("toy")
    assert list(measure.stale()) == ["toy mine: measured on the built-in sample"]
