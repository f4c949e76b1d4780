"""What is measured, kept in one way: a frozen value with its provenance, a file each in checkpoints/results/EXPERIMENT/."""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from core import UserError, checkpoints, parallel, records
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.types import Labels

SEED = 0  # what experiments draw from
EVERY = 30.0  # seconds between two writings of a result that is being measured
SEAL = "sha256"  # under which a file keeps the hash of what it says
KEY = re.compile(r"[a-z0-9][a-z0-9.-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an experiment found, and all it hangs on; an experiment's own class adds what it measured.

    `networks` names every network involved with the hash of its weights, the one in question first; `n` counts the
    images behind each figure; `commits`, `precision` and `device` name all that contributed; `version` is the experiment's.
    A field is a number, a word, a tuple or dict of these, or a tensor. FOUND names those that grow with n.
    """

    FOUND: ClassVar[tuple[str, ...]] = ()

    networks: Mapping[str, str]
    data: str
    seed: int
    n: int
    commits: tuple[str, ...]
    precision: str
    device: str
    version: int

    @property
    def network(self) -> str:
        """Name the network in question."""
        return next(iter(self.networks), "")

    @property
    def line(self) -> str:
        """Say in one line what was found."""
        return f"n = {self.n:,}"

    @property
    def changed(self) -> tuple[str, ...]:
        """Name the networks that are no longer here with the very weights that were measured."""
        return tuple(name for name, sha256 in self.networks.items() if not checkpoints.current(name, sha256))

    @property
    def subject(self) -> dict[str, Any]:
        """Return what was measured, without what was found: measuring is resumed where all of this is the same."""
        grown = {"n", "commits", "precision", "device", *self.FOUND}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in grown}


R = TypeVar("R", bound=Result)
T = TypeVar("T")
R_tabled = TypeVar("R_tabled", bound="Tabled")


@dataclass(frozen=True, kw_only=True, eq=False)
class Tabled(Result):
    """A result with a row of figures for each of n images, (n, ...)."""

    FOUND: ClassVar[tuple[str, ...]] = ("rows",)

    rows: Tensor


def shipped() -> Path:
    """Return where the results lie that come with the networks."""
    return checkpoints.FOLDER / "results"


class Store(Generic[R]):
    """The results of one experiment, by key. `version` is raised when its figures would change.

    They lie in a folder of the experiment's name, in the `place` of all results.
    """

    def __init__(self, name: str, kind: type[R], version: int = 1, place: Callable[[], Path] = shipped) -> None:
        self.name, self.kind, self.version, self._place = name, kind, version, place
        self._held: dict[Path, tuple[tuple[int, int], R | None]] = {}

    @property
    def folder(self) -> Path:
        """Return where its results lie."""
        return self._place() / self.name

    def provenance(
        self, cards: Iterable[Card], dataset: Dataset, precision: str, device: str = "cpu"
    ) -> dict[str, Any]:
        """Return the fields of a Result that is begun now, on no image yet."""
        return dict(
            networks={card.name: card.sha256 for card in cards}, data=dataset.title, seed=SEED, n=0,
            commits=(checkpoints.commit(),), precision=precision, device=device, version=self.version,
        )  # fmt: skip

    def read(self, key: str) -> R | None:
        """Return a result whatever has become of its networks; None where there is none, or it cannot be read."""
        for suffix, read in ((".safetensors", _with_tensors), (".json", _without)):
            file = self._file(key, suffix)
            if file.exists():
                return self._hold(file, read)
        return None

    def every(self) -> dict[str, R]:
        """Return all results that can be read, by key."""
        names = {f.stem for f in self.folder.glob("[!.]*") if f.suffix in (".json", ".safetensors")}
        return {key: found for key in sorted(names) if KEY.fullmatch(key) and (found := self.read(key))}

    def why_stale(self, result: R) -> str:
        """Say why a result no longer holds; an empty word where it does."""
        if result.version != self.version:
            return f"version {result.version} of the experiment, which is at {self.version}"
        return f"{' and '.join(result.changed)} changed" if result.changed else ""

    def fresh(self, result: R) -> bool:
        """Say whether a result still holds: this version of the experiment, and these weights. The only such test."""
        return not self.why_stale(result)

    def current(self) -> dict[str, R]:
        """Return the results that hold, by key: what pages, reports and documents read."""
        return {key: found for key, found in self.every().items() if self.fresh(found)}

    def get(self, key: str) -> R | None:
        """Return a result if it holds; else it is not measured. Raises UserError for a key that is no plain name."""
        found = self.read(key)
        return found if found and self.fresh(found) else None

    def resume(self, key: str, begun: R) -> R:
        """Return what is known of the very thing that `begun` begins, to be signed by both; else `begun`."""
        known = self.read(key)
        return _signed(known, begun) if known and known.subject == begun.subject else begun

    def put(self, key: str, result: R) -> None:
        """Keep a result, whole or not at all; of the same thing the one on more images stays.

        Two processes may put at once. Raises UserError where the disk refuses.
        """
        values = {f.name: getattr(result, f.name) for f in fields(result)}
        tensors = {name: value.contiguous() for name, value in values.items() if isinstance(value, Tensor)}
        plain = {name: value for name, value in values.items() if name not in tensors} | {SEAL: _seal(values)}
        rest = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in plain.items())
        record = "{\n" + ",\n".join(rest) + "\n}\n"
        file = self._file(key, ".safetensors" if tensors else ".json")
        with _locked(self._place() / ".locks", f"{self.name}.{key}"):
            known = self.read(key)
            if known is None or known.subject != result.subject or known.n <= result.n:
                checkpoints.write(file, save_tensors(tensors, {"result": record}) if tensors else record.encode())

    def _file(self, key: str, suffix: str) -> Path:
        if not KEY.fullmatch(key):
            raise UserError(f"{key!r} is not the key of a result: use lower-case letters, digits, dots and dashes.")
        return self.folder / f"{key}{suffix}"

    def _hold(self, file: Path, read: Callable[[Path], dict[str, Any]]) -> R | None:
        """Read a file once for as long as it is not written anew."""
        try:
            about = file.stat()
            stamp = about.st_mtime_ns, about.st_ino  # a file is always replaced, never written over
            if self._held.get(file, (None, None))[0] != stamp:
                self._held[file] = stamp, self._parsed(file, read)
            return self._held[file][1]
        except OSError:
            return None

    def _parsed(self, file: Path, read: Callable[[Path], dict[str, Any]]) -> R | None:
        try:
            values = read(file)
            seal = values.pop(SEAL, None)  # older files have none
            if seal in (None, _seal(values)):
                return records.build(self.kind, {name: _frozen(value) for name, value in values.items()})
        except (ValueError, TypeError, KeyError, RuntimeError, SafetensorError):
            pass
        return None


@dataclass(frozen=True, eq=False)
class Experiment(Generic[R]):
    """How one kind of result comes about, and where it is told.

    `subjects` lists what there is to measure, mostly networks, and `keys` the keys of one; `measure(key, n)` yields what is
    known already and then what is found so far, on ever more images, up to n in whole batches; `n` is how many a key is
    worth unless somebody says otherwise. `table` writes its part of docs/DOCUMENT.md.
    """

    title: str
    store: Store[R]
    subjects: Callable[[], Iterable[str]]
    measure: Callable[[str, int], Iterator[R]]
    n: Callable[[str], int]
    keys: Callable[[str], Iterable[str]] = lambda subject: (subject,)
    document: str = ""
    table: Callable[[], Iterable[str]] = tuple

    def run(self, key: str, n: int) -> Iterator[R]:
        """Measure and keep: every half minute, at the end, and when whoever asks for more stops asking.

        Raises UserError where a network or a data set is missing, or the disk refuses.
        """
        begun, found, saved = None, None, time.monotonic()
        try:
            for found in self.measure(key, n):
                begun = begun or found
                if found is not begun and time.monotonic() - saved > EVERY:
                    self.store.put(key, found)
                    saved = time.monotonic()
                yield found
        finally:
            if found is not None and found is not begun:
                self.store.put(key, found)

    def stale(self) -> dict[str, str]:
        """Return the keys that are to be measured, and why."""
        keys = (key for subject in self.subjects() for key in self.keys(subject))
        return {key: why for key in keys if (why := self._missing(key))}

    def _missing(self, key: str) -> str:
        found = self.store.read(key)
        if found is None:
            return "not measured"
        if found.data.startswith("built-in sample"):
            return "measured on the built-in sample"
        few = f"on {found.n:,} of {self.n(key):,} images" if found.n < self.n(key) else ""
        return self.store.why_stale(found) or few


def pieces(order: Labels, batch: int, done: int, n: int) -> list[tuple[int, Tensor]]:
    """Split the indices of images into batches, numbered, and return those that bring `done` images to n or a little more.

    >>> [(number, len(chosen)) for number, chosen in pieces(torch.arange(10), 4, 4, 7)]
    [(1, 4)]
    """
    return [(k, chosen) for k, chosen in enumerate(order.split(batch)) if done <= k * batch < n]


def spread(
    task: Callable[[tuple[int, Labels]], T], known: R, dataset: Dataset, batch: int, n: int, workers: int
) -> Iterator[T]:
    """Yield what a task finds on ever more images, from what is known to n: batch by batch, numbered, `workers` at a time.

    They come in an order drawn from the seed of what is known, so that what is done when it is stopped is a fair sample.
    """
    order = datasets.shuffled(len(dataset), known.seed)
    return parallel.spread(task, pieces(order, batch, known.n, n), workers)


def grown(
    task: Callable[[tuple[int, Labels]], Tensor], known: R_tabled, dataset: Dataset, batch: int, n: int, workers: int
) -> Iterator[R_tabled]:
    """Add the rows a task finds on ever more images, as in `spread`, and yield what is known after every batch."""
    for rows in spread(task, known, dataset, batch, n, workers):
        known = replace(known, n=known.n + len(rows), rows=torch.cat([known.rows, rows]))
        yield known


def counted(found: Iterable[Result]) -> str:
    """Say on how many images results were measured."""
    return " or ".join(f"{n:,}" for n in sorted({one.n for one in found}))


def slug(text: str) -> str:
    """Write any text as a key.

    >>> slug("BlindGaussian(sigma_max=50.0)")
    'blindgaussian-sigma-max-50.0'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:64]


