"""What runs in the browser: one component for each NAME.html, .css and .js in this folder.

Frames go to the browser once, and sliding paints them there without a round trip.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import streamlit as st
import torch
from streamlit.components.v2.types import ComponentRenderer

from app import received
from app.browser import packing
from core.types import Images

HERE = Path(__file__).parent
PAD = 56  # pixels, the side of what is drawn


@st.cache_resource
def component(name: str) -> ComponentRenderer:
    """Register a component, once; what `paint.js` and `paint.css` define is there for all of them."""
    html = (HERE / f"{name}.html").read_text()
    css, js = ("".join((HERE / f"{part}.{kind}").read_text() for part in ("paint", name)) for kind in ("css", "js"))
    return st.components.v2.component(f"noisescope.{name}", html=html, css=css, js=js)


def scrub(packed: bytes, key: str, start: int | None = None, anew: bool = False) -> int | None:
    """Slide a digit through a network (see frames.py); return the level where the slider stands, as `_slide` does."""
    return _slide("scrub", packed, key, start, anew)


def strip(
    packed: bytes,
    key: str,
    start: int | None = None,
    anew: bool = False,
    whole: Callable[[], bytes | None] | None = None,
) -> int | None:
    """Slide pictures side by side (see strips.py); return the level where the slider stands, as `_slide` does.

    `whole` packs all levels of what is packed at some of them; it is asked, until it returns that, while somebody stays.
    """
    place, about = st.container(), packing.header(packed)["id"]
    if whole and _stays(key, about) and (better := whole()):
        packed = packing.reheaded(better, {**packing.header(better), "refines": about})
    with place:
        return _slide("strip", packed, key, start, anew)


def follow(packed: bytes, key: str) -> None:
    """Show pictures side by side that follow the slider of the page's strip."""
    header = packing.header(packed)
    component("strip")(key=key, data=packing.reheaded(packed, {**header, "follows": True}))


def photograph(packed: bytes, key: str, start: int | None = None, anew: bool = False) -> int | None:
    """Slide a photograph through a noise (see photographs.py); return the level where the slider rests, as `_slide` does.

    Its pictures come as pieces.
    """
    return _slide("photograph", packed, key, start, anew)


def piece(packed: bytes) -> None:
    """Send a piece of a photograph to the browser; nothing is seen of it here."""
    header = packing.header(packed)
    component("piece")(key=f"{header['scene']}/{header['key']}", data=packed)


def pad(key: str) -> Images | None:
    """Let somebody draw; return the drawing, (1, 1, PAD, PAD), white ink on black, or None while the pad is empty."""
    pixels = component("pad")(key=key, on_pixels_change=lambda: None).get("pixels")
    try:
        values = np.frombuffer(base64.b64decode(pixels or "", validate=True), np.uint8)
    except (binascii.Error, TypeError, ValueError):
        return None
    if values.size != PAD * PAD or not values.any():
        return None
    return torch.from_numpy(values.copy()).view(1, 1, PAD, PAD).float() / 255


def _heard() -> None:
    """Let a component send something; it is read where it is shown."""


def _stays(key: str, about: str) -> bool:
    """Say whether somebody has stayed for a while with what is packed under the id `about`."""
    sent = st.session_state.get(key)
    told = sent.get("stays") if isinstance(sent, Mapping) else None
    return isinstance(told, str) and told.partition("-")[0] == about


def _slide(name: str, packed: bytes, key: str, start: int | None, anew: bool) -> int | None:
    """Show packed frames under a slider; return the level where it stands, as far as is known.

    The slider stands at `start` (None: where the component likes it) when the frames appear, or when `anew` says so;
    afterwards the visitor moves it.
    """
    header = packing.header(packed)
    shown: tuple[str, int | None, int] | None = st.session_state.get(f"{key}-shown")
    if shown is None or shown[0] != header["id"] or anew:
        shown = header["id"], start, (shown[2] + 1 if shown else 0)
        st.session_state[f"{key}-shown"] = shown
    token = f"{shown[0]}-{shown[2]}"  # otherwise the message stays the same on a rerun, and is not sent again
    data = packing.reheaded(packed, {**header, "start": shown[1], "id": token})
    moved = component(name)(key=key, data=data, on_moved_change=_heard, on_stays_change=_heard).get("moved")
    if not isinstance(moved, Mapping) or moved.get("id") != token:
        return shown[1]
    level = received.whole(moved.get("level"), 0, len(header["levels"]) - 1)
    return shown[1] if level is None else level
