"""What does the network see? One digit, one noise or attack, every layer, under one slider."""

import streamlit as st

from app import address, cache
from app.browser import scrub
from app.controls import data, examples, parameters, pickers, views
from app.inputs import Digit
from core.params import strength

st.markdown("Slide the strength and follow the picture through every layer to the answer: **where does it go wrong?**")

network, digit, thing, seed = pickers.experiment()

reached, drawing = None, st.session_state["way"] == "draw"
shown = digit or (Digit.blank() if drawing else None)
if shown:
    frames, weights = cache.digit_frames(network, shown, thing, seed, drawing), cache.weights(network)
    view, start = views.looked("see", views.layers(weights)), parameters.level(thing)
    level = scrub(weights, frames, "see", pickers.aim, start, address.moved(), view)
    levels = strength(type(thing))[1].levels()
    reached = None if level is None else levels[level]
parameters.reached(thing, reached)
if shown and reached is None:
    address.say("strength", begins := levels[round(len(levels) / 5)], begins)  # where scrub.js puts the slider

examples.digits()
st.caption(
    "Click a map to enlarge it, then a point in it to see how that number comes about and which pixels it sees. "
    "Grey: how strongly a map answers. Change: red is more than on the clean image, blue is less. Network and noise are seeded: the same address shows the same picture."
)
data.source(cache.dataset("mnist", "test"))
