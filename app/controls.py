"""Widgets: a dataclass goes in, sliders come up, a filled-in dataclass comes out; the image picker; the address bar.

Every choice starts from the address (`?image=333&add=FGSM`) and goes back into it, so that a page can be sent to
somebody. An address that asks for the impossible gets one sentence and the default.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from app import cache
from app.cache import Digit
from app.pad import pad
from app.show import words
from core import Refusal, checkpoints, data, params, pictures, recipes, study
from core.attacks import ATTACKS
from core.data import Dataset
from core.evaluation import Corruption
from core.noise import NOISES
from core.study import Example

T = TypeVar("T")
CORRUPTIONS: dict[str, Any] = {**NOISES, **ATTACKS}
WAYS = {
    "number": "by number",
    "class": "by class",
    "random": "at random",
    "mistakes": "the network's mistakes",
    "draw": "draw it yourself",
    "upload": "upload a picture",
}


def described(kind: str) -> str:
    """Name a noise or an attack with its sort, as a list shows it."""
    return f"{words(kind)} ({'attack, aimed' if kind in ATTACKS else 'noise, random'})"


def address(key: str, default: T, parse: Callable[[str], T]) -> None:
    """Start the widget `key` from the address; a value there that does not parse is answered by the parser's sentence."""
    if key in st.session_state:
        return
    st.session_state[key] = default
    if key in st.query_params:
        try:
            st.session_state[key] = parse(st.query_params[key])
        except Refusal as refusal:
            st.warning(f"{refusal} Shown instead: {default}.", icon=":material/link_off:")


def publish(**values: object) -> None:
    """Put the choices into the address; an empty one is left out."""
    for key, value in values.items():
        if value is None or value == "":
            st.query_params.pop(key, None)
        elif st.query_params.get(key) != str(value):
            st.query_params[key] = str(value)


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


def networks(dataset: str = "mnist", architecture: str | None = None) -> list[str]:
    """List the networks that ship, or that were trained here, for a data set."""
    return [
        r.name
        for r in recipes.RECIPES.values()
        if r.dataset == dataset
        and architecture in (None, r.architecture)
        and checkpoints.path(r.name, ".json").exists()
    ]


def network(architecture: str | None = None) -> str:
    """Let somebody choose a network; stops the page with one sentence where there is none."""
    names = networks(architecture=architecture)
    if not names:
        st.warning(
            "No trained network is here: make one with `python -m core train digit-cnn`.", icon=":material/info:"
        )
        st.stop()
    address("network", names[0], one_of(names, "the network"))
    return str(
        st.selectbox(
            "Network", names, key="network", help="\n\n".join(f"**{n}**: {recipes.RECIPES[n].title}" for n in names)
        )
    )


def corruption(where: Any = st) -> Corruption:
    """Let somebody choose a noise or an attack and everything about it but its strength, which is slid on the picture."""
    address("add", "FGSM", one_of(CORRUPTIONS, "the noise or attack"))
    kind = where.selectbox("We add", list(CORRUPTIONS), key="add", format_func=described, on_change=_forget_strength)
    return CORRUPTIONS[kind]()  # type: ignore[no-any-return]


def _forget_strength() -> None:
    """A strength belongs to the noise or attack it was chosen for."""
    st.query_params.pop("strength", None)


def details(thing: Corruption) -> Corruption:
    """Show a slider for every further parameter of a noise or an attack; return it with their values."""
    kind = type(thing)
    first, _ = params.strength(kind)
    values: dict[str, float] = {}
    for name, span in params.spans(kind).items():
        if name in (first, "seed"):
            continue
        default = getattr(thing, name)
        sort = type(default)
        label = (span.label or name) + (f", {span.unit}" if span.unit else "")
        values[name] = st.slider(
            label, sort(span.low), sort(span.high), default, sort(span.step), key=f"{kind.__name__}.{name}"
        )
    return replace(thing, **values)  # type: ignore[type-var]


def seed(default: int = 0) -> int:
    """Let somebody draw other noise."""
    address("seed", default, whole(0, 9999, "seed"))
    return int(st.number_input("Seed: another number, another draw of the noise", 0, 9999, key="seed"))


def level(thing: Corruption) -> int | None:
    """Return the place, among the levels of a corruption, of the strength the address asks for; None if it asks for none."""
    field, span = params.strength(type(thing))
    text = st.query_params.get("strength")
    if text is None:
        return None
    levels = span.levels()
    try:
        wanted = float(text)
        params.at(thing, wanted)
    except (ValueError, Refusal):
        unit = f" ({span.unit})" if span.unit else ""
        st.warning(
            f"The address asks for {field} {text}, but it goes from {span.low:g} to {span.high:g}{unit}. Shown instead: {params.level(thing):g}.",
            icon=":material/link_off:",
        )
        wanted = params.level(thing)
        st.query_params["strength"] = f"{wanted:g}"
    return nearest(levels, wanted)


