"""Buttons that change something, for who may: each press counts once, for the very thing it was drawn for, and a refusal is one sentence."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app import access, received
from core import UserError


def button(place: Any, label: str, key: str, does: Callable[[], object], **more: Any) -> None:
    """Draw a button; the second half of a double click, on what was drawn before the first, does nothing."""
    drawn = st.session_state.setdefault("presses", {}).get(key, 0)
    place.button(label, key=key, on_click=pressed, args=(does, key, drawn), **more)


def pressed(does: Callable[[], object], key: str, drawn: int) -> None:
    """Do what a button says that was drawn after `drawn` presses; who comes too late is told, until another is pressed."""
    presses = st.session_state.setdefault("presses", {})
    if presses.get(key, 0) != drawn:
        return
    presses[key] = drawn + 1
    st.session_state["told"] = ""
    try:
        access.check()
        does()
    except UserError as refusal:
        st.session_state["told"] = str(refusal)


def told() -> None:
    """Show what the button that was pressed last has to say, on its own page."""
    if sentence := st.session_state.get("told"):
        st.info(received.plain(sentence), icon=":material/info:")


def deletion(place: Any, label: str, name: str, goes: str, does: Callable[[], object]) -> None:
    """Offer to throw one thing away, after a tick for that very thing: what moves up to its place is not ticked."""

    def delete() -> None:
        does()
        st.session_state["told"] = f"{name} is deleted."

    with place.popover(label, icon=":material/delete:", width="stretch"):
        st.markdown(goes)
        sure = st.checkbox(f"Yes, delete {name}", key=f"sure-{name}")
        button(st, "Delete it", f"delete-{name}", delete, disabled=not sure)
