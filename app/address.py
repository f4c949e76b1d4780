"""The address bar: every choice starts from it and goes back into it, so that a picture can be sent to somebody.

`/see?image=333&add=FGSM` sets two controls. An address that asks for the impossible gets one sentence and the default.
"""

import re
from collections.abc import Callable, Collection
from math import nan
from typing import TypeVar

import streamlit as st

from app import received
from core import UserError
from core.params import Span

T = TypeVar("T")


def enter(page: str) -> None:
    """Note which page runs; the address is read when a page is entered, until it has published its own.

    A step of a lesson is entered too where it is on the same page as the one before.
    """
    given = st.session_state.get("along", {}).get("lesson")
    if st.session_state.get("page") != page or st.query_params.get("lesson", given) != given:
        st.session_state["page"], st.session_state["entering"], st.session_state["published"] = page, True, {}
        st.session_state["restored"], st.session_state["told"] = set(), ""
    st.session_state["notices"] = st.container()


def leave() -> None:
    """Let the address go: where a page breaks off it has counted once, and the visitor must be able to choose otherwise."""
    st.session_state["entering"] = False


def restore(name: str, default: T, parse: Callable[[str], T], key: str = "") -> None:
    """Give the widget `key` (by default `name`) its value: what the address asks for, else what was chosen, else `default`.

    The address counts where a page is entered: later it only echoes, a little late, what this session wrote there.
    What does not parse is answered by the parser's sentence. What was chosen is kept and written anew on every run, which
    carries it from page to page, also past pages that have no such widget; a default is each page's own.
    """
    key = key or name
    kept = st.session_state.setdefault("choices", {})
    value = kept.get(key, default)
    if key in st.session_state["restored"]:
        value = st.session_state.get(key, value)
    st.session_state["restored"].add(key)
    try:
        parse(str(value))
    except UserError:
        value = default  # chosen on another page, where there was more to choose from
    if arrived(name):
        try:
            value = parse(st.query_params[name])
        except UserError as refusal:
            value = default
            notice(f"{refusal} Shown instead: {default}.")
    choose(key, value)
    if value == default:
        del kept[key]


def choose(key: str, value: object) -> None:
    """Give a widget its value, on this page and on those that follow."""
    st.session_state[key] = st.session_state.setdefault("choices", {})[key] = value


def notice(sentence: str) -> None:
    """Say above the page what the address asked for in vain."""
    st.session_state["notices"].warning(received.plain(sentence), icon=":material/link_off:")


def arrived(name: str) -> bool:
    """Say whether the page has just been entered with an address that asks for `name`."""
    return st.session_state["entering"] and name in st.query_params


def asked(name: str) -> str | None:
    """Return what the address asks for, or, once the page runs, what it has last published."""
    given: str | None = (st.query_params if st.session_state["entering"] else st.session_state["published"]).get(name)
    return given


def ask(name: str, value: str | None) -> None:
    """Ask for another value on behalf of a visitor who pressed a button; None for the default."""
    st.session_state["published"][name] = value
    st.session_state["anew"] = True


def moved() -> bool:
    """Say, once, whether the slider is to start anew: the page was entered, or a button asked for another strength."""
    return bool(st.session_state.pop("anew", False)) or st.session_state["entering"]


def publish(**values: object) -> None:
    """Make the address say the choices of a page; an empty one is left out."""
    values |= st.session_state.get("along", {})
    wanted = {name: str(value) for name, value in values.items() if value not in (None, "")}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    st.session_state["published"], st.session_state["entering"] = wanted, False


def along(**values: object) -> None:
    """Let every page's address say this too; None lets it go."""
    st.session_state["along"] = {**st.session_state.get("along", {}), **values}


def one_of(options: Collection[str], what: str) -> Callable[[str], str]:
    """Parse an address value that must be one of `options`."""

    def parse(text: str) -> str:
        if text not in options:
            raise UserError(f"The address asks for {what} {text!r}, which is not offered here.")
        return text

    return parse


def whole(low: int, high: int, what: str) -> Callable[[str], int]:
    """Parse an address value that must be a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
            raise UserError(f"The address asks for {what} {text}, but they go from {low:,} to {high:,}.")
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
            raise UserError(
                f"The address asks for {what} {text}, but it goes from {span.low:g} to {span.high:g}{unit}."
            )
        return sort(value)

    return parse
