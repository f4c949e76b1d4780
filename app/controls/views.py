"""How a component is looked at: chosen in the browser, said in the address, and begun with where that is opened."""

from collections.abc import Callable, Collection, Mapping
from itertools import product

import streamlit as st

from app import address, browser
from app.browser import packing
from app.browser.photographs import VIEWS
from core import UserError

Ways = Mapping[str, tuple[str, Callable[[str], str]]]  # by its name: what it begins with, and what may be asked for


def looked(key: str, ways: Ways) -> dict[str, str]:
    """Return how the component `key` is looked at, in words, and say it: as somebody chose in it, else as the address asks."""
    sent = {} if st.session_state["entering"] else browser.viewed(key)
    found = {}
    for name, (first, parse) in ways.items():
        found[name] = address.restore(name, first, parse, f"{key}-{name}")
        if name in sent:
            try:
                found[name] = parse(sent[name])
            except UserError:
                continue  # a browser of one's own, or what was there to choose from before
            address.choose(f"{key}-{name}", found[name])
            address.say(name, found[name], first)
    return found


def layers(weights: bytes) -> Ways:
    """Say how a network (see frames.py) may be looked at: a stage of each layer, a range of colours, an open map, a point in it."""
    header = packing.header(weights)
    stages = [
        " ".join(names) for names in product(*([name for _, name in group["stages"]] for group in header["groups"]))
    ]
    maps = {layer["name"]: layer["shape"][0] for layer in header["layers"] if layer["operation"] != "logits"}
    opened = [f"{name}.{k + 1}" for name, count in {"image": 1, **maps}.items() for k in range(count)]
    points = [f"{row}.{column}" for row, column in product(range(1, browser.SIDE + 1), repeat=2)]
    return {
        "stages": (stages[0], address.one_of(stages, "the stages")),
        "range": ("layer", address.one_of(("map", "layer", "shared"), "the range of colours")),
        "map": ("", address.one_of(("", *opened), "the map")),
        "point": ("", address.one_of(("", *points), "the point")),
    }


def stage(methods: Collection[str]) -> Ways:
    """Say how a photograph may be looked at: what lies right of the line, a view or one of the methods, and where the line is."""
    return {
        "right": (next(iter(VIEWS)), address.one_of((*VIEWS, *methods), "what is right of the line")),
        "line": ("50", address.one_of([str(k) for k in range(101)], "the place of the line, in percent,")),
    }
