"""The data sets, each held as one uint8 tensor: MNIST, CIFAR-10, and samples of both kinds that need no download.

The full sets are read through torchvision from $NOISESCOPE_DATA, else from `data/`. Where one is missing or damaged,
`load` gives the built-in sample instead and says so in `note`: handwritten digits that ship inside scikit-learn and
photographs that ship inside scikit-image.
"""

import os
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core import UserError
from core.data import samples, torchvision_shim
from core.types import Images, Labels, Uint8Images, generator

Split = Literal["train", "test"]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """Where a full data set lies under the data folder, and how it is known to be whole."""

    title: str
    torchvision: str  # the class that reads it
    folder: str
    sizes: dict[str, int]  # images per split
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    megabytes: int  # on disk when all is there, for the progress of a download
    files: dict[str, int]  # bytes of the files torchvision does not check, relative to the folder
    archive: str  # what is downloaded and unpacked, beside the folder; empty: into it


SOURCES = {
    "mnist": Source(
        "MNIST",
        "MNIST",
        "MNIST",
        dict(train=60_000, test=10_000),
        (1, 28, 28),
        tuple("0123456789"),
        66,
        {
            "raw/train-images-idx3-ubyte": 47_040_016,
            "raw/train-labels-idx1-ubyte": 60_008,
            "raw/t10k-images-idx3-ubyte": 7_840_016,
            "raw/t10k-labels-idx1-ubyte": 10_008,
        },
        "",
    ),
    "cifar10": Source(
        "CIFAR-10",
        "CIFAR10",
        "cifar-10-batches-py",
        dict(train=50_000, test=10_000),
        (3, 32, 32),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        356,
        {},
        "cifar-10-python.tar.gz",
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of one split, in memory: `pixels` uint8 (N, C, H, W), `labels` int64 (N,)."""

    name: str
    split: Split
    pixels: Uint8Images
    labels: Labels
    classes: tuple[str, ...]
    full: bool  # False: the built-in sample
    note: str  # one sentence: which data this is and, for a sample, how to get the full set

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def title(self) -> str:
        """Name the set and its size, as a caption says it."""
        source = SOURCES[self.name].title if self.full else "built-in sample"
        return f"{source}, {len(self):,} {self.split} images"

    def part(self, index: slice) -> "Dataset":
        """Return the images at `index` as a set of their own."""
        return replace(self, pixels=self.pixels[index], labels=self.labels[index])

    def to(self, device: torch.device) -> "Dataset":
        """Return the same set in the memory of `device`."""
        return replace(self, pixels=self.pixels.to(device), labels=self.labels.to(device))

    def images(self, index: slice | list[int] | Labels = slice(None)) -> Images:
        """Return the images at `index` as float32 in [0, 1]."""
        return self.pixels[index].float() / 255


def folder() -> Path:
    """Return the data folder: $NOISESCOPE_DATA, else `data/` in the project."""
    return Path(os.environ.get("NOISESCOPE_DATA") or ROOT / "data")


def load(name: str, split: Split) -> Dataset:
    """Return a data set, or the built-in sample of its kind where the full one is missing or damaged."""
    try:
        return full(name, split)
    except UserError as refusal:
        return sample(name, split, str(refusal))


def sample(name: str, split: Split, why: str = "") -> Dataset:
    """Return the built-in sample of a data set's kind; `why`, a sentence, goes before the note on what it is."""
    digits = name == "mnist"
    pixels, labels = samples.digits(split == "train") if digits else samples.tiles(split == "train")
    what, where = ("handwritten digits", "scikit-learn") if digits else ("tiles of photographs", "scikit-image")
    classes = SOURCES[name].classes if digits else samples.PHOTOGRAPHS
    note = f"{why} This page shows {len(pixels):,} {what} that ship with {where}."
    return Dataset(name, split, pixels, labels, classes, False, note)


def full(name: str, split: Split) -> Dataset:
    """Read a full data set through torchvision.

    Raises UserError, naming the remedy, where it is missing, or where any file of it, of either split, is damaged: of the
    wrong size (MNIST), of the wrong checksum (CIFAR-10) or unreadable.
    """
    source, place = SOURCES[name], folder() / SOURCES[name].folder
    remedy = f"get it with `python -m core data {name}` or the button on the page"
    if not place.exists():
        raise UserError(f"{source.title} is not here: {remedy}.")
    reader = getattr(torchvision_shim.datasets(), source.torchvision)
    try:
        whole = all((place / file).stat().st_size == size for file, size in source.files.items())
        dataset = reader(folder(), train=split == "train", download=False)
        pixels = torch.as_tensor(dataset.data)
        pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()
        labels = torch.as_tensor(dataset.targets)
        whole &= pixels.shape == (source.sizes[split], *source.shape) and labels.shape == pixels.shape[:1]
        whole &= bool(labels.min() >= 0 and labels.max() < len(source.classes))
    except (RuntimeError, AssertionError, ValueError, TypeError, OSError, EOFError, KeyError, pickle.UnpicklingError):
        whole = False
    if not whole:
        raise UserError(f"{source.title} is damaged or only partly here: {remedy}.")
    return Dataset(name, split, pixels, labels, source.classes, True, f"{source.title}, the full {split} set.")


def picture(which: int | str) -> Images:
    """Return one picture in colour, (1, 3, H, W): a CIFAR-10 test image by its number, or a built-in photograph by its name."""
    if isinstance(which, str):
        return torch.from_numpy(samples.photograph(which)).permute(2, 0, 1)[None].float() / 255
    return load("cifar10", "test").images([which])


def middle(x: Images, side: int) -> Float[Tensor, "n c small_h small_w"]:
    """Cut the middle, `side` x `side` pixels, out of large pictures; small ones stay whole."""
    top, left = (max(0, (size - side) // 2) for size in x.shape[2:])
    return x[..., top : top + side, left : left + side]


def stamp(name: str) -> tuple[str, int, int]:
    """Return a value that changes when the files of a data set change: where they are, how many, the newest."""
    place = folder() / SOURCES[name].folder
    times = [path.stat().st_mtime_ns for path in place.rglob("*")] if place.exists() else []
    return str(place), len(times), max(times, default=0)


def shuffled(n: int, seed: int) -> Labels:
    """Return the numbers below `n` in an order drawn from `seed`."""
    return torch.randperm(n, generator=generator(seed))
