"""Downloads of the full data sets, watched by whoever asks for them."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress

from tqdm import tqdm

from core import UserError
from core.data import datasets, torchvision_shim
from core.data.datasets import SOURCES, Source


class _Download(threading.Thread):
    """One download under way; whoever else asks for it watches this one."""

    def __init__(self, source: Source) -> None:
        super().__init__(daemon=True)
        self.source, self.problem, self.before = source, "", 0
        self.before = self.bytes()

    def run(self) -> None:
        try:
            datasets.folder().mkdir(parents=True, exist_ok=True)
            getattr(torchvision_shim.datasets(), self.source.torchvision)(datasets.folder(), download=True)
        except Exception as error:  # whatever the network or the disk has to say goes into one sentence
            self.problem = (str(error).strip() or type(error).__name__).splitlines()[-1]

    def bytes(self) -> int:
        """Count what is on disk of this data set, and of no other."""
        total, archive = 0, self.source.archive
        places = [*(datasets.folder() / self.source.folder).rglob("*")]
        for file in places + [datasets.folder() / archive] * bool(archive):
            with suppress(OSError):  # a part file may be gone by now
                total += file.stat().st_size
        return total

    def share(self) -> float:
        """Return the share of the data set that is on disk."""
        return min(0.99, max(0, self.bytes() - self.before) / (self.source.megabytes * 1e6))


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
                shutil.rmtree(datasets.folder() / source.folder, ignore_errors=True)
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
        return datasets.full(name, "train").full and datasets.full(name, "test").full
    except UserError:
        return False


def fetch(names: list[str]) -> None:
    """Download the data sets named, all where none is, with a bar in the terminal each; raises UserError as `download` does."""
    for name in names or SOURCES:
        with tqdm(desc=SOURCES[name].title, total=100, unit="%") as bar:
            for share in download(name):
                bar.update(int(100 * share) - bar.n)
        print(f"{SOURCES[name].title} is complete in {datasets.folder()}.")
