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
        js=(HERE.parent / "paint.js").read_text() + (HERE / "scrub.js").read_text(),
    )


def scrub(packed: bytes, key: str, start: int | None = None, anew: bool = False) -> int | None:
    """Show packed frames (see `app.frames`) under a strength slider; return where it stands, as far as is known.

    The slider stands at `start` (None: at a fifth of its length) when the frames appear, or when `anew` says so;
    afterwards the visitor moves it.
    """
    header = frames.header(packed)
    shown: tuple[str, int | None, int] | None = st.session_state.get(f"{key}-shown")
    if shown is None or shown[0] != header["id"] or anew:
        shown = header["id"], start, (shown[2] + 1 if shown else 0)
        st.session_state[f"{key}-shown"] = shown
    token = f"{shown[0]}-{shown[2]}"  # otherwise the message stays the same on a rerun, and is not sent again
    data = frames.reheaded(packed, {**header, "start": shown[1], "id": token})
    moved = _component()(key=key, data=data, on_moved_change=lambda: None).get("moved")
    return int(moved["level"]) if moved and moved["id"] == token else shown[1]
