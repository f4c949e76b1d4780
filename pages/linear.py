"""Is it because networks are linear? Goodfellow's explanation (the study, section 2.2.1), tried on classifiers and denoisers."""

import streamlit as st

from app import cache, linear
from app.controls import choices, data, images, parameters, pickers

VIEWS = {
    "line": "Along a line",
    "kinks": "At the kinks",
    "plane": "On a plane",
    "sizes": "More inputs",
    "denoisers": "And denoisers?",
}
OF_A_DIGIT = {"line": linear.line, "kinks": linear.kinks, "plane": linear.plane}

st.markdown(
    "Many small changes, all in the right direction, add up in a linear model. **Are networks linear enough for that to explain why they are fooled?**"
)
view = choices.pressed("Look", VIEWS, "view", "the view", key="linear-view")
row = st.columns([1.15, 2.6, 0.8], vertical_alignment="bottom")
with row[2], st.popover("More", icon=":material/tune:", width="stretch"):
    seed = parameters.seeded()
if view == "denoisers":
    with row[0]:
        denoiser = pickers.denoiser()
    with row[1]:
        photo = images.photo()
    if photo:
        linear.denoisers(denoiser, photo, seed)
    data.source(cache.dataset("cifar10", "test"))
else:
    with row[0]:
        network = pickers.classifier()
    with row[1]:
        digit = images.digit(network)
    if view == "sizes":
        linear.sizes(network)
    elif digit:
        OF_A_DIGIT[view](network, digit, seed)
    data.source(cache.dataset("mnist", "test"))
