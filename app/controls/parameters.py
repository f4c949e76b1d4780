"""A dataclass goes in, sliders come up, a filled-in one comes out; and what the address says of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import streamlit as st

from app import address
from core import UserError, params
from core.experiments.trial import Corruption

T = TypeVar("T", bound=Corruption)
S = TypeVar("S")


def sliders(thing: S, without: Sequence[str], of: str = "") -> S:
    """Show a slider for every parameter but those named; return the value with them. `of` tells their owners apart."""
    kind, values = type(thing), {}
    for name, span in params.spans(kind).items():
        if name in without:
            continue
        sort, key = type(getattr(thing, name)), f"{of}{kind.__name__}.{name}"
        address.restore(name, getattr(thing, name), address.real(span, name, sort), key)
        label = (span.label or name) + (f", {span.unit}" if span.unit else "")
        values[name] = st.slider(label, sort(span.low), sort(span.high), step=sort(span.step), key=key)
    return replace(thing, **values)  # type: ignore[type-var]


def details(thing: T) -> tuple[T, int]:
    """Show a slider for every further parameter, and the seed; return the noise or attack with them, and the seed."""
    first, _ = params.strength(type(thing))
    thing, seed = sliders(thing, (first, "seed")), seeded()
    return (replace(thing, seed=seed) if "seed" in params.spans(type(thing)) else thing), seed  # type: ignore[type-var]


def strength(thing: T) -> T:
    """Let somebody set the strength on the server's side; return the corruption with it."""
    _, span = params.strength(type(thing))
    levels, key = span.levels(), f"strength-{type(thing).__name__}"
    asked = level(thing) if address.moved() or key not in st.session_state else None
    if asked is None and key not in st.session_state:
        asked = nearest(levels, params.level(thing))
    st.session_state[key] = st.session_state[key] if asked is None else levels[asked]
    unit = f", {span.unit}" if span.unit else ""
    value = st.select_slider(
        f"{span.label}{unit}", levels, key=key, format_func=lambda v: f"{100 * v:.0f} %" if span.share else f"{v:g}"
    )
    return params.at(thing, float(value))


def seeded() -> int:
    """Let somebody choose a seed."""
    address.restore("seed", 0, address.whole(0, 9999, "seed"))
    return int(st.number_input("Seed: another number, another draw", 0, 9999, key="seed"))


def changed(thing: object, without: Sequence[str] = ()) -> dict[str, object]:
    """Return what an address says of a value's parameters: those that are not the defaults."""
    plain = type(thing)()
    fields = {name: getattr(thing, name) for name in params.spans(type(thing)) if name not in without}
    return {name: f"{value:g}" for name, value in fields.items() if value != getattr(plain, name)}


def chosen(thing: Corruption, seed: int, level: float | None) -> dict[str, object]:
    """Return what an address says of a noise or an attack: its kind, what differs from the defaults, its strength."""
    first, span = params.strength(type(thing))
    told = changed(thing, (first, "seed"))
    reached = None if level is None else f"{level:g}"
    st.session_state["reached"] = first, span, reached  # goes along to the next page
    return dict(add=type(thing).__name__, **told, seed=seed or None, strength=reached)


def level(thing: Corruption, levels: Sequence[float] = ()) -> int | None:
    """Return the place, among the `levels` of a corruption, of the strength that is asked for; None if none is."""
    field, span = params.strength(type(thing))
    text = address.asked("strength")
    if text is None and st.session_state["entering"] and "reached" in st.session_state:
        *where, reached = st.session_state["reached"]
        text = reached if where == [field, span] else None
    if text is None:
        return None
    levels = levels or span.levels()
    try:
        wanted = address.real(span, field, float)(text)
    except UserError as refusal:
        wanted = params.level(thing)
        address.notice(f"{refusal} Shown instead: {wanted:g}.")
    return nearest(levels, wanted)


def nearest(levels: Sequence[float], wanted: float) -> int:
    """Return the place of the level closest to `wanted`."""
    return min(range(len(levels)), key=lambda k: abs(levels[k] - wanted))


def step(name: str, last: int) -> int:
    """Return the step that the address asks for under a name; the last, where it asks for none or for more."""
    text = address.asked(name)
    try:
        if address.arrived(name) or text is None:
            return last if text is None else address.whole(0, last, "step")(text)
        return min(int(text), last)  # what this page has written itself, when there were more steps
    except UserError as refusal:
        address.notice(f"{refusal} Shown instead: {last}.")
        return last
