"""Pick a picture in colour: a test image, one of the study's two, a photograph, one's own."""

from collections.abc import Sequence

import streamlit as st

from app import address, cache
from app.cache import Photo
from app.controls import pickers
from core.data import datasets
from core.data.datasets import Dataset

WAYS = {
    "number": "by number",
    "class": "by class",
    "random": "at random",
    "photograph": "a photograph",
    "upload": "upload a picture",
    "camera": "take a picture",
}
LAMP = 87  # a tile of the built-in photographs that shows something
STUDY = {"Ship": 5034, "Truck": 2727}  # the study's two CIFAR-10 test images, Figures 29 to 33


def photo() -> Photo | None:
    """Let somebody pick a picture in one of six ways; None, with a sentence, until there is one."""
    test = cache.dataset("cifar10", "test")
    last = len(test) - 1
    if address.arrived("photo") and "from" not in st.query_params:
        st.session_state["from"] = "number"
    address.restore("from", "number", address.one_of(WAYS, "the way to pick a picture"))
    address.restore("photo", STUDY["Ship"] if test.full else LAMP, address.whole(0, last, "test image"))
    left, right = st.columns([1, 1])
    way = left.selectbox("Picture", list(WAYS), key="from", format_func=WAYS.__getitem__)
    with right:
        match way:
            case "number":
                return Photo(int(st.number_input(f"Number, 0 to {last:,}", 0, last, key="photo")))
            case "class" | "random":
                return _listed(way, test)
            case "photograph":
                address.restore("name", "astronaut", address.one_of(datasets.PHOTOGRAPHS, "the photograph"))
                return Photo(name=str(st.selectbox("Which", datasets.PHOTOGRAPHS, key="name", format_func=spoken)))
            case "upload":
                return _own(st.file_uploader("PNG, JPEG or WebP, to 40 million pixels", type=None, key="photo-upload"))
            case _:
                return _own(st.camera_input("Smile", key="photo-camera"))


def picked(photo: Photo | None) -> dict[str, object]:
    """Return what an address says of a picture: its number, its name, or how one is to be had."""
    way = st.session_state["from"]
    if photo is None or photo.own:
        return {"from": way}
    return {"from": "photograph", "name": photo.name} if photo.name else dict(photo=photo.index)


def study() -> None:
    """Offer the study's two pictures, one click each; they are CIFAR-10's."""
    if not cache.dataset("cifar10", "test").full:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("The study's pictures:", width="content")
        for title, index in STUDY.items():
            st.button(title, on_click=_choose, args=(index,), help=f"CIFAR-10 test image {index}")


def spoken(name: str) -> str:
    """Write the name of a built-in photograph as words."""
    return name.replace("_", " ")


def _choose(index: int) -> None:
    st.session_state.update({"from": "number", "photo": index})


def _listed(way: str, test: Dataset) -> Photo:
    """Offer the pictures of one class, or any at random."""
    if way == "random":
        st.session_state.setdefault("photo-draw", 0)
        st.button("Another one", on_click=_another, width="stretch")
        chosen = int(datasets.shuffled(len(test), seed=0)[st.session_state["photo-draw"] % len(test)])
    else:
        label = st.selectbox("Class", test.classes, key="photo-class", format_func=spoken)
        rows: Sequence[int] = (test.labels == test.classes.index(label)).nonzero().flatten().tolist()
        chosen = int(st.select_slider("Which", rows, key=f"photo-{label}", format_func=lambda i: f"no. {i}"))
    st.session_state["photo"] = chosen
    return Photo(chosen)


def _another() -> None:
    st.session_state["photo-draw"] += 1


def _own(file: object) -> Photo | None:
    """Read a picture somebody brought; None, with a sentence, where there is none or it cannot be read."""
    if file is None:
        st.caption("It is not written to disk; the server forgets it when other pictures take its place.")
        return None
    return pickers.brought(file.getvalue(), cache.brought)  # type: ignore[attr-defined]
