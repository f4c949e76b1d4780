"""A run as it lies on disk: a folder that everybody may read, at any moment.

It holds its recipe (config.json), what it is doing (status.json), its metrics (metrics.jsonl: a line every quarter of a
second and one after each epoch), its log, its state (state.pt, and the one before it), and after each epoch a sample and
its network as it is then. Any of it may be damaged, and then counts as not there, or the run as damaged. The process of a run holds a lock on `alive` as long as it lives; `request` is what it is asked to do.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from core import UserError, checkpoints, records
from core.checkpoints import NAME, Card
from core.runs import locks
from core.training import recipes
from core.training.recipes import Recipe

ROOT = Path(__file__).parents[2]
ACTIVE = ("queued", "running")
METRICS = ({"step", "loss"}, {"epoch", "step", "loss", "score"})  # what a line of them says
TOLD = 1 << 16  # bytes of a log that are read
PATIENCE = 10.0  # seconds: who has just stopped holds its lock until it is gone

State = Literal["queued", "running", "paused", "stopped", "done", "failed", "died"]
Request = Literal["pause", "stop"]


def root() -> Path:
    """Return where runs are kept: NOISESCOPE_RUNS, else runs/ beside the code."""
    return Path(os.environ.get("NOISESCOPE_RUNS") or ROOT / "runs").resolve()


@dataclass(frozen=True)
class Status:
    """What the process of a run last said of itself; raises ValueError for what no process says."""

    state: State = "queued"
    why: str = ""  # one sentence, where something is the matter
    step: int = 0
    steps: int = 0
    speed: float = 0.0  # images per second
    queued: float = 0.0  # when it joined the queue, seconds since the epoch
    beat: int = 0  # grows as long as the process is at work
    process: int = 0  # its number

    def __post_init__(self) -> None:
        if min(self.step, self.steps - self.step, self.speed, self.queued, self.beat, self.process) < 0:
            raise ValueError(f"{self} is impossible.")


@dataclass(frozen=True)
class Run:
    """A run as it lies on disk, and whether its process lives."""

    id: str
    recipe: Recipe
    status: Status
    alive: bool

    @property
    def state(self) -> State:
        """Say what the run is doing: "died" where its process ended without a word."""
        return "died" if self.status.state in ACTIVE and not self.alive else self.status.state

    @property
    def active(self) -> bool:
        """Say whether it trains or waits for its slot; a process that only takes its leave does neither."""
        return self.alive and self.status.state in ACTIVE

    @property
    def left(self) -> float:
        """Estimate the seconds that are left; not a number before the first step."""
        rest = (self.status.steps - self.status.step) * self.recipe.batch
        return rest / self.status.speed if self.status.speed else float("nan")


def path(run: str, *parts: str) -> Path:
    """Return where a file of a run lies; raises UserError for a name that is not a run's (`../../x`)."""
    if not NAME.fullmatch(run):
        raise UserError(f"{run!r} is not the name of a run.")
    return root().joinpath(run, *parts)


def every() -> list[Run]:
    """Return all runs that can be read, the newest first."""
    found = [run for run in _all().values() if isinstance(run, Run)]
    return sorted(found, key=lambda run: (run.status.queued, run.id), reverse=True)


def damaged() -> dict[str, str]:
    """Return what is wrong with each run that cannot be read, a sentence by name."""
    return {name: str(refusal) for name, refusal in _all().items() if isinstance(refusal, UserError)}


def _all() -> dict[str, Run | UserError]:
    """Return every run by its name, or why it cannot be read."""
    found: dict[str, Run | UserError] = {}
    with suppress(OSError):
        for place in root().iterdir():
            if NAME.fullmatch(place.name) and place.is_dir():
                try:
                    found[place.name] = read(place.name)
                except UserError as refusal:
                    found[place.name] = refusal
    return found


def read(run: str) -> Run:
    """Return a run; raises UserError where it is not there or only half there."""
    try:
        recipe = recipes.parse(record(run))
    except FileNotFoundError:
        if path(run).is_dir() and not alive(run):
            raise UserError(f"The run {run} is only half there: delete it.") from None
        raise UserError(f"There is no run {run!r} any more.") from None
    except (OSError, ValueError, KeyError):
        raise UserError(f"The run {run} is damaged: delete it.") from None
    except UserError as refusal:
        raise UserError(f"The run {run} cannot be read. {refusal}") from None
    return Run(run, recipe, status(run), alive(run))


def record(run: str) -> dict[str, Any]:
    """Return the record of a run's recipe, and the hash of the weights it began with; raises OSError or ValueError."""
    return records.loads(path(run, "config.json").read_bytes())


def status(run: str) -> Status:
    """Return what the process of a run last said; of a run that never spoke, or whose word is damaged, that it waits."""
    try:
        return records.build(Status, records.loads(path(run, "status.json").read_bytes()))
    except (OSError, ValueError):
        return Status()


def alive(run: str) -> bool:
    """Say whether the process of a run lives: it holds a lock."""
    return locks.taken(path(run, "alive"))


@contextmanager
def living(run: str) -> Iterator[int]:
    """Hold the lock that says that a process is at work on a run, and yield its file's number, to be handed over.

    Raises UserError where another process holds it, OSError where the disk refuses.
    """
    file = locks.opened(path(run, "alive"), PATIENCE)
    if not file:
        raise UserError(f"{run} is at work already.")
    with file:
        yield file.fileno()


