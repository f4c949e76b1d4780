"""Waiting for a turn at the door: what is done, how far it is, and how many come first."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeVar

import streamlit as st

from app import address, cache
from app.door import WEIGHT, Door, Work
from core import UserError

R = TypeVar("R")
SESSIONS = count(1)
QUICK = 0.15  # seconds in which work may be done before anything is said of it
LOOK = 0.1  # seconds between two looks at what is at work
QUEUE = 0.3  # seconds between two looks at what waits, which many may do


def watched(
    key: object, steps: Callable[[], Iterator[float | R]], doing: str, weight: int = WEIGHT, door: Door | None = None
) -> R:
    """Wait for work behind the door and return its last result, saying how far it is, or how many are before it.

    The work called `key` is done once for all who ask, and kept; `steps` begins it, and on the way it takes about `weight`
    bytes. It rests when the visitor leaves. `door` is that of work in this process unless another is named. Raises UserError
    where the work refuses.
    """
    door = door or cache.door()
    work = door.enter(key, steps, visitor(), weight)
    work.look()
    place = st.empty()  # always there: what comes below it would begin anew where it moved up
    if not work.ended.wait(QUICK):
        address.publish()
        with place:
            while not work.done:
                work.look()
                ahead = door.ahead(work)
                st.progress(work.share, said(ahead, f"{doing}, {100 * work.share:.0f} %"))
                work.ended.wait(QUEUE if ahead else LOOK)
            st.write("")
    return result(work, door)


def result(work: Work[R], door: Door) -> R:
    """Return what work that is done has found. Raises UserError where it refused; who asks again may have better luck."""
    if work.problem:
        door.drop(work.key)
        raise UserError(work.problem)
    return work.found[-1]


def made(key: object, make: Callable[[], bytes]) -> bytes:
    """Make a file behind the door for a visitor who presses a download's button, and keep it. Raises UserError."""

    def work() -> Iterator[float | bytes]:
        yield make()

    file: Work[bytes] = cache.door().enter(key, work)
    file.finish()
    return result(file, cache.door())


def visitor() -> str:
    """Return what tells the sessions of this server apart, and says nothing of who they are: the log has it too."""
    if "visitor" not in st.session_state:
        st.session_state["visitor"] = f"session {next(SESSIONS)}"
    return str(st.session_state["visitor"])


def said(ahead: int, doing: str) -> str:
    """Say what is being done, or how many turns of others come first."""
    return doing if not ahead else f"Waiting: {ahead} {'turn' if ahead == 1 else 'turns'} of other work before yours"
