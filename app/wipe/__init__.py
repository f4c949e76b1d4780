"""Two pictures over each other and a line between them to drag."""

import json
import struct
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from app import show
from app.show import Picture

HERE = Path(__file__).parent


@st.cache_resource
def _component() -> ComponentRenderer:
    return st.components.v2.component(
        "noisescope.wipe",
        html=(HERE / "wipe.html").read_text(),
        css=(HERE / "wipe.css").read_text(),
        js=(HERE / "wipe.js").read_text(),
    )


def wipe(left: Picture, right: Picture, titles: tuple[str, str], key: str) -> None:
    """Show two pictures of one size over each other; the visitor drags the line between them."""
    parts = [show.png(left), show.png(right)]
    head = json.dumps(dict(titles=titles, sizes=[len(p) for p in parts])).encode()
    _component()(key=key, data=struct.pack("<I", len(head)) + head + b"".join(parts))
