"""A pad to draw a digit on."""

import base64
import binascii
from pathlib import Path

import numpy as np
import streamlit as st
import torch
from streamlit.components.v2.types import ComponentRenderer

from core.types import Images

HERE = Path(__file__).parent
SIDE = 56  # pixels of what the browser sends


@st.cache_resource
def _component() -> ComponentRenderer:
    return st.components.v2.component(
        "noisescope.pad",
        html=(HERE / "pad.html").read_text(),
        css=(HERE / "pad.css").read_text(),
        js=(HERE / "pad.js").read_text(),
    )


def pad(key: str) -> Images | None:
    """Let somebody draw; return the drawing, (1, 1, 56, 56), white ink on black, or None while the pad is empty."""
    pixels = _component()(key=key, on_pixels_change=lambda: None).get("pixels")
    try:
        values = np.frombuffer(base64.b64decode(pixels or "", validate=True), np.uint8)
    except (binascii.Error, TypeError, ValueError):
        return None
    if values.size != SIDE * SIDE or not values.any():
        return None
    return torch.from_numpy(values.copy()).view(1, 1, SIDE, SIDE).float() / 255
