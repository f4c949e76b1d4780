"""Parts of a page that run again alone, and what is said where one goes wrong."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from app import address, cache, received
from app.turns import result, said, visitor
from core import UserError

R = TypeVar("R")


@contextmanager
def answered(title: str) -> Iterator[None]:
    """Let whatever goes wrong in the block be one sentence on the page; the log has the rest."""
    try:
        yield
        address.publish()
    except StopException:  # there is no more to choose from until something else is chosen
        address.publish()
        address.leave()
        raise
    except UserError as refusal:
        address.leave()
        st.warning(received.plain(str(refusal)), icon=":material/info:")
    except Exception:
        address.leave()
        logging.getLogger("noisescope").exception("page %s failed", title)
        sentence = "This page could not be drawn. Reload it; if it happens again, the server's log says why."
        st.warning(sentence, icon=":material/info:")


def part(draw: Callable[[], object], title: str, every: float | None = None) -> None:
    """Draw a part of the page `title`, which is all that runs again when a visitor turns something in it, or `every` so many seconds."""

    def drawn() -> None:
        with answered(title):
            draw()

    st.fragment(drawn, run_every=every)()


def looked(key: object, steps: Callable[[], Iterator[float | R]], doing: str) -> R | None:
    """Return the last result of work behind the door when it is done; until then say how far it is, and do not wait.

    It goes on as long as somebody looks again within a moment. Raises UserError where it refuses.
    """
    door = cache.door()
    work = door.enter(key, steps, visitor())
    work.look()
    place = st.empty()  # always there, as in app/turns.py
    if work.done:
        return result(work, door)
    place.progress(work.share, said(door.ahead(work), f"{doing}, {100 * work.share:.0f} %"))
    return None
