"""Shapes and types of every call into core are checked here, by jaxtyping and beartype."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run side by side
os.environ.setdefault("NOISESCOPE_NICE", "0")  # and wait for the runs they launch

from jaxtyping import install_import_hook

import tests.typecheck  # noqa: F401  the hook looks the checker up by name

install_import_hook("core", "tests.typecheck.check")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from core import checkpoints
from core.data import datasets
from core.data.datasets import Dataset
from core.networks.digits import Classifier

torch.set_num_threads(1)
ANYWHERE = ("decoding", "denoising", "devices", "door", "install", "jacobian", "layers", "losses", "metrics", "minimisers", "models", "noise", "noise_similarity", "parallel", "params", "photographs", "pieces", "results", "scales", "smoothing", "terminal", "tiled", "told", "torchvision_shim", "training", "trainings", "uploads")  # fmt: skip
SAMPLE = (
    "access",
    "address",
    "challenge",
    "held",
    "load",
    "received",
    "teaching",
)  # what these see is the same on all data
TOGETHER = ("browser", "extending")  # files whose tests share a server, or a copy of this project


class Shared(LoadScopeScheduling):  # type: ignore[misc]
    """Give each test to the worker that is free, those of TOGETHER to one, first of all.

    xdist's own `--dist loadgroup` leaves its marks unread under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if Path(file).stem.removeprefix("test_") in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shared:
    return Shared(config, log)


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["torch"] = torch


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium, for the tests of one file."""
    from tests import browser  # playwright need not be there

    with browser.chromium() as one:
        yield one


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """The test digits: MNIST where it is, else the built-in sample."""
    return datasets.load("mnist", "test")


@pytest.fixture(scope="session")
def cnn() -> Classifier:
    return checkpoints.classifier("digit-cnn")[0]


@pytest.fixture
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("NOISESCOPE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints, and one of runs, of the test's own."""
    monkeypatch.setenv("NOISESCOPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what has an empty data folder of its own, and what looks at no data set: to run it once is enough."""
    for item in items:
        if "no_data" in getattr(item, "fixturenames", ()) or item.path.stem.removeprefix("test_") in SAMPLE:
            item.add_marker("sample")
        elif item.path.stem.removeprefix("test_") in ANYWHERE and not item.get_closest_marker("sample"):
            item.add_marker("anywhere")


def pytest_report_header() -> str:
    try:
        return f"digits: {datasets.full('mnist', 'test').title}"
    except Exception as why:
        return f"digits: the built-in sample ({why})"
