"""Both ways torchvision can meet torch, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_where_the_operators_are_missing_they_are_declared() -> None:
    """A torchvision that fails as the one on PyPI does beside a CPU-only torch."""
    said = run(
        "import sys, types, torch\n"
        "from core.data import torchvision_shim as vision\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name != 'torchvision': return None\n"
        "        if not hasattr(torch.ops.torchvision, 'qnms'):\n"
        "            raise RuntimeError('operator torchvision::nms does not exist')\n"
        "sys.meta_path.insert(0, Finder())\n"
        "datasets = vision.datasets()\n"
        "print(datasets.MNIST.__name__, len(vision._library), vision.datasets() is datasets)"
    )
    assert said == "MNIST 1 True"


def test_where_they_are_there_nothing_is_declared() -> None:
    """The operators exist before torchvision is imported, as beside the torch it was compiled for."""
    said = run(
        "import torch\n"
        "there = torch.library.Library('torchvision', 'DEF')\n"
        "from core.data import torchvision_shim as vision\n"
        "for schema in vision.SCHEMAS: there.define(schema)\n"
        "print(vision.datasets().CIFAR10.__name__, len(vision._library))"
    )
    assert said == "CIFAR10 0"


def test_another_failure_is_not_hidden() -> None:
    said = run(
        "import sys\n"
        "from core.data import torchvision_shim as vision\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torchvision': raise RuntimeError('something else')\n"
        "sys.meta_path.insert(0, Finder())\n"
        "try: vision.datasets()\n"
        "except RuntimeError as error: print(error, len(vision._library))"
    )
    assert said == "something else 0"
