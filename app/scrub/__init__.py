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
    """Show packed frames (see `app.frames`) under a strength slider; return where it was last let go, None if untouched.

    `start` is where the slider stands when these frames appear first; afterwards it stays where it is.
    """
    frozen = st.session_state.setdefault(f"{key}-start", {})
    header = frames.header(packed)
    place = frozen.setdefault(header["id"], start)  # the same message on every rerun is not sent again
    result = _component()(
        key=key, data=frames.reheaded(packed, {**header, "start": place}), on_level_change=lambda: None
    )
    level = result.get("level")
    return int(level) if level is not None else None
