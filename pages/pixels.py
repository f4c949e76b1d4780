"""How few pixels are enough? Every pixel tried, few of them searched for, and accuracy over their number (Figure 12)."""

from dataclasses import replace

import streamlit as st

from app import cache
from app.browser import packing
from app.controls import choices, data, images, parameters, pickers
from app.draw import charts, measured, pictures
from app.inputs import Digit
from app.progress import searched
from core.attacks import OnePixel
from core.experiments import every_pixel, few_pixels
from core.study.reported import REPORTED

VALUES = {"bw": (0.0, 1.0), "five": (0.0, 0.25, 0.5, 0.75, 1.0)}
TITLES = {"bw": "black and white", "five": "five greys"}
ONE = next(r for r in REPORTED if r.kind == "OnePixel")
WEAK = 3138  # a 3 that a single pixel fells, but a search needs some generations to find it

st.markdown(
    "The attacker may change only a few pixels, but these as much as he likes. **Where would you put one? Then look where the network is weak.**"
)
row = st.columns([1.15, 2.6, 1.0, 0.8], vertical_alignment="bottom")
with row[0]:
    network = pickers.classifier()
with row[1]:
    digit = images.digit(network, first=WEAK)
with row[2]:
    count = choices.counted("Pixels to change", 1, 40, "pixels", 1)
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    search = parameters.sliders(OnePixel(count), ("pixels", "seed"))
    tried = choices.pressed("Try each pixel in", TITLES, "values", "the values")
    seed = parameters.seeded()
search = replace(search, pixels=count, seed=seed)


def weak(digit: Digit) -> None:
    """Show where a single pixel changes the answer."""
    found = cache.weak_spots(network, digit, VALUES[tried])
    if found.says != found.label:
        st.info(
            f"{network.name} reads this {found.label} as a {found.says} before anything is changed: choose another digit to see where it is weak.",
            icon=":material/info:",
        )
        return
    limit = max(0.05, float(found.lost.abs().max()))
    left, middle, right = st.columns([1, 1, 1.3])
    left.image(pictures.enlarged(pictures.grey(digit.image()[0, 0]), 10), output_format="PNG", width="stretch", caption="the digit", alt="the digit")  # fmt: skip
    middle.image(
        pictures.marked(pictures.diverging(found.lost, limit), found.flipped, 10), output_format="PNG", width="stretch",
        caption=f"red: how much less sure, full colour at {100 * limit:.1f} points; framed: the answer changes", alt="how much less sure",
    )  # fmt: skip
    right.metric("Single pixels that change the answer", f"{int(found.flipped.sum())} of {found.flipped.numel()}")
    right.markdown(
        f"The weakest spot is row {found.weakest[0]}, column {found.weakest[1]}, set to {found.value:g}: {network.name} is then "
        f"{100 * (found.before - float(found.lost.max())):.1f} % sure of {found.label} instead of {100 * found.before:.1f} %."
    )
    right.caption(f"{found.questions:,} questions to the network: every pixel in {TITLES[tried]}. No search in these values finds better.")  # fmt: skip


if digit is not None:
    weak(digit)
    st.header("Searching for them")
    found = searched(network, digit, search)
    parameters.slid(found, "search", len(packing.header(found)["levels"]) - 1, 0)
    st.caption(
        f"{search!r} on {network.name}: differential evolution, up to {search.population * (search.generations + 1):,} questions to the network, fewer when the answer flips. "
        "Drag: the cloud of candidates draws together where the network is weak. Every candidate is a few places and values; each generation keeps the better of parent and child."
    )
st.header("How many pixels for how many digits?")
known = every_pixel.STORE.current()
curves = [c for name in pickers.classifiers() if (c := few_pixels.STORE.get(name))]
if curves:
    charts.show(measured.pixels(curves, known, [ONE], pickers.classifiers()), "curve")
    about = f"{curves[0].corruption}: n = {curves[0].n:,} digits a point, seed {curves[0].seed}, {curves[0].data}"
    st.caption(
        f"{about}; shaded: 95 % interval (Wilson). Stars: every pixel tried in black and white, on all {next(iter(known.values())).n:,} digits. "
        "Diamonds: what the study prints; its search drew candidates at random, and its budget is another."
        if known
        else f"{about}."
    )
else:
    st.info("Not measured yet: `python -m core measure few-pixels digit-cnn`.", icon=":material/info:")
if network.name in known:
    measured.weakness(network.name, known[network.name], ONE.accuracy[0])
data.source(cache.dataset("mnist", "test"))
