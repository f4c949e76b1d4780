"""Measure an adopted network in a process of its own, as a run trains: it goes on when the page is closed."""

import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from core import UserError, checkpoints
from core.experiments.registry import EXPERIMENTS
from core.experiments.results import Experiment
from core.runs import folder
from core.runs.control import environment
from core.training.recipes import RECIPES

TOLD = 2000  # bytes of what a process has said that are read for why it ended


def experiment(name: str) -> Experiment[Any]:
    """Return what tells most of a network: how it reads digits, or how it takes noise away. Raises UserError where it is gone."""
    return EXPERIMENTS["denoising" if "noise" in checkpoints.read(name).recipe else "accuracy"]


def share(name: str) -> float:
    """Say how much of that is measured already, from 0 to 1. Raises UserError where the network is gone."""
    it = experiment(name)
    counts = [(found.n if (found := it.store.get(key)) else 0, it.n(key)) for key in it.keys(name)]
    return sum(min(n, wanted) for n, wanted in counts) / sum(wanted for _, wanted in counts)


@dataclass(frozen=True, eq=False)
class Process:
    """A process that measures, and the file it writes its words to."""

    popen: "subprocess.Popen[bytes]"
    words: IO[bytes]
    began: float  # by time.monotonic()
    first: float  # the share that was measured already

    @property
    def why(self) -> str:
        """Say in one sentence why it ended without an end; an empty word where it did not, or was stopped."""
        if self.popen.poll() in (None, 0, 130, -signal.SIGINT):
            return ""
        self.words.seek(0)
        lines = self.words.read()[-TOLD:].decode(errors="replace").split()
        return " ".join(lines[-40:])


class Measuring:
    """The processes that this app has started, by network; one more than there is does not start."""

    def __init__(self) -> None:
        self._lock, self._known = threading.Lock(), dict[str, Process]()

    def start(self, name: str) -> None:
        """Begin, or go on where it was stopped. Raises UserError where it ships or is gone, is being measured, or memory is short."""
        if name in RECIPES:
            raise UserError(f"{name} comes with Noisescope: its results are measured by `python -m core measure`.")
        command = [sys.executable, "-m", "core", "measure", experiment(name).store.name, name]
        with self._lock:
            if self.running(name):
                raise UserError(f"{name} is being measured already: somebody was faster.")
            words = TemporaryFile()  # noqa: SIM115  open as long as it may be asked
            try:
                popen = subprocess.Popen(
                    command, cwd=folder.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words,
                    start_new_session=True, env={"NOISESCOPE_NICE": "10", **environment(), "OMP_NUM_THREADS": "1"},
                )  # fmt: skip
            except OSError as error:
                raise UserError(f"Nothing could be started ({error.strerror}): free some memory.") from None
            self._known[name] = Process(popen, words, time.monotonic(), share(name))

    def running(self, name: str) -> bool:
        """Say whether a network is being measured."""
        return name in self._known and self._known[name].popen.poll() is None

    def left(self, name: str) -> float | None:
        """Estimate how many seconds the measuring of a network still takes; None as long as too little is known."""
        one, now = self._known[name], share(name)
        return (time.monotonic() - one.began) * (1 - now) / (now - one.first) if now > one.first else None

    def stop(self, name: str) -> None:
        """Ask a process to end; what it has measured is kept. Raises UserError where there is none any more."""
        if not self.running(name):
            raise UserError(f"{name} is not being measured any more.")
        self._known[name].popen.send_signal(signal.SIGINT)

    def why(self, name: str) -> str:
        """Say in one sentence why the measuring of a network ended without an end; an empty word where it did not."""
        return self._known[name].why if name in self._known else ""
