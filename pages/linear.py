"""Is it because networks are linear? Goodfellow's explanation (the study, section 2.2.1), tried on classifiers and denoisers."""

import streamlit as st

from app import address, cache, linear
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
address.restore("view", "line", address.one_of(VIEWS, "the view"), key="linear-view")
view = choices.buttons(st, "Look", VIEWS, key="linear-view")
row = st.columns([1.15, 2.6, 0.8], vertical_alignment="bottom")
with row[2], st.popover("More", icon=":material/tune:", width="stretch"):
    seed = parameters.seeded()
if view == "denoisers":
    with row[0]:
        denoiser = pickers.denoiser()
    with row[1]:
        photo = images.photo()
    address.publish(view=view, denoiser=denoiser.name, **images.picked(images.PHOTOS, photo), seed=seed or None)
    if photo:
        linear.denoisers(denoiser, photo, seed)
    data.source(cache.dataset("cifar10", "test"))
else:
    with row[0]:
        network = pickers.classifier()
    with row[1]:
        digit = images.digit(network)
    shown: dict[str, object] = {}
    if view == "sizes":
        linear.sizes(network)
    elif digit:
        shown = OF_A_DIGIT[view](network, digit, seed)
    address.publish(view=view, network=network.name, **images.picked(images.DIGITS, digit), seed=seed or None, **shown)
    data.source(cache.dataset("mnist", "test"))
