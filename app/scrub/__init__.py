"""Client-side scrubbing: all frames go to the browser once, and sliding paints them there without a round trip."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from app import frames

HERE = Path(__file__).parent


@st.cache_resource
def _component() -> ComponentRenderer:
    return st.components.v2.component(
        "noisescope.scrub",
        html=(HERE / "scrub.html").read_text(),
        css=(HERE / "scrub.css").read_text(),
        js=(HERE / "scrub.js").read_text(),
    )


def scrub(packed: bytes, key: str, start: int | None = None) -> int | None:
    """Show packed frames (see `app.frames`) under a strength slider; return where it stands, as far as is known.

    `start` is where the slider stands when these frames appear; afterwards the visitor moves it. None leaves it where
    it is, or at a fifth of its length.
    """
    header = frames.header(packed)
    shown = st.session_state.get(f"{key}-shown")
    if shown is None or shown[0] != header["id"]:  # new frames; else the same message, which is not sent again
        shown = st.session_state[f"{key}-shown"] = header["id"], start
    data = frames.reheaded(packed, {**header, "start": shown[1]})
    moved = _component()(key=key, data=data, on_moved_change=lambda: None).get("moved")
    return int(moved["level"]) if moved and moved["id"] == header["id"] else shown[1]
