"""Choose one of several, from a list or by buttons, or a number; options may be mapped to how they are shown.

Each has a name in the address, and a `key` that tells apart what different pages keep under one name (by default the same).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import streamlit as st

from app import address
from core.params import Span

N = TypeVar("N", int, float)


def listed(label: str, options: Collection[str], name: str, what: str, first: str = "", key: str = "", **more: Any) -> str:  # fmt: skip
    """Let somebody choose from a list, beginning with what the address has under `name`, else with `first` or the first option.

    `what` says of which kind they are, where the address asks for another.
    """
    _restore(options, name, what, first, key)
    return str(st.selectbox(label, list(options), key=key or name, format_func=shown(options), **more))


def pressed(label: str, options: Collection[str], name: str, what: str, first: str = "", key: str = "", **more: Any) -> str:  # fmt: skip
    """Let somebody choose by buttons, beginning as `listed` does."""
    _restore(options, name, what, first, key)
    chosen = st.segmented_control(
        label, list(options), required=True, key=key or name, format_func=shown(options), **more
    )
    return str(chosen if chosen in options else next(iter(options)))  # a browser of one's own may press none


def slid(label: str, options: Collection[str], name: str, what: str, first: str = "", key: str = "") -> str:
    """Let somebody slide over options, beginning as `listed` does."""
    _restore(options, name, what, first, key)
    return str(st.select_slider(label, list(options), key=key or name, format_func=shown(options)))


def several(label: str, options: Collection[str], name: str, what: str, first: Collection[str] = (), key: str = "", **more: Any) -> list[str]:  # fmt: skip
    """Let somebody choose any number from a list, beginning with what the address has under `name`, else with `first`."""
    address.restore(name, list(first), address.some_of(options, what), key)
    return list(st.multiselect(label, list(options), key=key or name, format_func=shown(options), **more))


def ticked(label: str, options: Collection[str], name: str, what: str, first: Collection[str] = (), key: str = "") -> list[str]:  # fmt: skip
    """Let somebody choose any number by buttons, beginning as `several` does."""
    address.restore(name, list(first), address.some_of(options, what), key)
    return list(st.pills(label, list(options), selection_mode="multi", key=key or name, format_func=shown(options)))


def switched(label: str, name: str, first: bool = False, key: str = "", **more: Any) -> bool:
    """Let somebody switch something on or off, beginning with what the address has under `name`, else with `first`."""
    address.restore(name, first, address.switch, key)
    return bool(st.toggle(label, key=key or name, **more))


def counted(label: str, low: int, high: int, name: str, first: int, what: str = "", key: str = "", **more: Any) -> int:
    """Let somebody choose a whole number, beginning with what the address has under `name`, else with `first`."""
    address.restore(name, first, address.whole(low, high, what or name), key)
    return int(st.number_input(label, low, high, key=key or name, **more))


def dialled(label: str, span: Span, name: str, first: N, key: str = "") -> N:
    """Let somebody slide over a span, in whole numbers where `first` is one, beginning as `counted` does."""
    sort: type[N] = type(first)
    address.restore(name, first, address.real(span, name, sort), key)
    return sort(st.slider(label, sort(span.low), sort(span.high), step=sort(span.step), key=key or name))


def ranged(label: str, low: float, high: float, name: str, what: str, key: str = "") -> tuple[float, float]:
    """Let somebody slide both ends of a range, beginning with what the address has under `name`, else with the whole of it."""
    address.restore(name, (low, high), address.between(low, high, what), key)
    ends: Any = st.slider(label, low, high, key=key or name)  # two, where its state is two
    return float(ends[0]), float(ends[1])


def shown(options: Collection[str]) -> Callable[[str], str]:
    """Return how options are shown."""
    return options.__getitem__ if isinstance(options, Mapping) else str


def _restore(options: Collection[str], name: str, what: str, first: str, key: str) -> None:
    address.restore(name, first or next(iter(options)), address.one_of(options, what), key)
