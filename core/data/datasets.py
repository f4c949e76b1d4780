"""The data sets, each held as one uint8 tensor: MNIST, CIFAR-10, and samples of both kinds that need no download.

The full sets are read through torchvision from $NOISESCOPE_DATA, else from `data/`. Where one is missing or damaged,
`load` gives the built-in sample instead and says so in `note`: handwritten digits that ship inside scikit-learn and
photographs that ship inside scikit-image.
"""

import os
import pickle
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from core import UserError
from core.data import torchvision_shim
from core.types import Images, Labels, Pixels, Scores, generator

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
    ),
}  # fmt: skip
PHOTOGRAPHS = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "hubble_deep_field",
    "motorcycle_left",
    "camera",
    "moon",
    "ihc",
    "retina",
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of one split, in memory: `pixels` uint8 (N, C, H, W), `labels` int64 (N,)."""

    name: str
    split: Split
    pixels: Pixels
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
        return _digits(split, str(refusal)) if name == "mnist" else _tiles(split, str(refusal))


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


def stamp(name: str) -> tuple[str, int, int]:
    """Return a value that changes when the files of a data set change: where they are, how many, the newest."""
    place = folder() / SOURCES[name].folder
    times = [path.stat().st_mtime_ns for path in place.rglob("*")] if place.exists() else []
    return str(place), len(times), max(times, default=0)


class _Download(threading.Thread):
    """One download under way; whoever else asks for it watches this one."""

    def __init__(self, source: Source) -> None:
        super().__init__(daemon=True)
        self.source, self.problem, self.before = source, "", _bytes()

    def run(self) -> None:
        try:
            folder().mkdir(parents=True, exist_ok=True)
            getattr(torchvision_shim.datasets(), self.source.torchvision)(folder(), download=True)
        except Exception as error:  # whatever the network or the disk has to say goes into one sentence
            self.problem = (str(error).strip() or type(error).__name__).splitlines()[-1]

    def share(self) -> float:
        """Return the share of the data set that is on disk."""
        return min(0.99, max(0, _bytes() - self.before) / (self.source.megabytes * 1e6))


_downloads: dict[str, _Download] = {}
_lock = threading.Lock()


def download(name: str) -> Iterator[float]:
    """Download a full data set, yielding the share that is on disk; starts over where what is there is damaged.

    Two who ask at once watch the same download. Raises UserError where the network, the disk or the checksum fails: the
    sample goes on working, try again later.
    """
    source = SOURCES[name]
    with _lock:
        if name not in _downloads or not _downloads[name].is_alive():
            if not _whole(name):
                shutil.rmtree(folder() / source.folder, ignore_errors=True)
            _downloads[name] = _Download(source)
            _downloads[name].start()
    under_way = _downloads[name]
    while under_way.is_alive():
        under_way.join(0.2)
        yield under_way.share()
    if under_way.problem or not _whole(name):
        why = f" ({under_way.problem})" if under_way.problem else ""
        raise UserError(
            f"{source.title} could not be downloaded{why}: check the network and the free disk space, then try again."
        )
    yield 1.0


def _whole(name: str) -> bool:
    try:
        return full(name, "train").full and full(name, "test").full
    except UserError:
        return False


def _bytes() -> int:
    total = 0
    for path in folder().rglob("*"):
        with suppress(OSError):  # a part file may be gone by now
            total += path.stat().st_size
    return total


def _digits(split: Split, why: str) -> Dataset:
    """Return scikit-learn's 1,797 scanned digits in MNIST's frame: the first 1,000 to learn from, 797 to test."""
    from sklearn.datasets import load_digits

    part = slice(0, 1000) if split == "train" else slice(1000, None)
    scans = load_digits()
    x = torch.from_numpy(scans.images[part]).float()[:, None] / 16
    x = interpolate(x, (18, 18), mode="bicubic", align_corners=True).clamp(0, 1)
    note = f"{why} This page shows {len(x):,} handwritten digits that ship with scikit-learn."
    pixels = (centred(x) * 255).round().to(torch.uint8)
    return Dataset(
        "mnist", split, pixels, torch.from_numpy(scans.target[part]).long(), SOURCES["mnist"].classes, False, note
    )


def centred(x: Images) -> Float[Tensor, "n 1 28 28"]:
    """Put digits of at most 28 x 28 into MNIST's frame: their centre of mass in the middle of 28 x 28."""
    size = x.shape[-1]
    rows, columns = (_centre(x.sum(dim)) for dim in ((1, 3), (1, 2)))
    frame = torch.zeros(len(x), 1, 28, 28)
    for image, digit, row, column in zip(frame, x, rows.tolist(), columns.tolist(), strict=True):
        top, left = (min(28 - size, max(0, round(13.5 - centre))) for centre in (row, column))
        image[:, top : top + size, left : left + size] = digit
    return frame


def _centre(mass: Float[Tensor, "n k"]) -> Scores:
    """Return the centre of each row of `mass` (N, K); the middle where there is none."""
    place = torch.arange(mass.shape[1], dtype=mass.dtype)
    total = mass.sum(1)
    return torch.where(total > 0, (mass * place).sum(1) / total.clamp(min=1e-9), place.mean())


@cache
def photograph(name: str) -> np.ndarray:
    """Return one of the PHOTOGRAPHS that ship inside scikit-image, uint8 (H, W, 3)."""
    import skimage.data
    import skimage.io

    picture = skimage.io.imread(next(Path(skimage.data.__file__).parent.glob(f"{name}.*")))
    return np.ascontiguousarray(picture[..., :3] if picture.ndim == 3 else np.stack([picture] * 3, axis=-1))


def _tiles(split: Split, why: str) -> Dataset:
    """Cut the built-in photographs into 32 x 32 tiles, whose labels are the photographs; every fifth tile is to test."""
    pixels, labels = [], []
    for label, name in enumerate(PHOTOGRAPHS):
        picture = torch.from_numpy(photograph(name))[::2, ::2].permute(2, 0, 1)  # half size: a tile shows something
        tiles = picture.unfold(1, 32, 32).unfold(2, 32, 32).permute(1, 2, 0, 3, 4).reshape(-1, 3, 32, 32)
        chosen = [i for i in range(len(tiles)) if (i % 5 == 0) == (split == "test")]
        pixels.append(tiles[chosen])
        labels.append(torch.full((len(chosen),), label))
    x = torch.cat(pixels).contiguous()
    note = f"{why} This page shows {len(x):,} tiles of photographs that ship with scikit-image."
    return Dataset("cifar10", split, x, torch.cat(labels), PHOTOGRAPHS, False, note)


def shuffled(n: int, seed: int) -> Labels:
    """Return the numbers below `n` in an order drawn from `seed`."""
    return torch.randperm(n, generator=generator(seed))
