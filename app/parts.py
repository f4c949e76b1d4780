"""Parts of a page that run again alone, and what is said where one goes wrong."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from app import address, received
from core import UserError


@contextmanager
def answered(title: str) -> Iterator[None]:
    """Let whatever goes wrong in the block be one sentence on the page; the log has the rest."""
    try:
        yield
    except UserError as refusal:
        address.leave()
        st.warning(received.plain(str(refusal)), icon=":material/info:")
    except Exception:
        address.leave()
        logging.getLogger("noisescope").exception("page %s failed", title)
        sentence = "This page could not be drawn. Reload it; if it happens again, the server's log says why."
        st.warning(sentence, icon=":material/info:")


def part(draw: Callable[[], None], title: str) -> None:
    """Draw a part of the page `title`, which is all that runs again when a visitor turns something in it."""

    def drawn() -> None:
        with answered(title):
            draw()

    st.fragment(drawn)()
