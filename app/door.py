"""The door to heavy work: a few pieces at a time, in turns that are fair between visitors, each computed once for all who ask."""

import atexit
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from threading import Condition, Event, Thread, current_thread
from typing import Any, Generic, TypeVar

import torch

from app.held import Held, size
from core import UserError, parallel

R = TypeVar("R")
PLACES = max(1, parallel.cores() - 1)  # pieces of work that are computed at once; what is left is for light pages
SLICE = 1.0  # seconds a piece is at work before whoever is next has a turn
PATIENCE = 2.0  # seconds until work that nobody looks at rests; whoever looks again sets it going again
PAUSE = 0.002  # seconds between two steps, in which a light page gets on
IDLE = 5.0  # seconds without work until a thread ends
HELD = 256_000_000  # bytes of results that are kept
UNDER_WAY = 1_000_000_000  # bytes that large pieces may take together on the way, a single one even more
WEIGHT = 10_000_000  # bytes of them that a piece takes, unless it says otherwise; what takes more is large
FAREWELL = 10.0  # seconds that a process waits for a step before it ends
GRACE = 3.0  # seconds after a failure in which the process may turn out to be ending, whose pools take no more work
NAME = "work behind the door"
LOG = logging.getLogger("noisescope")


class Work(Generic[R]):
    """Steps taken behind the door: what they found, for all who look, and the share that is done of the one under way.

    A step is the next value of an iterator: a share from 0 to 1, or something found. What goes wrong ends it, with one
    sentence in `problem`. Until then it takes about `weight` bytes besides what it found.
    """

    def __init__(
        self, door: "Door", key: object, begin: Callable[[], Iterator[float | R]], visitor: str, weight: int
    ) -> None:
        self.key, self.visitor, self.weight = key, visitor, weight
        self.name = key[0] if isinstance(key, tuple) else key  # for the log: the rest may be what somebody brought
        self.seconds = 0.0  # at work
        self.found: list[R] = []
        self.share, self.nbytes, self.problem, self.seen = 0.0, 0, "", time.monotonic()
        self.ended = Event()
        self._door, self._begin = door, begin
        self._steps: Iterator[float | R] | None = None

    @property
    def done(self) -> bool:
        """Say whether there is no step left."""
        return self.ended.is_set()

    @property
    def begun(self) -> bool:
        """Say whether a step was taken, and others are left."""
        return self._steps is not None

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
            self.ended.wait(PATIENCE / 4)
        return list(self.found)

    def step(self) -> None:
        """Take one step; only the door does."""
        try:
            if self._steps is None:
                self._steps = self._begin()
            step = next(self._steps)
        except StopIteration:
            self._end()
        except UserError as refusal:
            self._end(str(refusal))
        except Exception:
            if not self._door.closing(GRACE):
                LOG.exception("work behind the door failed")
                self._end("This could not be computed; the server's log says why.")
        else:
            if isinstance(step, float):
                self.share = step
            else:
                self.share = 0.0
                self.found.append(step)
                self._weigh(self.nbytes + size(step))

    def give_up(self) -> None:
        """Let go of all it holds; it begins anew if somebody looks again. Only the door does, and not while it is at work."""
        self.found, self.share, self._steps = [], 0.0, None
        self._weigh(0)

    def _weigh(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self._door.held.weigh(self.key, nbytes)

    def _end(self, problem: str = "") -> None:
        self.problem, self._steps = problem, None
        self._begin = partial(iter, ())  # what it was made from may be large
        self.ended.set()


class Door:
    """Who may work: visitors in turn, a slice of time each, `places` at once, `each` of them one visitor's at most.

    Results are kept while there is room.
    """

    def __init__(self, places: int = PLACES, room: int = HELD, each: int | None = None) -> None:
        self._places, self._each = places, each or places
        self._changed = Condition()
        self._lines: dict[str, deque[Work[Any]]] = {}  # what waits, by visitor
        self._used: dict[str, float] = {}  # seconds each visitor has had: who has had least is next
        self._working: set[Work[Any]] = set()
        self._begun: list[Work[Any]] = []  # and not ended, the one that had a turn last at the end
        self.held: Held[Work[Any]] = Held(room, lambda work: work.wanted and not work.done)
        self._threads: list[Thread] = []
        self._closed = False
        atexit.register(self.close)

    def enter(
        self, key: object, begin: Callable[[], Iterator[float | R]], visitor: str = "", weight: int = WEIGHT
    ) -> Work[R]:
        """Return the work called `key`, which somebody may have begun; `begin` does, when it is its turn."""
        return self.held.enter(key, lambda: Work(self, key, begin, visitor, weight))

    def drop(self, key: object) -> None:
        """Let the work called `key` be begun anew by who asks next."""
        self.held.drop(key)

    def line_up(self, work: Work[Any]) -> None:
        """Let work wait for its turn, unless it does, or is at work."""
        with self._changed:
            if work in self._working or self._closed:
                return
            if work not in self._lines.get(work.visitor, ()):
                self._lines.setdefault(work.visitor, deque()).append(work)
                least = min(self._used.values(), default=0.0)  # no credit for the time before
                self._used.setdefault(work.visitor, least)
                self._changed.notify_all()
                if not work.begun:
                    LOG.info("%s waits for '%s', turns before it: %d", work.visitor, work.name, self.ahead(work))
            if len(self._threads) < self._places:
                self._threads.append(Thread(target=self._serve, name=NAME, daemon=True))
                self._threads[-1].start()

    def ahead(self, work: Work[Any]) -> int:
        """Count the turns before that of some work; 0 where it is at work, or next."""
        with self._changed:
            line = self._lines.get(work.visitor, deque())
            if work not in line:
                return 0
            place, mine = line.index(work), self._had(work.visitor)
            others = ((self._had(v) < mine, len(line)) for v, line in self._lines.items() if v != work.visitor)
            return place + sum(min(length, place + first) for first, length in others)

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
            self._changed.wait_for(lambda: self._closed or self._ready(), IDLE)
            work = None if self._closed else self._ready()
            if work is None:
                self._threads.remove(current_thread())
                return None
            self._lines[work.visitor].remove(work)
            self._working.add(work)
            self._begun = [*(one for one in self._begun if one is not work), work]
            return work

    def _ready(self) -> Work[Any] | None:
        """Return the work whose turn it is: of who has had least, the first that there is memory for."""
        if not self._others():
            return None
        may = [visitor for visitor in sorted(self._lines, key=self._had) if self._at_work(visitor) < self._each]
        return next((work for visitor in may for work in self._lines[visitor] if self._fits(work)), None)

    def _fits(self, work: Work[Any]) -> bool:
        """Say whether there is memory for work; to make some, work that rests is given up, that which rests longest first.

        What has begun goes on, what is small is always let in, and what is too large for all there is comes one at a time.
        """
        others = [one for one in self._begun if one is not work]
        resting = [one for one in others if not one.wanted and one not in self._working]
        while resting and sum(one.weight for one in (*others, work)) > UNDER_WAY:
            one = resting.pop(0)
            others.remove(one)
            self._begun.remove(one)
            one.give_up()
        large = [one.weight for one in others if one.weight > WEIGHT]
        return work.begun or work.weight <= WEIGHT or not large or sum(large) + work.weight <= UNDER_WAY

    def _had(self, visitor: str) -> float:
        """Count the seconds a visitor has had, what is at work for a slice in advance."""
        return self._used[visitor] + SLICE * self._at_work(visitor)

    def _at_work(self, visitor: str) -> int:
        return sum(work.visitor == visitor for work in self._working)

    def _others(self) -> bool:
        """Say whether work waits that somebody wants; forget what nobody does, and visitors who want nothing."""
        with self._changed:
            for work in (work for line in self._lines.values() for work in line if not work.wanted and not work.begun):
                self.held.drop(work.key)  # with all that it is to be made from
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
            if work.done:
                self._begun.remove(work)
            elif work.wanted:
                self._lines.setdefault(work.visitor, deque()).append(work)
            self._changed.notify_all()
