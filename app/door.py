"""The door to heavy work: a few pieces at a time, in turns that are fair between visitors, each computed once for all who ask."""

import atexit
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from threading import Condition, Thread, current_thread
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from core import UserError, parallel

R = TypeVar("R")
PLACES = max(1, parallel.cores() - 1)  # pieces of work that are computed at once; what is left is for light pages
SLICE = 1.0  # seconds a piece is at work before whoever is next has a turn
PATIENCE = 2.0  # seconds until work that nobody looks at rests; whoever looks again sets it going again
PAUSE = 0.002  # seconds between two steps, in which a light page gets on
IDLE = 5.0  # seconds without work until a thread ends
HELD = 256_000_000  # bytes of results that are kept
FAREWELL = 10.0  # seconds that a process waits for a step before it ends
GRACE = 3.0  # seconds after a failure in which the process may turn out to be ending, whose pools take no more work
NAME = "work behind the door"
LOG = logging.getLogger("noisescope")


class Work(Generic[R]):
    """Steps taken behind the door: what they found, for all who look, and the share that is done of the one under way.

    A step is the next value of an iterator: a share from 0 to 1, or something found. What goes wrong ends it, with one
    sentence in `problem`.
    """

    def __init__(self, door: "Door", steps: Iterator[float | R], visitor: str, key: object = "") -> None:
        self.name = key[0] if isinstance(key, tuple) else key  # for the log: the rest may be what somebody brought
        self.seconds = 0.0  # at work
        self.found: list[R] = []
        self.share, self.done, self.problem = 0.0, False, ""
        self.visitor, self.seen = visitor, time.monotonic()
        self._door, self._steps = door, steps

    @property
    def wanted(self) -> bool:
        """Say whether somebody still looks."""
        return time.monotonic() - self.seen < PATIENCE

    def look(self) -> list[R]:
        """Return what is found so far, and see to it that the work goes on."""
        self.seen = time.monotonic()
        if not self.done:
            self._door.line_up(self)
        return list(self.found)

    def finish(self) -> list[R]:
        """Return all that is found, when it is done."""
        while not self.done:
            self.look()
            self._door.wait(self, PATIENCE / 4)
        return list(self.found)

    def step(self) -> None:
        """Take one step; only the door does."""
        try:
            step = next(self._steps)
        except StopIteration:
            self.done = True
        except UserError as refusal:
            self.problem, self.done = str(refusal), True
        except Exception:
            if self._door.closing(GRACE):
                return
            LOG.exception("work behind the door failed")
            self.problem, self.done = "This could not be computed; the server's log says why.", True
        else:
            if isinstance(step, float):
                self.share = step
            else:
                self.share = 0.0
                self.found.append(step)


