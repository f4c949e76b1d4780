"""Pick a picture: a digit or one in colour, by number, by class, at random, or one's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from app import address, cache, received, uploads
from app.browser import pad
from app.controls import choices
from app.inputs import Digit, Photo, Trained
from app.progress import predictions
from core import UserError
from core.data import datasets, samples
from core.data.datasets import Dataset

P = TypeVar("P", Digit, Photo)
TESTED = {"number": "by number", "class": "by class", "random": "at random"}  # test images
OWN = {"upload": "upload a picture"}
DIGIT_SOURCES = {**TESTED, "mistakes": "the network's mistakes", "draw": "draw it yourself", **OWN}
PHOTO_SOURCES = {**TESTED, "photograph": "a photograph", **OWN, "camera": "take a picture"}
LAMP = 87  # a tile of the built-in photographs that shows something
SHIP, TRUCK = 5034, 2727  # the study's two CIFAR-10 test images, Figures 29 to 33


@dataclass(frozen=True)
class Kind(Generic[P]):
    """In what choosing a digit and choosing a picture in colour differ."""

    of: Callable[[Dataset, int], P]
    dataset: str
    title: str
    what: str
    way: str  # the key of the way to pick one
    index: str  # and of its number
    sources: Mapping[str, str]


DIGITS = Kind(Digit.of, "mnist", "Image", "an image", "way", "image", DIGIT_SOURCES)
PHOTOS = Kind(Photo.of, "cifar10", "Picture", "a picture", "from", "photo", PHOTO_SOURCES)


def digit(network: Trained, first: int = 333) -> Digit | None:
    """Let somebody pick a digit in one of six ways; None, with a sentence, until there is one.

    `first` is the test image a page begins with, `network` the one whose mistakes are offered.
    """

    def other(way: str, test: Dataset, asked: int | None) -> Digit | None:
        match way:
            case "draw":
                return _drawn()
            case "upload":
                file = st.file_uploader("A picture of one digit (PNG, JPEG, WebP)", type=None, key="upload")
                return _brought(file, uploads.digit, "One digit on a plain background, photographed or drawn.")
            case _:
                return _mistaken(network, test, asked)

    return _chosen(DIGITS, first, other)


def photo(way: str = "number") -> Photo | None:
    """Let somebody pick a picture in one of six ways, beginning with `way`; None, with a sentence, until there is one."""

    def other(way: str, _: Dataset, asked: int | None) -> Photo | None:
        match way:
            case "photograph":
                titles = {name: spoken(name) for name in samples.PHOTOGRAPHS}
                return Photo(
                    name=choices.listed("Which", titles, "photograph", "the photograph", "astronaut", key="name")
                )
            case "upload":
                file = st.file_uploader(
                    "PNG or JPEG to 40 million pixels, or WebP to 22 million", type=None, key="photo-upload"
                )
            case _:
                file = st.camera_input("Smile", key="photo-camera")
        missing = "It is not kept on disk; the server forgets it when other pictures take its place."
        return _brought(file, uploads.photo, missing)

    return _chosen(PHOTOS, SHIP if cache.dataset("cifar10", "test").full else LAMP, other, way)


def numbered(kind: Kind[P], name: str, first: int, label: str, key: str = "") -> P:
    """Let somebody pick a test image by its number, which the address has under `name`; a page begins with `first`.

    `key` keeps apart what was chosen for several things, each of which begins with a number of its own.
    """
    test = cache.dataset(kind.dataset, "test")
    last = len(test) - 1
    key = key or kind.index
    begins = first if first <= last else LAMP if kind is PHOTOS else last
    return kind.of(test, choices.counted(f"{label}, 0 to {last:,}", 0, last, name, begins, "test image", key))


def spoken(name: str) -> str:
    """Write the name of a class or of a built-in photograph as words."""
    return name.replace("_", " ")


def _chosen(
    kind: Kind[P], first: int, other: Callable[[str, Dataset, int | None], P | None], way: str = "number"
) -> P | None:
    """Offer the ways to pick a picture, beginning with `way`; `other` answers those that are of one kind only.

    A page that is entered begins with the number that is asked for, however it was found.
    """
    test = cache.dataset(kind.dataset, "test")
    last = len(test) - 1
    if "photograph" in kind.sources:
        address.imply("way", "photograph", by="photograph")
    address.imply("way", "number", by="image")
    anew = address.arrived("image")
    index = address.restore("image", min(first, last), address.whole(0, last, "test image"), kind.index)
    asked = index if anew else None
    left, right = st.columns(2)
    with left:
        way = choices.listed(kind.title, kind.sources, "way", f"the way to pick {kind.what}", way, kind.way)
    found: P | None
    with right:
        match way:
            case "number":
                found = kind.of(test, int(st.number_input(f"Number, 0 to {last:,}", 0, last, key=kind.index)))
            case "class":
                found = kind.of(test, _of_a_class(kind, test, asked))
            case "random":
                found = kind.of(test, _at_random(kind, test, asked))
            case _:
                found = other(way, test, asked)
    address.say("way", None if way in ("number", "photograph") else way)
    address.say("image", found.index if found else None)
    if found and found.index is not None and way != "number":
        st.session_state[kind.index] = found.index
    return found


def _of_a_class(kind: Kind[P], test: Dataset, asked: int | None) -> int:
    key = f"{kind.index}-class"
    if asked is not None:
        st.session_state[key] = test.classes[int(test.labels[asked])]
    st.session_state.setdefault(key, test.classes[-1 if kind.dataset == "mnist" else 0])
    label = test.classes.index(st.selectbox("Class", test.classes, key=key, format_func=spoken))
    rows, which = (test.labels == label).nonzero().flatten().tolist(), f"{kind.index}-{label}"
    if asked is not None:
        st.session_state[which] = asked
    return int(st.select_slider("Which", rows, key=which, format_func=lambda i: f"no. {i}"))


def _at_random(kind: Kind[P], test: Dataset, asked: int | None) -> int:
    order, key = datasets.shuffled(len(test), seed=0), f"{kind.index}-draw"
    if asked is not None:
        st.session_state[key] = int((order == asked).nonzero()[0])
    drawn = st.session_state.setdefault(key, 0)
    st.button("Another one", on_click=lambda: st.session_state.update({key: drawn + 1}), width="stretch")
    return int(order[drawn % len(test)])


def _mistaken(network: Trained, test: Dataset, asked: int | None) -> Digit | None:
    answers, sure = predictions(network)
    rows = (answers != test.labels).nonzero().flatten().tolist()
    if not rows:
        st.info(f"{network.name} makes no mistake on these {len(test):,} images.")
        return None

    def told(i: int) -> str:
        return f"no. {i}: a {int(test.labels[i])}, read as {int(answers[i])} ({100 * float(sure[i]):.0f} % sure)"

    label, key = f"{len(rows):,} of {len(test):,} are wrong", f"mistake-{network.name}"
    if asked in rows:
        st.session_state[key] = asked
    return Digit.of(test, st.selectbox(label, rows, key=key, format_func=told))


def _drawn() -> Digit | None:
    values = pad("pad")
    if values is None:
        st.info("Draw a digit on the pad: one, large and plain.", icon=":material/draw:")
        return None
    return Digit(values)


def _brought(file: Any, read: Callable[[bytes], tuple[P, str]], missing: str) -> P | None:
    """Read a file that somebody brought; None, with the sentence `missing`, where there is none."""
    if file is None:
        st.caption(missing)
        return None
    return _read(lambda: read(file.getvalue()))


def _read(read: Callable[[], tuple[P, str]]) -> P | None:
    """Read somebody's picture and say what had to be done to it; None, with a sentence, where it is refused."""
    try:
        picture, note = read()
    except UserError as refusal:
        st.warning(received.plain(str(refusal)), icon=":material/image_not_supported:")
        return None
    if note:
        st.caption(note)
    return picture
