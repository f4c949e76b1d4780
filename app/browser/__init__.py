"""What runs in the browser: one component for each NAME.html, .css and .js in this folder.

Frames go to the browser once, and sliding paints them there without a round trip.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from app import received
from app.browser import packing
from app.glossary import terms

HERE = Path(__file__).parent
SIDE = 28  # pixels, of a digit
WITH = {
    "scrub": ("network", "answer", "unit"),
    "start": ("network", "answer", "drawing"),
    "pad": ("drawing",),
    "challenge": ("network", "answer"),
    "weights": ("network",),
    "copy": ("history",),
}  # what components share, besides `paint`
KINDS = ("random", "aimed")
S = TypeVar("S")


@dataclass(frozen=True)
class Begin:
    """What the first page shows: the place of its digit (None: what is drawn), how it is changed, towards what, how much."""

    at: int | None = 0
    kind: str = "aimed"
    target: int | None = None
    level: int = 0


@st.cache_resource
def component(name: str) -> ComponentRenderer:
    """Register a component, once. Its JavaScript comes with the page's `code`, so that a new picture does not bring it again."""
    own = written(name)
    waits = f'{_script("code")}\nexport default async (given) => (await code("{name}").draws)(given);'
    return st.components.v2.component(f"noisescope.{name}", html=own["html"], css=own["css"], js=waits)


@st.cache_resource
def _coded() -> ComponentRenderer:
    """Register what nothing is seen of: the element that brings the JavaScript."""
    return st.components.v2.component("noisescope.code", html="<span></span>", js=scripts())


def code() -> None:
    """Bring the JavaScript of all components; the same on every page, so that it is sent once."""
    _coded()(key="code")


def scripts() -> str:
    """Return the JavaScript of all components, each in a scope of its own, behind what they share."""
    shared = dict.fromkeys(("code", "paint", *chain.from_iterable(WITH.values())))
    scopes = []
    for name in sorted(file.stem for file in HERE.glob("*.html")):
        brings = re.sub("^export default function", f'bring("{name}", function', _script(name), flags=re.M)
        scopes.append(f"{{\n{brings.rstrip()});\n}}")
    return "\n".join((*map(_script, shared), *scopes, "export default () => {};"))


def written(name: str) -> dict[str, str]:
    """Return the HTML, CSS and JavaScript of a component, with what it shares put before its own."""
    parts = ("paint", *WITH.get(name, ()), name)
    styles = (file.read_text() for part in parts if (file := HERE / f"{part}.css").exists())
    return {"html": (HERE / f"{name}.html").read_text(), "css": "".join(styles), "js": "".join(map(_script, parts))}


def _script(name: str) -> str:
    """Return the JavaScript of a part."""
    return (HERE / f"{name}.js").read_text()


def scrub(
    weights: bytes,
    packed: bytes,
    key: str,
    aim: Callable[[int], None],
    start: int | None = None,
    anew: bool = False,
    view: Mapping[str, str] | None = None,
) -> int | None:
    """Slide a digit through a network (see frames.py); return the level where the slider stands, as `_slide` does.

    `aim` is called with the class that somebody wants the digit to be read as; `view` is how it is looked at, as `viewed` has it.
    """

    def aimed() -> None:
        sent = st.session_state.get(key)
        target = received.whole(sent.get("aimed"), 0, 9) if isinstance(sent, Mapping) else None
        if target is not None:
            aim(target)

    component("weights")(key=packing.header(weights)["key"], data=weights)
    return _slide("scrub", packed, key, start, anew, aimed, view)


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


def photograph(
    packed: bytes, key: str, start: int | None = None, anew: bool = False, view: Mapping[str, str] | None = None
) -> int | None:
    """Slide a photograph through a noise (see photographs.py); return the level where the slider rests, as `_slide` does.

    Its pictures come as pieces; `view` is how it is looked at, as `viewed` has it.
    """
    return _slide("photograph", packed, key, start, anew, view=view)


def viewed(key: str) -> Mapping[str, str]:
    """Return how a component is looked at, in words, as the browser has sent it since the component was shown; else nothing."""
    sent, shown = st.session_state.get(key), st.session_state.get(f"{key}-shown")
    view = sent.get("view") if isinstance(sent, Mapping) else None
    if shown is None or not isinstance(view, Mapping) or view.get("id") != _token(shown):
        return {}
    return {name: text for name, text in view.items() if isinstance(text, str)}


def piece(packed: bytes) -> None:
    """Send a piece of a photograph to the browser; nothing is seen of it here."""
    header = packing.header(packed)
    component("piece")(key=f"{header['scene']}/{header['key']}", data=packed)


def copy() -> None:
    """Offer to copy the address of what is shown."""
    component("copy")(key="copy")


def words() -> None:
    """Explain the words of the field where they stand on the page."""
    component("words")(key="words", data={t.name: {"forms": t.forms, "says": t.says} for t in terms()})


