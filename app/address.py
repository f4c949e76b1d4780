"""The address bar: every choice starts from it and goes back into it, so that a picture can be sent to somebody.

`/see?image=333&add=FGSM` sets two controls. An address that asks for the impossible gets one sentence and the default.
"""

import re
from collections.abc import Callable
from math import nan
from typing import Any, TypeVar

import streamlit as st

from core import Refusal
from core.params import Span

T = TypeVar("T")


def restore(name: str, default: T, parse: Callable[[str], T], key: str = "") -> None:
    """Give the widget `key` (by default `name`) its value: what a new address asks for, else what it was, else `default`.

    An address is new where it differs from what `publish` wrote. What does not parse is answered by the parser's
    sentence. The value is written anew on every run, which is what carries it from page to page.
    """
    key = key or name
    value = st.session_state.get(key, default)
    try:
        parse(str(value))
    except Refusal:
        value = default  # chosen on another page, where there was more to choose from
    if arrived(name):
        try:
            value = parse(st.query_params[name])
        except Refusal as refusal:
            value = default
            st.warning(f"{refusal} Shown instead: {default}.", icon=":material/link_off:")
    st.session_state[key] = value


def arrived(name: str) -> bool:
    """Say whether the address asks for something this session has not itself written there."""
    asked = st.query_params.get(name)
    return asked is not None and asked != st.session_state.get("published", {}).get(name)


def moved() -> bool:
    """Say whether the address puts the slider elsewhere than this session left it."""
    left: str | None = st.session_state.get("published", {}).get("strength")
    return st.query_params.get("strength") != left


def publish(**values: object) -> None:
    """Make the address say the choices of a page; an empty one is left out."""
    wanted = {name: str(value) for name, value in values.items() if value not in (None, "")}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    st.session_state["published"] = wanted


def one_of(options: list[str] | dict[str, Any], what: str) -> Callable[[str], str]:
    """Parse an address value that must be one of `options`."""

    def parse(text: str) -> str:
        if text not in options:
            raise Refusal(f"The address asks for {what} {text!r}, which does not exist.")
        return text

    return parse


def whole(low: int, high: int, what: str) -> Callable[[str], int]:
    """Parse an address value that must be a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
            raise Refusal(f"The address asks for {what} {text}, but they go from {low:,} to {high:,}.")
        return int(text)

    return parse


def real(span: Span, what: str, sort: type[float]) -> Callable[[str], float]:
    """Parse an address value that must be a number, int or float, within a span."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = nan
        if not span.low <= value <= span.high:
            unit = f" ({span.unit})" if span.unit else ""
            raise Refusal(f"The address asks for {what} {text}, but it goes from {span.low:g} to {span.high:g}{unit}.")
        return sort(value)

    return parse