class Door:
    """Who may work: visitors in turn, a slice of time each, `places` at once. Results are kept while there is room."""

    def __init__(self, places: int = PLACES, room: int = HELD) -> None:
        self._places, self._room = places, room
        self._changed = Condition()
        self._lines: dict[str, deque[Work[Any]]] = {}  # what waits, by visitor
        self._used: dict[str, float] = {}  # seconds each visitor has had: who has had least is next
        self._working: set[Work[Any]] = set()
        self._held: OrderedDict[object, Work[Any]] = OrderedDict()  # by key, the one asked for last at the end
        self._threads: list[Thread] = []
        self._closed = False
        atexit.register(self.close)

    def enter(self, key: object, steps: Callable[[], Iterator[float | R]], visitor: str = "") -> Work[R]:
        """Return the work called `key`, which somebody may have begun; `steps` begins it."""
        with self._changed:
            found: Work[R] = self._held[key] if key in self._held else Work(self, steps(), visitor, key)
            self._held[key] = found
            self._held.move_to_end(key)
            return found

    def drop(self, key: object) -> None:
        """Let the work called `key` be begun anew by who asks next."""
        with self._changed:
            self._held.pop(key, None)

    def line_up(self, work: Work[Any]) -> None:
        """Let work wait for its turn, unless it does, or is at work."""
        with self._changed:
            if work in self._lines.get(work.visitor, ()) or work in self._working or self._closed:
                return
            self._lines.setdefault(work.visitor, deque()).append(work)
            self._used.setdefault(work.visitor, min(self._used.values(), default=0.0))  # no credit for the time before
            if not work.seconds:
                LOG.info("%s waits for '%s', turns before it: %d", work.visitor, work.name, self.ahead(work))
            if len(self._threads) < self._places:
                self._threads.append(Thread(target=self._serve, name=NAME, daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()

    def ahead(self, work: Work[Any]) -> int:
        """Count the turns before that of some work; 0 where it is at work, or next."""
        with self._changed:
            line = self._lines.get(work.visitor, deque())
            if work not in line:
                return 0
            place, mine = line.index(work), self._had(work.visitor)
            others = ((self._had(v) < mine, len(line)) for v, line in self._lines.items() if v != work.visitor)
            return place + sum(min(length, place + first) for first, length in others)

    def wait(self, work: Work[Any], seconds: float) -> None:
        """Wait until work is done, or for so long."""
        with self._changed:
            self._changed.wait_for(lambda: work.done or self._closed, seconds)

    def closing(self, seconds: float) -> bool:
        """Say whether the process ends, now or within some seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)

    def close(self) -> None:
        """Let steps under way end before the interpreter does: what is cut off in the middle of a network's code aborts the process."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        until = time.monotonic() + FAREWELL
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))

    def _serve(self) -> None:
        torch.set_num_threads(1)
        while work := self._next():
            began = time.monotonic()
            while not work.done and work.wanted and not self._closed:
                work.step()
                time.sleep(PAUSE)
                if time.monotonic() - began > SLICE and self._others():
                    break
            self._back(work, time.monotonic() - began)

    def _next(self) -> Work[Any] | None:
        """Take the work whose turn it is, as soon as there is any; None at the end, and when there was none for long."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._others(), IDLE) or self._closed:
                self._threads.remove(current_thread())
                return None
            work = self._lines[min(self._lines, key=self._had)].popleft()
            self._working.add(work)
            return work

    def _had(self, visitor: str) -> float:
        """Count the seconds a visitor has had, what is at work for a slice in advance."""
        return self._used[visitor] + SLICE * sum(work.visitor == visitor for work in self._working)

    def _others(self) -> bool:
        """Say whether work waits that somebody wants; forget what nobody does, and visitors who want nothing."""
        with self._changed:
            waiting = {v: deque(work for work in line if work.wanted) for v, line in self._lines.items()}
            self._lines = {visitor: line for visitor, line in waiting.items() if line}
            here = {*self._lines, *(work.visitor for work in self._working)}
            self._used = {visitor: seconds for visitor, seconds in self._used.items() if visitor in here}
            return bool(self._lines)

    def _back(self, work: Work[Any], seconds: float) -> None:
        """Let work go to the end of its visitor's line, or out."""
        with self._changed:
            self._used[work.visitor] += seconds
            work.seconds += seconds
            if work.done:
                LOG.info("%s has '%s' after %.1f s of work", work.visitor, work.name, work.seconds)
            self._working.discard(work)
            if not work.done and work.wanted:
                self._lines.setdefault(work.visitor, deque()).append(work)
            self._forget()
            self._changed.notify_all()

    def _forget(self) -> None:
        """Forget the results that were asked for longest ago, until the others have room."""
        sizes = {key: size(work.found) for key, work in self._held.items()}
        for key, work in list(self._held.items())[:-1]:
            if sum(sizes.values()) <= self._room:
                break
            if work.done or not work.wanted:
                del self._held[key], sizes[key]


def size(value: object) -> int:
    """Estimate how many bytes a value holds: tensors, arrays and bytes by what is in them, all else by its parts."""
    if isinstance(value, Tensor):
        return value.nelement() * value.element_size()
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes | str):
        return len(value)
    if is_dataclass(value):
        return sum(size(getattr(value, f.name)) for f in fields(value))
    if isinstance(value, dict):
        return sum(size(key) + size(part) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return sum(map(size, value))
    return 32
