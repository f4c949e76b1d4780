"""Data sets: the sample, the full sets, a missing one, a damaged one, and a download that breaks and is repaired."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from sklearn.datasets import load_digits, load_sample_image

from core import UserError
from core.data import datasets, downloads, samples, torchvision_shim

FILES = {
    "train-images-idx3-ubyte": 60_000,
    "train-labels-idx1-ubyte": 60_000,
    "t10k-images-idx3-ubyte": 10_000,
    "t10k-labels-idx1-ubyte": 10_000,
}


def test_the_sample_digits_split_into_1000_and_797(no_data: Path) -> None:
    train, test = datasets.load("mnist", "train"), datasets.load("mnist", "test")
    assert (len(train), len(test)) == (1000, 797)
    for d in (train, test):
        assert not d.full
        assert d.pixels.shape[1:] == (1, 28, 28)
        assert d.pixels.dtype == torch.uint8
        assert set(d.labels.tolist()) == set(range(10))
        assert "python -m core data mnist" in d.note
        assert f"{len(d):,} handwritten digits" in d.note


def test_the_samples_are_what_their_packages_load() -> None:
    labels = torch.cat([samples.digits(train)[1] for train in (True, False)])
    assert torch.equal(labels, torch.from_numpy(load_digits().target))
    assert np.array_equal(samples.photograph("china"), load_sample_image("china.jpg"))
    assert np.array_equal(samples.photograph("astronaut"), skimage.data.astronaut())
    assert np.array_equal(samples.photograph("coins")[..., 0], skimage.data.coins())


def test_the_sample_photographs_are_cut_into_tiles_none_in_both_splits(no_data: Path) -> None:
    train, test = datasets.load("cifar10", "train"), datasets.load("cifar10", "test")
    assert train.pixels.shape[1:] == test.pixels.shape[1:] == (3, 32, 32)
    assert len(train) > 3 * len(test) > 300
    assert set(test.labels.tolist()) == set(range(len(samples.PHOTOGRAPHS)))
    keys = [
        {hashlib.sha256(tile.numpy().tobytes()).digest() for tile in d.pixels if tile.float().std() > 3}
        for d in (train, test)
    ]
    assert not keys[0] & keys[1]


@pytest.mark.parametrize("name", samples.PHOTOGRAPHS)
def test_the_photographs_ship_with_scikit_image(name: str) -> None:
    picture = samples.photograph(name)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert min(picture.shape[:2]) >= 300


def test_digits_are_centred_by_mass() -> None:
    x = torch.zeros(2, 1, 18, 18)
    x[0, 0, 0:3, 0:3] = 1  # its mass in a corner: as far as the frame lets it go
    x[1, 0, 4:14, 6:12] = 1
    rows = (samples.centred(x)[1, 0].sum(1) * torch.arange(28)).sum() / 60
    assert abs(float(rows) - 13.5) <= 0.5
    assert samples.centred(x)[0].sum() == 9


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))])
def test_the_full_sets_are_whole(name: str, shape: tuple[int, ...]) -> None:
    try:
        test = datasets.full(name, "test")
    except UserError as refusal:
        pytest.skip(str(refusal))
    assert test.pixels.shape == (10_000, *shape)
    assert torch.bincount(test.labels).min() >= 800
    assert test.images([3]).dtype == torch.float32
    assert test.images().max() == 1


def test_images_are_pixels_over_255(no_data: Path) -> None:
    d = datasets.load("mnist", "test")
    assert torch.equal(d.images([5, 2]), d.pixels[[5, 2]].float() / 255)
    assert torch.equal(d.images(slice(0, 3)), d.images(torch.tensor([0, 1, 2])))


def test_a_missing_set_says_how_to_get_it(no_data: Path) -> None:
    with pytest.raises(
        UserError, match=r"^MNIST is not here: get it with `python -m core data mnist` or the button on the page\.$"
    ):
        datasets.full("mnist", "test")


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """MNIST's four files, of the right sizes, empty but for their labels."""
    return {
        name: idx(np.zeros((n, 28, 28), np.uint8) if "images" in name else (np.arange(n) % 10).astype(np.uint8))
        for name, n in FILES.items()
    }


