"""What does the network see? One digit, one noise or attack, every layer, under one slider."""

import streamlit as st

from app import address, cache
from app.browser import scrub
from app.controls import data, examples, images, parameters, pickers
from app.inputs import Digit
from core.params import strength

st.markdown("Slide the strength and follow the picture through every layer to the answer: **where does it go wrong?**")

network, digit, thing, seed = pickers.experiment()

reached, drawing = None, st.session_state["way"] == "draw"
shown = digit or (Digit.blank() if drawing else None)
if shown:
    frames = cache.digit_frames(network, shown, thing, seed, drawing)
    level = scrub(
        cache.weights(network), frames, "see", pickers.aim, start=parameters.level(thing), anew=address.moved()
    )
    reached = None if level is None else strength(type(thing))[1].levels()[level]
address.publish(network=network.name, **images.picked(images.DIGITS, digit), **parameters.chosen(thing, seed, reached))

examples.digits()
st.caption(
    "Click a map to enlarge it, then a point in it to see how that number comes about and which pixels it sees. "
    "Grey: how strongly a map answers. Change: red is more than on the clean image, blue is less. Network and noise are seeded: the same address shows the same picture."
)
data.source(cache.dataset("mnist", "test"))
