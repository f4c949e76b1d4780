"""What docs/extending.md adds, word for word, to a copy of this project is found everywhere: one class or module, one line."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ADDED = ("Stripes", "Steepest", "Shallow", "brightness")
LAWS = ("noise", "denoiser_attacks", "models", "layers", "pages")  # tests whose cases are read from the tables
SMALL = """
import sys
from core.data import datasets
datasets.full = lambda name, split: datasets.sample(name, split).part(slice(0, 96))
from core import __main__
sys.exit(__main__.main())
"""

pytestmark = pytest.mark.sample  # one copy serves them all


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy this project, and do what docs/extending.md says: each block goes to the end of its file, or is a new one."""
    copy = tmp_path_factory.mktemp("extending") / "house"
    for room in ("app", "core", "pages", "tests", "benchmarks", "docs"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "screenshots"))
    shutil.copytree(ROOT / "checkpoints", copy / "checkpoints")
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, copy)
    for file, code in BLOCK.findall((ROOT / "docs" / "extending.md").read_text()):
        with open(copy / file, "a") as end:
            end.write("\n\n" + code if end.tell() else code)
    return copy


def python(house: Path, *words: str) -> str:
    """Run Python in the copy; what it says comes back, and goes into the report of a test that fails."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([sys.executable, *words], cwd=house, env=ours, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def passed(house: Path, files: Iterable[str], chosen: str) -> list[str]:
    """Run tests in the copy and name those that passed."""
    out = python(house, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", "-k", chosen, *files)
    return re.findall(r"^PASSED (\S+)", out, re.MULTILINE)


def test_the_property_tests_find_what_was_added(house: Path) -> None:
    names = passed(house, [f"tests/test_{law}.py" for law in LAWS], " or ".join(ADDED))
    for thing in ADDED:
        assert any(thing in name for name in names), (thing, names)


def test_the_pages_find_what_was_added(house: Path) -> None:
    assert len(passed(house, ["tests/extended.py"], "test")) == 4


def test_the_command_line_lists_trains_and_measures_what_was_added(house: Path) -> None:
    assert "n2n-stripes          Stripes: " in python(house, "-c", SMALL, "list")
    assert "n2n-stripes is trained" in python(house, "-c", SMALL, "train", "n2n-stripes")
    assert "brightness n2n-stripes: not measured" in python(house, "-c", SMALL, "measure", "--stale")
    told = python(house, "-c", SMALL, "measure", "brightness", "n2n-stripes", "--n", "64")
    assert re.search(r"n2n-stripes: [+-]\d\.\d{3} grey levels, n = 64", told)