def create(run: str, recipe: Recipe) -> None:
    """Make the folder of a run; raises UserError where the disk refuses."""
    checkpoints.write(path(run, "config.json"), encoded(recipes.provenance(recipe)))


def network(run: str) -> tuple[Card, bytes]:
    """Return the card and the weights a run has reached; raises UserError before its first epoch has ended."""
    for _ in range(20):  # the two are written one after the other
        try:
            weights = path(run, "network.safetensors").read_bytes()
            card = checkpoints.parsed(path(run, "network.json").read_bytes())
        except FileNotFoundError:
            raise UserError(f"{run} has no network yet: wait for the end of its first epoch.") from None
        except (OSError, ValueError):
            break
        if checkpoints.digest(weights) == card.sha256 and card.name == run:
            return card, weights
        if not alive(run):
            break
        time.sleep(0.05)
    raise UserError(f"The network of {run} is damaged, or only half written: resume the run, which writes it anew.")


@dataclass(eq=False)
class Metrics:
    """The metrics of a run, of which only what is new is read; several threads may ask at once.

    A run that is resumed writes its file anew, without what came after its last saved state: then all is read again.
    """

    run: str
    _lines: list[dict[str, float]] = field(default_factory=list)
    _read: int = 0  # bytes
    _last: bytes = b""  # line
    _lock: Lock = field(default_factory=Lock)

    def lines(self) -> list[dict[str, float]]:
        """Return all lines so far: {step, loss} as it goes, {epoch, step, loss, score} after each epoch."""
        with self._lock, suppress(OSError), open(path(self.run, "metrics.jsonl"), "rb") as file:
            file.seek(self._read - len(self._last))
            new = file.read()
            if not new.startswith(self._last):
                self._lines, self._read, self._last = [], 0, b""
                file.seek(0)
                new = file.read()
            for line in new[len(self._last) :].splitlines(keepends=True):
                if not line.endswith(b"\n"):  # half written, or a killed process's
                    break
                self._read, self._last = self._read + len(line), line
                with suppress(ValueError):
                    self._lines.append(_metric(line))
        return list(self._lines)


def _metric(line: bytes) -> dict[str, float]:
    """Return a line of metrics; raises ValueError where it is damaged, or the loss was no number."""
    found = records.loads(line)
    if found.keys() not in METRICS or not records.fits(found, dict[str, float]):
        raise ValueError("This is no line of metrics.")
    return found


def lines(run: str) -> list[dict[str, float]]:
    """Return the metrics of a run, read once."""
    return Metrics(run).lines()


def sampled(run: str) -> tuple[int, ...]:
    """Return when each sample of a run was written, in nanoseconds: it changes where `samples` would give others."""
    files = sorted(path(run, "samples").glob("*.safetensors"))
    return tuple(file.stat().st_mtime_ns for file in files if file.is_file())


def samples(run: str) -> list[dict[str, Tensor]]:
    """Return what the run made of the same few test images before its first epoch and after each, as far as it is whole.

    Each is "input" (N, C, H, W), "truth" (the same, or labels (N,)) and "output" (N, C, H, W), or probabilities (N, 10); of some
    also "filters" (M, 1, K, K) and "maps" (M, h, w) of the first layer.
    """
    found: list[dict[str, Tensor]] = []
    for file in sorted(path(run, "samples").glob("*.safetensors")):
        with suppress(OSError, TypeError, SafetensorError):
            sample = load_tensors(file.read_bytes())
            if _whole(sample) and (not found or _shapes(sample) == _shapes(found[0])):
                found.append(sample)
    return found


def _shapes(sample: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in sample.items()}


def _whole(sample: dict[str, Tensor]) -> bool:
    """Say whether a sample is of pictures, and of labels and probabilities or of pictures again, perhaps of a first layer; all of it finite."""
    first = sample.keys() - {"input", "output", "truth"}
    if first not in (set(), {"filters", "maps"}) or not all(bool(t.isfinite().all()) for t in sample.values()):
        return False
    if first and not (
        sample["filters"].ndim == 4 and sample["maps"].ndim == 3 and len(sample["filters"]) == len(sample["maps"])
    ):
        return False
    seen, output, truth = (sample[name] for name in ("input", "output", "truth"))
    pictures = (
        seen.ndim == 4 and len(seen) > 0 and seen.shape[1] in (1, 3) and seen.dtype == output.dtype == torch.float32
    )
    read = truth.dtype == torch.int64 and truth.shape == seen.shape[:1] and output.shape == (len(seen), 10)
    cleaned = truth.dtype == torch.float32 and truth.shape == output.shape == seen.shape
    return pictures and (read or cleaned)


def log(run: str, count: int = 30) -> str:
    """Return the last lines of a run's log; "" where there is none."""
    with suppress(OSError), open(path(run, "log.txt"), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TOLD))
        return "\n".join(file.read(TOLD).decode(errors="replace").splitlines()[-count:])
    return ""


def encoded(value: Any, indent: int | None = 1) -> bytes:
    """Return a value as JSON, as the files of a run hold it."""
    return (json.dumps(value, indent=indent) + "\n").encode()
