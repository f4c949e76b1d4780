"""Choose one of several, from a list or by buttons; options may be mapped to how they are shown."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import streamlit as st

from app import address


def listed(label: str, options: Collection[str], key: str, what: str, first: str = "", **more: Any) -> str:
    """Let somebody choose from a list, beginning with what the address has under `key`, else with `first` or the first option.

    `what` says of which kind they are, where the address asks for another.
    """
    _restore(options, key, what, first)
    return str(st.selectbox(label, list(options), key=key, format_func=shown(options), **more))


def pressed(label: str, options: Collection[str], key: str, what: str, first: str = "", **more: Any) -> str:
    """Let somebody choose by buttons, beginning as `listed` does."""
    _restore(options, key, what, first)
    return buttons(st, label, options, key=key, **more)


def buttons(place: Any, label: str, options: Collection[str], **more: Any) -> str:
    """Let somebody choose by buttons in a place of the page; the address has nothing of it."""
    chosen = place.segmented_control(label, list(options), required=True, format_func=shown(options), **more)
    return str(chosen if chosen in options else next(iter(options)))  # a browser of one's own may press none


def switched(label: str, key: str, **more: Any) -> bool:
    """Let somebody switch something on, which is off unless the address has True under `key`."""
    address.restore(key, False, lambda text: address.one_of(("True", "False"), "the switch")(text) == "True")
    return bool(st.toggle(label, key=key, **more))


def shown(options: Collection[str]) -> Callable[[str], str]:
    """Return how options are shown."""
    return options.__getitem__ if isinstance(options, Mapping) else str


def _restore(options: Collection[str], key: str, what: str, first: str) -> None:
    address.restore(key, first or next(iter(options)), address.one_of(options, what))
