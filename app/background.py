"""Work that goes on behind a page, step by step on a thread, as long as somebody looks."""

import atexit
import logging
import time
from collections.abc import Iterator
from threading import Event, Lock, Thread
from threading import enumerate as enumerate_threads
from typing import Generic, TypeVar

import torch

from core import UserError

R = TypeVar("R")
PATIENCE = 2.0  # seconds until work that nobody looks at rests; whoever looks again sets it going again
PAUSE = 0.005  # seconds between two steps, in which other work that waits for the same turn begins
FAREWELL = 10.0  # seconds that a process waits for a step before it ends


GRACE = 3.0  # seconds after a failure in which the process may turn out to be ending, whose pools take no more work
NAME = "work behind a page"
closing = Event()


@atexit.register
def close() -> None:
    """Let steps under way end before the interpreter does: what is cut off in the middle of a network's code aborts the process."""
    closing.set()
    until = time.monotonic() + FAREWELL
    for thread in enumerate_threads():
        if thread.name == NAME:
            thread.join(max(0.0, until - time.monotonic()))


class Work(Generic[R]):
    """Steps taken on a thread: what they found, for all who look, and the share that is done of the one under way.

    A step is the next value of an iterator: a share from 0 to 1, or something found. Work that shares a `turn` takes one step
    at a time. What goes wrong ends it, with one sentence in `problem`.
    """

    def __init__(self, steps: Iterator[float | R], turn: Lock) -> None:
        self.found: list[R] = []
        self.share, self.done, self.problem = 0.0, False, ""
        self._steps, self._turn, self._lock = steps, turn, Lock()
        self._seen, self._thread = 0.0, Thread()

    def look(self) -> list[R]:
        """Return what is found so far, and see to it that the work goes on."""
        self._seen = time.monotonic()
        with self._lock:
            if not self.done and not self._thread.is_alive():
                self._thread = Thread(target=self._go_on, name=NAME, daemon=True)
                self._thread.start()
        return list(self.found)

    def finish(self) -> list[R]:
        """Return all that is found, when it is done."""
        while not self.done:
            self.look()
            self._thread.join()
        return list(self.found)

    def _go_on(self) -> None:
        torch.set_num_threads(1)
        while not self.done and not closing.is_set() and time.monotonic() - self._seen < PATIENCE:
            with self._turn:
                self._step()
            time.sleep(PAUSE)

    def _step(self) -> None:
        try:
            step = next(self._steps)
        except StopIteration:
            self.done = True
        except UserError as refusal:
            self.problem, self.done = str(refusal), True
        except Exception:
            if closing.wait(GRACE):
                return
            logging.getLogger("noisescope").exception("work behind a page failed")
            self.problem, self.done = "This could not be computed; the server's log says why.", True
        else:
            if isinstance(step, float):
                self.share = step
            else:
                self.share = 0.0
                self.found.append(step)
