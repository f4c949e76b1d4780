"""Pictures of one image side by side, slid through on the client; several strips of a page follow one slider."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from app import frames

HERE = Path(__file__).parent


@st.cache_resource
def _component() -> ComponentRenderer:
    return st.components.v2.component(
        "noisescope.strip",
        html=(HERE / "strip.html").read_text(),
        css=(HERE / "strip.css").read_text(),
        js=(HERE.parent / "paint.js").read_text() + (HERE / "strip.js").read_text(),
    )


def strip(packed: bytes, key: str, start: int | None = None, anew: bool = False) -> int | None:
    """Show packed images (see `app.strips`) under a slider; return where it stands, as far as is known.

    The slider stands at `start` (None: at half its length) when the images appear, or when `anew` says so; afterwards
    the visitor moves it.
    """
    header = frames.header(packed)
    shown: tuple[str, int | None, int] | None = st.session_state.get(f"{key}-shown")
    if shown is None or shown[0] != header["id"] or anew:
        shown = header["id"], start, (shown[2] + 1 if shown else 0)
        st.session_state[f"{key}-shown"] = shown
    token = f"{shown[0]}-{shown[2]}"
    data = frames.reheaded(packed, {**header, "start": shown[1], "id": token})
    moved = _component()(key=key, data=data, on_moved_change=lambda: None).get("moved")
    return int(moved["level"]) if moved and moved["id"] == token else shown[1]


def follow(packed: bytes, key: str) -> None:
    """Show packed images that follow the slider of the page's strip."""
    header = frames.header(packed)
    _component()(key=key, data=frames.reheaded(packed, {**header, "follows": True}))
