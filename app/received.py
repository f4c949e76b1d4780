"""What a visitor's browser sends is text and numbers, whoever wrote them: shown as they are, and checked before they count."""

import logging
import re
from collections.abc import Mapping
from math import isfinite

import streamlit as st
from streamlit.runtime.state.session_state import Serialized, WStates

CODE = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")  # by single backticks, in which Markdown does nothing
MARKS = re.compile(r"[\\`*_\[\]<>$~&|#]")
JOINED = re.compile(r"(:)(?=[\w/])|(@)(?=\w)|(?i:(www))(?=\.)")  # what begins an address, an icon or a directive
JOINER = "\u2060"  # is not seen, and parts what would be joined


def plain(sentence: str) -> str:
    """Write a sentence so that Markdown shows it letter by letter; what stands in `backticks` stays code.

    What a sentence quotes can be anything: a picture at a stranger's address, a link, an icon, a formula, a colour.

    >>> plain("The network '![x](y)' is not here: run `python -m core list`.")
    "The network '!\\\\[x\\\\](y)' is not here: run `python -m core list`."
    """
    parts = CODE.split(" ".join(sentence.split()))
    return "".join(part if CODE.fullmatch(part) else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    text = MARKS.sub(lambda mark: f"\\{mark[0]}", text)
    return JOINED.sub(
        lambda found: found[0] + JOINER, text
    )  # an escape would not do: Streamlit looks at what is left of it


def whole(value: object, low: int, high: int) -> int | None:
    """Return a whole number from `low` to `high`; None for all else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None


def real(value: object) -> float | None:
    """Return a finite number; None for all else."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 and isfinite(value) else None


def clicked(chart: str) -> Mapping[str, object]:
    """Return the first point that is selected in a chart; an empty one where there is none, or no such thing was sent."""
    found = st.session_state.get(chart)
    for part in ("selection", "points"):
        found = found.get(part) if isinstance(found, Mapping) else None
    point = found[0] if isinstance(found, list) and found else None
    return point if isinstance(point, Mapping) else {}


def named(chart: str) -> str | None:
    """Return the name that the selected point of a chart carries; None where there is none."""
    names = clicked(chart).get("customdata")
    return names[0] if isinstance(names, list) and names and isinstance(names[0], str) else None


def forgive() -> None:
    """Let a value of another kind than its widget's, or one that it cannot read, count as none: Streamlit would end the page."""
    if WStates.__getitem__ is not _read:
        WStates.__getitem__ = _read  # type: ignore[method-assign]
        logging.getLogger("streamlit.components.v2.bidi_component.serialization").setLevel(logging.ERROR)


_get = WStates.__getitem__


def _fits(sent: str | None, wanted: str) -> bool:
    """Say whether a value is of a widget's kind: None is one that was emptied, and browsers send whole numbers for real ones."""
    return sent in (None, wanted) or {sent, wanted} == {"int_value", "double_value"}


def _read(states: WStates, key: str) -> object:
    sent, widget = states.states.get(key), states.widget_metadata.get(key)
    if isinstance(sent, Serialized) and widget and not _fits(sent.value.WhichOneof("value"), widget.value_type):
        raise KeyError(key)  # a word where a number is meant, say
    try:
        return _get(states, key)
    except KeyError:
        raise
    except Exception:
        raise KeyError(key) from None