def save() -> None:
    """Offer to save what the page shows, made in the browser; the components' own files are sent when a file is to slide without a server."""
    sent = st.session_state.get("save")
    wanted = isinstance(sent, Mapping) and sent.get("wanted") is True
    component("save")(key="save", data={"sources": sources()} if wanted else {}, on_wanted_change=_heard)


def sources() -> dict[str, dict[str, str]]:
    """Return the HTML, CSS and JavaScript of the components that slide, and of what brings their numbers, by name."""
    return {name: written(name) for name in ("scrub", "start", "strip", "photograph", "weights", "piece", "pad")}


def pad(key: str) -> bytes | None:
    """Let somebody draw a digit; return its 784 grey values, white ink on black, or None while the pad is empty."""
    values = _values(component("pad")(key=key, on_pixels_change=_heard).get("pixels"))
    return values if values and any(values) else None


def challenge(weights: bytes, packed: bytes, key: str, taken: Callable[[bytes], None]) -> None:
    """Let somebody paint over a digit (see frames.py) until the network is fooled; `taken` gets the 784 grey values that are sent in."""

    def sent() -> None:
        found = st.session_state.get(key)
        values = _values(found.get("sent")) if isinstance(found, Mapping) else None
        if values:
            taken(values)

    component("weights")(key=packing.header(weights)["key"], data=weights)
    component("challenge")(key=key, data=packed, on_sent_change=sent)


def _values(sent: object) -> bytes | None:
    """Read the 784 grey values of a digit that a browser has sent; None for all else."""
    try:
        values = base64.b64decode(sent, validate=True) if isinstance(sent, str) else b""
    except (binascii.Error, ValueError):
        return None
    return values if len(values) == SIDE * SIDE else None


def start(weights: bytes, packed: bytes, key: str, begin: Begin, anew: bool = False) -> Begin:
    """Let somebody draw or pick a digit and add noise to it (see frames.py); return what was chosen, from `begin` on."""
    component("weights")(key=packing.header(weights)["key"], data=weights)
    header = packing.header(packed)
    first, chosen = _shown("start", packed, key, asdict(begin), anew)
    found = Begin(**first)
    if not isinstance(chosen, Mapping) or chosen.get("kind") not in KINDS:
        return found
    at, target, level = (
        received.whole(chosen.get(name), 0, last)
        for name, last in (("at", len(header["labels"]) - 1), ("target", 9), ("level", len(header["levels"]) - 1))
    )
    return found if level is None else Begin(at, str(chosen["kind"]), target, level)


def _heard() -> None:
    """Let a component send something; it is read where it is shown."""


def _stays(key: str, about: str) -> bool:
    """Say whether somebody has stayed for a while with what is packed under the id `about`."""
    sent = st.session_state.get(key)
    told = sent.get("stays") if isinstance(sent, Mapping) else None
    return isinstance(told, str) and told.partition("-")[0] == about


def _token(shown: tuple[str, object, object, int]) -> str:
    """Tell what is shown apart from what was shown before, also where it is the same shown anew."""
    return f"{shown[0]}-{shown[3]}"


def _slide(
    name: str,
    packed: bytes,
    key: str,
    start: int | None,
    anew: bool,
    aimed: Callable[[], None] | None = None,
    view: Mapping[str, str] | None = None,
) -> int | None:
    """Show packed frames under a slider; return the level where it stands, as far as is known.

    The slider stands at `start` (None: where the component likes it) when the frames appear, or when `anew` says so;
    afterwards the visitor moves it.
    """
    first, moved = _shown(name, packed, key, start, anew, aimed, view)
    level = received.whole(moved, 0, len(packing.header(packed)["levels"]) - 1)
    return first if level is None else level


def _shown(
    name: str,
    packed: bytes,
    key: str,
    start: S,
    anew: bool,
    aimed: Callable[[], None] | None = None,
    view: Mapping[str, str] | None = None,
) -> tuple[S, object]:
    """Show what is packed; return what it started from, and what the browser says has been chosen since, or None."""
    header = packing.header(packed)
    shown: tuple[str, S, Mapping[str, str] | None, int] | None = st.session_state.get(f"{key}-shown")
    if shown is None or shown[0] != header["id"] or anew:
        shown = header["id"], start, view, (shown[3] + 1 if shown else 0)
        st.session_state[f"{key}-shown"] = shown
    _, first, view, _ = shown  # otherwise the message stays the same on a rerun, and is not sent again
    token = _token(shown)
    data = packing.reheaded(packed, {**header, "start": first, "view": view or {}, "id": token})
    sent = component(name)(
        key=key, data=data, on_moved_change=_heard, on_view_change=_heard, on_stays_change=_heard,
        on_aimed_change=aimed or _heard,
    )  # fmt: skip
    moved = sent.get("moved")
    return first, moved.get("level") if isinstance(moved, Mapping) and moved.get("id") == token else None
