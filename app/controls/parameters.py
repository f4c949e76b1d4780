"""A dataclass goes in, sliders come up, a filled-in one comes out; and what the address says of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import streamlit as st

from app import address
from app.browser import strip
from app.controls import choices
from core import UserError, params
from core.experiments.trial import Corruption
from core.noise import Blind, Noise

T = TypeVar("T", bound=Corruption)
S = TypeVar("S")


def sliders(thing: S, without: Sequence[str], of: str = "") -> S:
    """Show a slider for every parameter but those named; return the value with them. `of` tells their owners apart."""
    kind, values = type(thing), {}
    for name, span in params.spans(kind).items():
        if name not in without:
            label = (span.label or name) + (f", {span.unit}" if span.unit else "")
            values[name] = choices.dialled(label, span, name, getattr(thing, name), f"{of}{kind.__name__}.{name}")
    return replace(thing, **values)  # type: ignore[type-var]


def details(thing: T) -> tuple[T, int]:
    """Show a slider for every further parameter, and the seed; return the noise or attack with them, and the seed."""
    first, _ = params.strength(type(thing))
    thing, seed = sliders(thing, (first, "seed")), seeded()
    return (replace(thing, seed=seed) if "seed" in params.spans(type(thing)) else thing), seed  # type: ignore[type-var]


def strength(thing: T, of: str = "") -> T:
    """Let somebody set the strength on the server's side; return the corruption with it. `of` tells their owners apart."""
    _, span = params.strength(type(thing))
    levels, key = span.levels(), f"{of}strength-{type(thing).__name__}"
    new = address.back() or key not in st.session_state
    asked = level(thing) if address.moved() or new else None
    if asked is None and new:
        asked = nearest(levels, params.level(thing))
    st.session_state[key] = st.session_state[key] if asked is None else levels[asked]
    unit = f", {span.unit}" if span.unit else ""
    value = st.select_slider(
        f"{span.label}{unit}", levels, key=key, format_func=lambda v: f"{100 * v:.0f} %" if span.share else f"{v:g}"
    )
    reached(thing, float(value))
    return params.at(thing, float(value))


def seeded(key: str = "", first: int = 0) -> int:
    """Let somebody choose a seed."""
    return choices.counted("Seed: another number, another draw", 0, 9999, "seed", first, key=key)


def reached(thing: Corruption, level: float | None) -> None:
    """Say how strong a noise or an attack is, and let that go along to the next page."""
    first, span = params.strength(type(thing))
    told = None if level is None else f"{level:g}"
    st.session_state["reached"] = first, span, told
    address.say("strength", told)


def level(thing: Corruption, levels: Sequence[float] = ()) -> int | None:
    """Return the place, among the `levels` of a corruption, of the strength that is asked for; None if none is."""
    field, span = params.strength(type(thing))
    text, (*where, last) = address.asked("strength"), st.session_state.get("reached", (None, None, None))
    entering, same = (
        st.session_state["entering"],
        where == [field, span],
    )  # FGSM's epsilon is PGD's, but no share of pixels
    if same and text is None and entering and not address.back():
        text = last
    if not same and not entering:
        text = None
    if text is None:
        return None
    levels = levels or span.levels()
    try:
        wanted = address.real(span, field, float)(text)
    except UserError as refusal:
        wanted = params.level(thing)
        address.notice(f"{refusal} Shown instead: {wanted:g}.")
    return nearest(levels, wanted)


def linked(noise: Noise, at: float) -> dict[str, str]:
    """Return what an address says of a noise of one level, or of a blind one at a level."""
    alone = noise.nominal if isinstance(noise, Blind) else noise
    first, _ = params.strength(type(alone))
    more = {name: f"{getattr(alone, name):g}" for name in params.spans(type(alone)) if name != first}
    return {"add": type(alone).__name__, "strength": f"{at:g}", **more}


def nearest(levels: Sequence[float], wanted: float) -> int:
    """Return the place of the level closest to `wanted`."""
    return min(range(len(levels)), key=lambda k: abs(levels[k] - wanted))


def slid(
    packed: bytes, key: str, last: int, first: int | None = None, whole: Callable[[], bytes | None] | None = None
) -> int:
    """Slide pictures side by side, from 0 to `last`, as `strip` does; begin where the address has the slider, and return where it stands."""
    start = step(last, first)
    at = strip(packed, key, start, address.moved(), whole)
    place = start if at is None else at
    address.say("at", place, last if first is None else first)
    return place


def first(key: str, shown: object, asked: int) -> tuple[int, bool]:
    """Return the level to pack first, the same for as long as the same is shown, and whether the slider begins anew there."""
    anew, kept = address.moved(), st.session_state.get(f"{key}-first")
    level = kept[1] if kept and kept[0] == shown and not anew else asked
    st.session_state[f"{key}-first"] = shown, level
    return level, anew


def step(last: int, first: int | None = None) -> int:
    """Return the step where the address has the slider, from 0 to `last`; `first`, or the last, where it has none."""
    first = last if first is None else first
    text = address.asked("at")
    try:
        if st.session_state["entering"] or text is None:
            return first if text is None else address.whole(0, last, "step")(text)
        return min(int(text), last)  # what this page has written itself, when there were more steps
    except UserError as refusal:
        address.notice(f"{refusal} Shown instead: {first}.")
        return first