def _signed(known: R, by: R) -> R:
    """Name the code, precision and device of another result among those that contributed."""
    commits = tuple(dict.fromkeys((*known.commits, *by.commits)))
    precision, device = _joined(known.precision, by.precision), _joined(known.device, by.device)
    return replace(known, commits=commits, precision=precision, device=device)


def _joined(one: str, other: str) -> str:
    return " and ".join(dict.fromkeys((*one.split(" and "), other)))


def _locked(folder: Path, name: str) -> FileLock:
    """Return the lock of a key; its file stays in a hidden folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} could not be made ({error.strerror}): check the folder's rights.") from None
    return FileLock(folder / name)


def _with_tensors(file: Path) -> dict[str, Any]:
    with safe_open(file, "pt") as found:
        tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118  not a dict
        return {**records.loads(found.metadata()["result"], constants=True), **tensors}


def _without(file: Path) -> dict[str, Any]:
    return records.loads(file.read_bytes(), constants=True)


def _seal(values: Mapping[str, Any]) -> str:
    """Return a hash of all that a result says: of its numbers and words as JSON, and of the bytes of its tensors."""
    plain = {name: value for name, value in values.items() if not isinstance(value, Tensor)}
    tensors = (values[name].cpu() for name in sorted(values.keys() - plain.keys()))  # a file has an order of its own
    parts = (value.contiguous().flatten().view(torch.uint8).numpy().tobytes() for value in tensors)
    return checkpoints.digest(json.dumps(plain).encode() + b"".join(parts))


def _frozen(value: Any) -> Any:
    """Turn the lists of JSON back into tuples."""
    if isinstance(value, list):
        return tuple(_frozen(v) for v in value)
    return {k: _frozen(v) for k, v in value.items()} if isinstance(value, dict) else value