@pytest.fixture
def mirror(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server on this machine that has them, known to torchvision with their checksums."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    resources = []
    for name, content in files.items():
        packed = gzip.compress(content, 1)
        (folder / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mnist = torchvision_shim.datasets().MNIST
    monkeypatch.setattr(mnist, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(mnist, "resources", resources)
    yield folder
    server.shutdown()


def test_a_download_reports_its_share_and_ends_whole(mirror: Path, no_data: Path) -> None:
    shares = list(downloads.download("mnist"))
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert datasets.load("mnist", "train").full


@pytest.mark.parametrize("harm", ["truncate", "delete", "garbage", "labels"])
def test_a_damaged_set_is_detected_said_and_repaired_by_trying_again(harm: str, mirror: Path, no_data: Path) -> None:
    list(downloads.download("mnist"))
    victim = no_data / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    if harm == "delete":
        victim.unlink()
        (victim.parent / f"{victim.name}.gz").write_bytes(b"half of a downl")
    elif harm == "labels":
        labels = victim.parent / "t10k-labels-idx1-ubyte"
        labels.write_bytes(labels.read_bytes()[:8] + bytes([200]) * 10_000)
    else:
        victim.write_bytes(victim.read_bytes()[:-1000] if harm == "truncate" else b"not an idx file at all")
    with pytest.raises(UserError, match="MNIST is damaged or only partly here: get it with"):
        datasets.full("mnist", "test")
    assert "damaged" in datasets.load("mnist", "test").note
    assert not datasets.load("mnist", "test").full
    list(downloads.download("mnist"))
    assert datasets.load("mnist", "test").full


def test_a_damaged_training_set_does_not_leave_a_mixture(mirror: Path, no_data: Path) -> None:
    list(downloads.download("mnist"))
    victim = no_data / "MNIST" / "raw" / "train-images-idx3-ubyte"
    victim.write_bytes(victim.read_bytes()[:-1])
    assert not datasets.load("mnist", "test").full
    assert not datasets.load("mnist", "train").full


def test_two_who_ask_at_once_watch_one_download(mirror: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both_are_here = threading.Event()
    run = downloads._Download.run
    monkeypatch.setattr(downloads._Download, "run", lambda self: (both_are_here.wait(60), run(self)))
    first, second = downloads.download("mnist"), downloads.download("mnist")
    next(first)
    thread = downloads._downloads["mnist"]
    next(second)
    assert downloads._downloads["mnist"] is thread
    both_are_here.set()
    del first  # the first visitor leaves
    assert list(second)[-1] == 1.0
    assert datasets.load("mnist", "test").full


def test_of_two_downloads_each_shows_its_own_share(no_data: Path) -> None:
    digits, pictures = (downloads._Download(datasets.SOURCES[name]) for name in ("mnist", "cifar10"))
    (no_data / "MNIST").mkdir(parents=True)
    (no_data / "MNIST" / "part").write_bytes(bytes(6_600_000))
    assert digits.share() == pytest.approx(0.1)
    assert pictures.share() == 0
    (no_data / "cifar-10-python.tar.gz").write_bytes(bytes(3_560_000))
    assert digits.share() == pytest.approx(0.1)
    assert pictures.share() == pytest.approx(0.01)


def test_a_broken_mirror_is_one_sentence_and_trying_again_works(mirror: Path, no_data: Path) -> None:
    part = mirror / "t10k-images-idx3-ubyte.gz"
    whole = part.read_bytes()
    part.write_bytes(whole[:100])
    with pytest.raises(
        UserError, match=r"could not be downloaded \(.*\): check the network and the free disk space, then try again"
    ):
        list(downloads.download("mnist"))
    assert not datasets.load("mnist", "test").full
    part.write_bytes(whole)
    list(downloads.download("mnist"))
    assert datasets.load("mnist", "test").full


def test_a_truncated_cifar_is_detected_by_its_checksums(no_data: Path) -> None:
    (no_data / "cifar-10-batches-py").mkdir(parents=True)
    (no_data / "cifar-10-batches-py" / "test_batch").write_bytes(b"\x80\x04")
    with pytest.raises(UserError, match="CIFAR-10 is damaged or only partly here"):
        datasets.full("cifar10", "test")