def strength(thing: Corruption) -> Corruption:
    """Let somebody set the strength on the server's side; return the corruption with it."""
    field, span = params.strength(type(thing))
    levels = span.levels()
    key = f"strength-{type(thing).__name__}"
    if key not in st.session_state:
        st.session_state[key] = levels[
            nearest(levels, params.level(thing)) if (asked := level(thing)) is None else asked
        ]
    unit = f", {span.unit}" if span.unit else ""
    chosen = st.select_slider(
        f"{span.label}{unit}",
        levels,
        key=key,
        format_func=lambda v: f"{100 * v:.0f} %" if field in ("p", "fraction") else f"{v:g}",
    )
    return params.at(thing, float(chosen))


def nearest(levels: tuple[float, ...], wanted: float) -> int:
    """Return the place of the level closest to `wanted`."""
    return min(range(len(levels)), key=lambda k: abs(levels[k] - wanted))


def choose(example: Example) -> None:
    """Set every control to one of the study's examples."""
    st.session_state.update(
        way="number", image=example.index, add=type(example.corruption).__name__, seed=example.seed, network="digit-cnn"
    )
    st.session_state.pop(f"strength-{type(example.corruption).__name__}", None)
    st.query_params["strength"] = f"{params.level(example.corruption):g}"


def examples() -> None:
    """Offer the study's three examples, one click each; they are MNIST's."""
    if not cache.dataset("mnist", "test").full:
        st.caption(
            "The study's three examples are MNIST's test images 333, 118 and 20: get the full set, below, to try them."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Try this:**", width="content")
        for example in study.EXAMPLES:
            st.button(
                example.title,
                on_click=choose,
                args=(example,),
                help=f"The study's test image {example.index}. It reports: {example.reported}.",
            )


def digit(name: str) -> Digit | None:
    """Let somebody pick a digit in one of six ways; None, with a sentence, until there is one. `name` is the network."""
    test = cache.dataset("mnist", "test")
    last = len(test) - 1
    address("way", "number", one_of(WAYS, "the way to pick an image"))
    address("image", min(333, last), whole(0, last, "test image"))
    left, right = st.columns([1, 1])
    way = left.selectbox("Image", list(WAYS), key="way", format_func=WAYS.__getitem__)
    with right:
        if way == "number":
            st.number_input(f"Number, 0 to {last:,}", 0, last, key="image")
            return Digit(st.session_state["image"])
        if way == "draw":
            return _own(pad("pad"), "Draw a digit on the pad: it is read when you lift the pen.")
        if way == "upload":
            return _uploaded()
        return _listed(way, name, test)


def _listed(way: str, name: str, test: Dataset) -> Digit | None:
    """Offer the digits of one class, of the network's mistakes, or any at random."""
    if way == "random":
        st.session_state.setdefault("draw", 0)
        st.button(
            "Another one", on_click=lambda: st.session_state.update(draw=st.session_state["draw"] + 1), width="stretch"
        )
        chosen = int(data.shuffled(len(test), seed=0)[st.session_state["draw"] % len(test)])
    elif way == "class":
        label = st.segmented_control("Class", range(10), default=9, required=True, key="class", format_func=str)
        rows = (test.labels == label).nonzero().flatten().tolist()
        chosen = st.select_slider("Which", rows, key=f"which-{label}", format_func=lambda i: f"no. {i}")
    else:
        answers, sure = cache.predictions(name)
        rows = (answers != test.labels).nonzero().flatten().tolist()
        if not rows:
            st.info(f"{name} makes no mistake on these {len(test):,} images.")
            return None
        words = {
            i: f"no. {i}: a {int(test.labels[i])}, read as {int(answers[i])} ({100 * float(sure[i]):.0f} % sure)"
            for i in rows
        }
        chosen = st.selectbox(
            f"{len(rows):,} of {len(test):,} are wrong", rows, key=f"mistake-{name}", format_func=words.__getitem__
        )
    st.session_state["image"] = chosen
    return Digit(chosen)


def _uploaded() -> Digit | None:
    file = st.file_uploader("A picture of one digit (PNG, JPEG, WebP)", type=None, key="upload")
    if file is None:
        st.caption("One digit on a plain background, photographed or drawn.")
        return None
    try:
        picture = pictures.decode(file.getvalue())
    except Refusal as refusal:
        st.warning(str(refusal), icon=":material/image_not_supported:")
        return None
    if picture.note:
        st.caption(picture.note)
    return _own(picture.image, "")


def _own(image: Any, missing: str) -> Digit | None:
    if image is None:
        st.info(missing, icon=":material/draw:")
        return None
    try:
        own = pictures.as_digit(image)
    except Refusal as refusal:
        st.warning(str(refusal), icon=":material/image_not_supported:")
        return None
    return Digit(own=(own * 255).round().byte().numpy().tobytes())


def source(dataset: Dataset) -> None:
    """Say, small, which data the page shows and, for a sample, how to get the full set, with a button that does it."""
    if dataset.full:
        st.caption(f"Data: {dataset.note}")
        return
    st.caption(f"Data: {dataset.note}")
    name = data.SOURCES[dataset.name].title
    if st.button(f"Download {name}", icon=":material/download:", key=f"download-{dataset.name}"):
        bar = st.progress(0.0, f"Downloading {name} ...")
        try:
            for share in data.download(dataset.name):
                bar.progress(share, f"Downloading {name}: {100 * share:.0f} %")
        except Refusal as refusal:
            bar.empty()
            st.warning(str(refusal), icon=":material/wifi_off:")
        else:
            cache.forget_data()
            st.rerun()
