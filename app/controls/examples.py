"""The study's own pictures, one click each."""

import streamlit as st

from app import address, cache
from app.controls import parameters
from app.controls.images import SHIP, TRUCK
from core import params
from core.study import reported
from core.study.reported import Example


def digits() -> None:
    """Offer the study's three examples; they are MNIST's."""
    if not cache.dataset("mnist", "test").full:
        st.caption(
            "The study's three examples are MNIST's test images 333, 118 and 20: get the full set, below, to try them."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Try this:**", width="content")
        for example in reported.EXAMPLES:
            hint = f"The study's test image {example.index}. It reports: {example.reported}."
            st.button(example.title, on_click=_choose, args=(example,), help=hint)


def photos() -> None:
    """Offer the study's two pictures; they are CIFAR-10's."""
    if not cache.dataset("cifar10", "test").full:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("The study's pictures:", width="content")
        for title, index in (("Ship", SHIP), ("Truck", TRUCK)):
            st.button(title, on_click=_choose_photo, args=(index,), help=f"CIFAR-10 test image {index}")


def _choose(example: Example) -> None:
    """Set every control to one of the study's examples."""
    thing = example.corruption
    kind = type(thing).__name__
    st.session_state.update(way="number", image=example.index, add=kind, seed=example.seed, network="digit-cnn")
    st.session_state.update({f"{kind}.{name}": getattr(thing, name) for name in params.spans(type(thing))})
    parameters.reached(thing, params.level(thing))
    address.ask("strength", f"{params.level(thing):g}")


def _choose_photo(index: int) -> None:
    st.session_state.update({"from": "number", "photo": index})
