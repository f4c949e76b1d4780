"""What is measured, kept in one way: a frozen value with its provenance, a file each in checkpoints/results/EXPERIMENT/."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from core import UserError, checkpoints
from core.checkpoints import Card
from core.data.datasets import Dataset

SEED = 0  # what experiments draw from


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What an experiment found, and all it hangs on; an experiment's own class adds what it measured.

    `networks` names every network involved with the hash of its weights; `n` counts the images behind each figure;
    `commits` are all versions of the code that contributed; `version` is the experiment's, raised when its figures
    would change. Numbers, words, tuples and dicts of these lie in JSON, tensors beside them in the same file.
    """

    networks: Mapping[str, str]
    data: str
    seed: int
    n: int
    commits: tuple[str, ...]
    precision: str
    device: str
    version: int

    @property
    def same_networks(self) -> bool:
        """Say whether every network involved is here with the very weights that were measured."""
        return all(checkpoints.current(name, sha256) for name, sha256 in self.networks.items())

    @property
    def subject(self) -> dict[str, Any]:
        """Return what was measured, without what was found: measuring is resumed where all of this is the same."""
        words = {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), str)}
        return dict(words, networks=dict(self.networks), seed=self.seed, version=self.version)


R = TypeVar("R", bound=Result)


class Store(Generic[R]):
    """The results of one experiment, by key: a network's name, or one that begins with it and a dot, or words."""

    def __init__(self, name: str, kind: type[R], version: int = 1) -> None:
        self.name, self.kind, self.version = name, kind, version

    def provenance(
        self, cards: Iterable[Card], dataset: Dataset, precision: str, device: str = "cpu"
    ) -> dict[str, Any]:
        """Return the provenance of a result that is begun now: what `Result` asks for, on no image yet."""
        return dict(
            networks={card.name: card.sha256 for card in cards}, data=dataset.title, seed=SEED, n=0,
            commits=(checkpoints.commit(),), precision=precision, device=device, version=self.version,
        )  # fmt: skip

    def file(self, key: str) -> Path:
        """Return where a result lies; raises UserError for a key that is no plain name."""
        if not checkpoints.NAME.fullmatch(key):
            raise UserError(f"{key!r} is not the key of a result: use lower-case letters, digits, dots and dashes.")
        return checkpoints.FOLDER / "results" / self.name / key

    def stamp(self) -> int:
        """Return a number that changes when a result is written or deleted: when the folder was last changed."""
        folder = self.file("x").parent
        return folder.stat().st_mtime_ns if folder.exists() else 0

    def read(self, key: str) -> R | None:
        """Return a result whatever has become of its networks; None where there is none, or it cannot be read."""
        path = self.file(key)
        try:
            tensors: dict[str, Any] = {}
            if (whole := path.with_name(f"{key}.safetensors")).exists():
                with safe_open(whole, "pt") as found:
                    tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118  not a dict
                    record = json.loads(found.metadata()["result"])
            else:
                record = json.loads(path.with_name(f"{key}.json").read_text())
            return self.kind(**{name: _frozen(value) for name, value in record.items()}, **tensors)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, SafetensorError):
            return None

    def every(self) -> dict[str, R]:
        """Return all results that can be read, by key."""
        folder = self.file("x").parent
        names = (
            sorted({f.name.rpartition(".")[0] for f in folder.iterdir() if not f.name.startswith(".")})
            if folder.is_dir()
            else []
        )
        return {key: found for key in names if checkpoints.NAME.fullmatch(key) and (found := self.read(key))}

    def fresh(self, result: R) -> bool:
        """Say whether a result still holds: this version of the experiment, and these weights. The only such test."""
        return result.version == self.version and result.same_networks

    def current(self) -> dict[str, R]:
        """Return the results that hold, by key: what pages, reports and documents read."""
        return {key: found for key, found in self.every().items() if self.fresh(found)}

    def get(self, key: str) -> R | None:
        """Return a result if it holds; else it is not measured."""
        found = self.read(key)
        return found if found and self.fresh(found) else None

    def resume(self, key: str, begun: R) -> R:
        """Return what is known of the very thing that `begun` begins, signed by this version of the code too; else `begun`."""
        known = self.read(key)
        if known is None or known.subject != begun.subject:
            return begun
        return replace(known, commits=tuple(dict.fromkeys((*known.commits, *begun.commits))))

    def put(self, key: str, result: R) -> None:
        """Keep a result, whole or not at all; of the same thing the one on more images stays. Raises UserError where the disk refuses."""
        path = self.file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {f.name: getattr(result, f.name) for f in fields(result)}
        tensors = {name: value.contiguous() for name, value in values.items() if isinstance(value, Tensor)}
        record = json.dumps({name: value for name, value in values.items() if name not in tensors}, indent=1)
        with FileLock(path.with_name(f".{key}.lock")):
            known = self.read(key)
            if known and known.n > result.n and known.subject == result.subject:
                return
            if tensors:
                checkpoints.write(path.with_name(f"{key}.safetensors"), save_tensors(tensors, {"result": record}))
            else:
                checkpoints.write(path.with_name(f"{key}.json"), (record + "\n").encode())


@dataclass(frozen=True, eq=False)
class Experiment(Generic[R]):
    """How one kind of result comes about: `measure(key, n)` yields what is found so far, on ever more images up to n.

    `keys` lists all there is to measure; `n` is how many images are asked unless somebody says otherwise.
    """

    store: Store[R]
    title: str
    keys: Callable[[], list[str]]
    measure: Callable[[str, int], Iterator[R]]
    n: int


def slug(text: str) -> str:
    """Write any text as a key.

    >>> slug("non-local means, BlindGaussian(sigma_max=50.0)")
    'non-local-means-blindgaussian-sigma-max-50.0'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:64]


def _frozen(value: Any) -> Any:
    """Turn the lists of JSON back into tuples."""
    if isinstance(value, list):
        return tuple(_frozen(v) for v in value)
    return {k: _frozen(v) for k, v in value.items()} if isinstance(value, dict) else value
