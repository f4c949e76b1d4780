"""The address bar: every choice starts from it and goes back into it, so that a picture can be sent to somebody.

`/see?image=333&add=FGSM` sets two controls. An address that asks for the impossible, or for what the page does not know, gets
one sentence. A choice adds to the browser's history and a slider's move does not (browser/history.js); Back and Forward are
pages that are entered anew, of which the address knows all.
"""

import re
from collections.abc import Callable, Collection
from math import nan
from typing import TypeVar
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import received
from core import UserError
from core.params import Span

T = TypeVar("T")
N = TypeVar("N", int, float)
NAMES = {
    "view": "which of the page's views", "network": "the network", "networks": "several of them", "to": "the network it is shown to", "label": "what a network is told",
    "way": "how the picture is picked, where not by its number or name", "image": "the test image, by its number",
    "photograph": "the photograph that ships", "aim": "the test image that an attack makes it look like",
    "add": "the noise or attack that is added", "strength": "how much of it", "seed": "which draw", "draw": "which draw of a pair",
    "level": "how noisy the picture is", "attack": "the attack on a denoiser", "at": "the step, place or sigma where the slider stands",
    "all": "whether all networks are shown", "symmetric": "whether eight symmetries are averaged",
    "right": "what lies right of the line", "line": "where the line is, in percent",
    "stages": "which stage of each layer", "range": "what shares one range of colours", "map": "the map that is open", "point": "the point in it",
    "block": "the block", "back": "how many pixels are set back", "stage": "the stage", "unit": "the unit", "channel": "the channel", "show": "what is shown of them",
    "metric": "alike by what", "among": "among which images", "pixels": "how many pixels", "values": "which values are tried",
    "votes": "how many vote", "base": "who votes", "budget": "L2 of the attack",
    "levels": "from which level to which", "classes": "which classes", "rank": "which images", "bar": "the bar that was clicked",
    "value": "the pixel's true value", "exponent": "of annealed L0", "light": "photons at white", "averaged": "how many targets",
    "part": "the part of the study", "verdict": "which verdict", "find": "the word that is looked for", "run": "the training run", "beside": "the runs beside it",
    "measured": "the network to measure", "under": "what to measure it under",
    "launch": "whether a run is being planned", "plan": "the recipe it begins with", "epochs": "how many", "batch": "images in one",
    "rate": "the learning rate", "architecture": "the kind of network", "loss": "the loss", "targets": "noisy or clean",
    "begins": "the weights it begins with", "optimiser": "the optimiser", "obsatk": "L2 of ObsAtk", "momentum": "of SGD", "hard": "whether against attacks",
    "lesson": "the lesson and its step", "present": "the presenter's view", "class": "the code of a class",
}  # one name for one thing on all pages; a parameter of a noise, an attack or a loss goes by its field's  # fmt: skip
OLD = {"photo": "image", "from": "way", "name": "photograph", "denoiser": "network", "card": "network", "fooled": "network", "of": "view", "pair": "add"}  # fmt: skip
ALWAYS = ("view", "network", "image", "photograph", "add", "attack")  # said also where they are what a page begins with
NOTHING = "none"  # chosen, where several may be


def enter(page: str) -> None:
    """Note which page runs; the address is read when a page is entered, each name of it once.

    A step of a lesson is entered too where it is on the same page as the one before, and what Back and Forward lead to.
    """
    context = get_script_run_ctx()
    back = bool(context and context.is_history_navigation)
    if back:
        st.session_state["along"] = {}
    given = st.session_state.get("along", {}).get("lesson")
    if back or st.session_state.get("page") != page or st.query_params.get("lesson", given) != given:
        asks = st.query_params.to_dict()
        asks = {**{OLD[name]: value for name, value in asks.items() if name in OLD}, **{n: v for n, v in asks.items() if n not in OLD}}  # fmt: skip
        along(**{name: asks[name] for name in ("lesson", "present") if name in asks})
        st.session_state.update(page=page, entering=True, back=back, published=asks, unread=dict(asks), restored=set(), told="")  # fmt: skip
    st.session_state.update(said={}, stated={}, known=set(), notices=st.container())


def leave() -> None:
    """Let the address go: where a page breaks off it has counted once, and the visitor must be able to choose otherwise."""
    st.session_state["entering"] = False


def restore(name: str, default: T, parse: Callable[[str], T], key: str = "") -> T:
    """Give the widget `key` (by default `name`) its value, and say it: what the address asks for, else what was chosen, else `default`.

    The address counts where a page is entered: later it only echoes, a little late, what this session wrote there.
    What does not parse is answered by the parser's sentence. What was chosen is kept and written anew on every run, which
    carries it from page to page, also past pages that have no such widget; a default is each page's own.
    """
    key = key or name
    kept = st.session_state.setdefault("choices", {})
    value = default if back() else kept.get(key, default)
    if key in st.session_state["restored"]:
        value = st.session_state.get(key, value)
    st.session_state["restored"].add(key)
    try:
        parse(_written(value))
    except UserError:
        value = default  # chosen on another page, where there was more to choose from
    if arrived(name):
        try:
            value = parse(st.session_state["unread"].pop(name))
        except UserError as refusal:
            value = default
            notice(f"{refusal} Shown instead: {_written(default)}.")
    choose(key, value)
    if value == default:
        del kept[key]
    say(name, value, default)
    return value


