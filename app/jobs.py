"""Measuring in the background: a curve at a time, in turns with what visitors ask for, watched by every session."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor

from app.door import Door, Work
from core.checkpoints import Card
from core.data.datasets import Dataset
from core.experiments import accuracy
from core.experiments.accuracy import Curve
from core.experiments.trial import Corruption
from core.networks.digits import Classifier

MEASURING = "measurements"  # share their turns, as one visitor


@dataclass(eq=False)
class Job:
    """A sweep under way: what it has counted, how far it is, and a way to stop it."""

    model: Classifier
    card: Card
    dataset: Dataset
    corruption: Corruption
    levels: tuple[float, ...]
    seed: int
    door: Door
    turn: threading.Lock
    counts: Tensor | None = None
    problem: str = ""
    began: float = 0.0
    halt: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Say whether it is still measuring, or waiting for its turn."""
        return self.thread is not None and self.thread.is_alive()

    @property
    def n(self) -> int:
        """Count the images measured so far."""
        return 0 if self.counts is None else int(self.counts[0].sum())

    def curve(self) -> Curve | None:
        """Return what has been measured so far."""
        if self.counts is None:
            return None
        begun = accuracy.begin(accuracy.STORE, self.card, self.dataset, self.corruption, self.levels)
        return accuracy.grown(replace(begun, seed=self.seed), self.counts)

    def state(self) -> str:
        """Say how far it is and how long it will take, in a few words."""
        if not self.n:
            return "waiting for its turn" if not self.began else "starting"
        left = (time.monotonic() - self.began) * (len(self.dataset) - self.n) / self.n
        return f"{self.n:,} of {len(self.dataset):,} images, about {left:.0f} s left"

    def run(self) -> None:
        """Measure behind the door until done or stopped; what goes wrong is one sentence in `problem`."""
        with self.turn:
            self.began = time.monotonic()
            work: Work[None] = self.door.enter(self, self.steps, MEASURING)
            work.finish()
            self.door.drop(self)
            self.problem = work.problem

    def steps(self) -> Iterator[float]:
        """Count batch after batch, then keep the curve; yields the share that is counted."""
        for counts in accuracy.sweep(self.model, self.dataset, self.corruption, self.levels, self.seed):
            if self.halt.is_set():
                break
            self.counts = counts
            yield self.n / len(self.dataset)
        if measured := self.curve():
            accuracy.BESIDE.put(accuracy.key(self.card.name, self.corruption, self.dataset), measured)


class Jobs:
    """All sweeps of this server, by network and family of corruption."""

    def __init__(self, door: Door) -> None:
        self._door, self._lock, self._turn = door, threading.Lock(), threading.Lock()
        self._jobs: dict[tuple[str, str], Job] = {}

    def start(
        self,
        model: Classifier,
        card: Card,
        dataset: Dataset,
        corruption: Corruption,
        levels: tuple[float, ...],
        seed: int,
    ) -> tuple[Job, bool]:
        """Start a sweep, or join the one somebody else has started: the job, and whether it is new."""
        key = card.name, type(corruption).__name__
        with self._lock:
            known = self._jobs.get(key)
            if known and known.running and not known.halt.is_set():
                return known, False
            job = Job(model, card, dataset, corruption, levels, seed, self._door, self._turn)
            job.thread = threading.Thread(target=job.run, daemon=True)
            self._jobs[key] = job
            job.thread.start()
            return job, True

    def running(self) -> list[Job]:
        """Return the sweeps under way that nobody has stopped."""
        return [job for job in list(self._jobs.values()) if job.running and not job.halt.is_set()]

    def problems(self) -> list[str]:
        """Return what went wrong in sweeps that have ended, until they are started again."""
        return [job.problem for job in list(self._jobs.values()) if job.problem and not job.running]
