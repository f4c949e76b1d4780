"""What does the network see? One digit, one noise or attack, every layer, under one slider."""

import streamlit as st

from app import address, cache, controls
from app.browser import scrub
from core.params import strength

st.title("What does the network see?")
st.markdown("Slide the strength and follow the picture through every layer to the answer: **where does it go wrong?**")

name, digit, thing, seed = controls.experiment()

reached = None
if digit:
    frames = cache.digit_frames(name, digit, thing, seed, maps=True)
    level = scrub(frames, key="see", start=controls.level(thing), anew=address.moved())
    reached = None if level is None else strength(type(thing))[1].levels()[level]
address.publish(network=name, **controls.picked(digit), **controls.chosen(thing, seed, reached))

controls.examples()
st.caption(
    "Click a map to enlarge it, then a point in it to see how that number comes about and which pixels it sees. "
    "Grey: how strongly a map answers. Change: red is more than on the clean image, blue is less. Network and noise are seeded: the same address shows the same picture."
)
controls.source(cache.dataset("mnist", "test"))