def choose(key: str, value: object) -> None:
    """Give a widget its value, on this page and on those that follow."""
    st.session_state[key] = st.session_state.setdefault("choices", {})[key] = value


def notice(sentence: str) -> None:
    """Say above the page what the address asked for in vain."""
    st.session_state["notices"].warning(received.plain(sentence), icon=":material/link_off:")


def arrived(name: str) -> bool:
    """Say whether the page has been entered with an address that asks for `name`, which nobody has read yet."""
    st.session_state["known"].add(name)
    return name in st.session_state["unread"]


def imply(name: str, value: str, by: str) -> None:
    """Let an address that asks for the name `by` ask for `name` too, unless it does so itself."""
    if arrived(by) and not arrived(name):
        st.session_state["unread"][name] = value


def asked(name: str) -> str | None:
    """Return what the address asks for, or, once the page runs, what it has last published."""
    st.session_state["known"].add(name)
    value: str | None = st.session_state["published"].get(name)
    return value


def ask(name: str, value: str | None) -> None:
    """Ask for another value on behalf of a visitor who pressed a button; None for the default."""
    st.session_state["published"][name] = value
    st.session_state["anew"] = True


def back() -> bool:
    """Say whether the page has been entered by Back or Forward: what the address leaves out is the default then."""
    return bool(st.session_state["entering"] and st.session_state["back"])


def moved() -> bool:
    """Say, once, whether the slider is to start anew: the page was entered, or a button asked for another strength."""
    return bool(st.session_state.pop("anew", False)) or st.session_state["entering"]


def say(name: str, value: object, default: object = None) -> None:
    """Let the address say a choice; one that is the default is left out, but for those that are ALWAYS said."""
    plain = value is None or (value == default and name not in ALWAYS)
    st.session_state["said"][name] = None if plain else _written(value)
    st.session_state["stated"][name] = None if value is None else _written(value)


def link() -> dict[str, str]:
    """Return what the page has said so far, for an address of another page."""
    return {name: value for name, value in st.session_state["said"].items() if value}


def to(page: str, **values: object) -> str:
    """Return the address of another page where these are chosen, for a link in a text."""
    return f"{page}?{urlencode({name: str(value) for name, value in values.items()})}"


def stated() -> dict[str, str]:
    """Return all that is chosen on the page so far, also what is as the page begins, as an address writes it."""
    return {name: value for name, value in st.session_state["stated"].items() if value}


def publish() -> None:
    """Make the address say what is chosen so far: before slow work, so that a visitor who moves on is not pulled back."""
    if "said" not in st.session_state:
        return  # what works for no page
    values = {**st.session_state["published"], **st.session_state["said"], **st.session_state.get("along", {})}
    wanted = {name: value for name, value in values.items() if value}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    st.session_state["published"] = wanted


def close() -> None:
    """Make the address say what a whole page has said, and nothing else; what it asked for in vain is answered."""
    known = {*st.session_state["known"], *st.session_state["said"], "lesson", "present", "class"}
    unknown = [name[:40] for name in st.session_state["unread"] if name not in known]
    if unknown:
        knows = ", ".join(sorted(known - {"class"}))
        notice(f"The address says {', '.join(unknown[:5])}, which means nothing here: this page knows {knows}.")
    st.session_state.update(published={}, unread={}, entering=False)
    publish()


def along(**values: object) -> None:
    """Let every page's address say this too; None lets it go."""
    st.session_state["along"] = {**st.session_state.get("along", {}), **values}


def presenting() -> bool:
    """Say whether the page is shown as a projector wants it."""
    return bool(st.session_state.get("along", {}).get("present"))


def one_of(options: Collection[str], what: str) -> Callable[[str], str]:
    """Parse an address value that must be one of `options`."""

    def parse(text: str) -> str:
        if text not in options:
            raise UserError(f"The address asks for {what} {text!r}, which is not offered here.")
        return text

    return parse


def some_of(options: Collection[str], what: str) -> Callable[[str], list[str]]:
    """Parse an address value that names any number of `options`, with spaces between, or `NOTHING`."""
    one = one_of(options, what)

    def parse(text: str) -> list[str]:
        return [] if text == NOTHING else [one(word) for word in dict.fromkeys(text.split())]

    return parse


def switch(text: str) -> bool:
    """Parse an address value that is True or False."""
    return one_of(("True", "False"), "the switch")(text) == "True"


def whole(low: int, high: int, what: str) -> Callable[[str], int]:
    """Parse an address value that must be a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
            raise UserError(f"The address asks for {what} {text}, but they go from {low:,} to {high:,}.")
        return int(text)

    return parse


def real(span: Span, what: str, sort: type[N]) -> Callable[[str], N]:
    """Parse an address value that must be a number, int or float, within a span."""

    def parse(text: str) -> N:
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


def between(low: float, high: float, what: str) -> Callable[[str], tuple[float, float]]:
    """Parse an address value that must be two numbers, the first no more than the second, from `low` to `high`."""
    one = real(Span(low, high, 1), what, float)

    def parse(text: str) -> tuple[float, float]:
        ends = [one(word) for word in text.split()]
        if len(ends) != 2 or ends[0] > ends[1]:
            raise UserError(f"The address asks for {what} {text}, but that should be two numbers, the lower first.")
        return ends[0], ends[1]

    return parse


def _written(value: object) -> str:
    """Write a value as an address has it."""
    match value:
        case float():
            return f"{value:g}"
        case list() | tuple():
            return " ".join(map(_written, value)) or NOTHING
    return str(value)
