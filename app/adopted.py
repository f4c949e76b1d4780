"""The networks that do not ship: remove an adopted one, or one whose card is of no use."""

from functools import partial

import streamlit as st

from app import access, received
from app.controls import presses
from core import checkpoints
from core.experiments import networks
from core.runs import control
from core.training.recipes import RECIPES


def damaged() -> None:
    """Say what is wrong with each card that is of no use: everywhere else its network is passed over."""
    for why in networks.damaged().values():
        st.warning(received.plain(why), icon=":material/broken_image:")


def removal(shown: str) -> None:
    """Offer, to who may, to remove the network that is shown and those whose cards are of no use, but none that ships."""
    presses.told()
    candidates = dict.fromkeys((shown, *networks.damaged()))
    names = [name for name in candidates if name not in RECIPES and checkpoints.NAME.fullmatch(name)]
    if names and access.may():
        for name in names:
            goes = f"The network {name} goes, for good. What was measured of it stays, and holds again if you adopt the same weights again."
            presses.deletion(st, f"Delete {name}", name, goes, partial(control.discard, name))
