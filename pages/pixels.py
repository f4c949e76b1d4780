"""How few pixels are enough? Every pixel tried, few of them searched for, and accuracy over their number (Figure 12)."""

from dataclasses import replace

import streamlit as st
import torch

from app import address, cache
from app.browser import strip
from app.controls import data, images, parameters, pickers
from app.draw import charts, pictures
from app.inputs import Digit
from core.attacks import OnePixel
from core.experiments.accuracy import Curve
from core.study.reported import REPORTED

VALUES = {"bw": (0.0, 1.0), "five": (0.0, 0.25, 0.5, 0.75, 1.0)}
ONE = next(r for r in REPORTED if r.kind == "OnePixel")
WEAK = 3138  # a 3 that a single pixel fells, but a search needs some generations to find it
TITLES = {"bw": "black and white", "five": "five greys"}

st.title("How few pixels are enough?")
st.markdown(
    "The attacker may change only a few pixels, but these as much as he likes. **Where would you put one? Then look where the network is weak.**"
)
row = st.columns([1.15, 2.6, 1.0, 0.8], vertical_alignment="bottom")
with row[0]:
    name = pickers.network()
with row[1]:
    digit = images.digit(name, first=WEAK)
with row[2]:
    address.restore("pixels", 1, address.whole(1, 40, "pixels"))
    count = int(st.number_input("Pixels to change", 1, 40, key="pixels"))
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    search = parameters.sliders(OnePixel(count), ("pixels", "seed"))
    address.restore("values", "bw", address.one_of(VALUES, "the values"))
    tried = str(
        st.segmented_control(
            "Try each pixel in", list(VALUES), key="values", required=True, format_func=TITLES.__getitem__
        )
    )
    seed = parameters.seeded()
search = replace(search, pixels=count, seed=seed)


def weak(digit: Digit) -> None:
    """Show where a single pixel changes the answer."""
    model, _ = cache.network(name)
    x, y = digit.image(), digit.labels(model)
    found = cache.single_pixels(name, digit, VALUES[tried])
    with torch.no_grad():
        clean = model(x).softmax(1)[0]
    before = float(clean[y[0]])
    if int(clean.argmax()) != int(y[0]):
        st.info(
            f"{name} reads this {int(y[0])} as a {int(clean.argmax())} before anything is changed: choose another digit to see where it is weak.",
            icon=":material/info:",
        )
        return
    lost = (before - found.probability[0]).amax(0)  # (h, w): the most any value costs
    flipped = (found.answer[0] != y[0]).any(0)
    left, middle, right = st.columns([1, 1, 1.3])
    left.image(pictures.enlarged(pictures.grey(x[0, 0]), 10), output_format="PNG", width="stretch", caption="the digit")
    middle.image(
        pictures.marked(pictures.diverging(lost, max(0.05, float(lost.abs().max()))), flipped, 10), output_format="PNG", width="stretch",
        caption=f"red: how much less sure, full colour at {100 * max(0.05, float(lost.abs().max())):.1f} points; framed: the answer changes",
    )  # fmt: skip
    with right:
        st.metric("Single pixels that change the answer", f"{int(flipped.sum())} of {flipped.numel()}")
        place = int(lost.argmax())
        at = divmod(place, lost.shape[1])
        value = VALUES[tried][int(found.probability[0].flatten(1)[:, place].argmin())]
        st.markdown(
            f"The weakest spot is row {at[0]}, column {at[1]}, set to {value:g}: {name} is then {100 * (before - float(lost.max())):.1f} % sure of {int(y[0])} "
            f"instead of {100 * before:.1f} %."
        )
        st.caption(
            f"{found.probability.numel():,} questions to the network: every pixel in {TITLES[tried]}. No search in these values finds better."
        )


def searched(digit: Digit) -> None:
    """Show the search, generation by generation."""
    packed = cache.pixel_search(name, digit, search)
    strip(packed, key="search", start=0, anew=address.moved())
    st.caption(
        f"{search!r} on {name}: differential evolution, up to {search.population * (search.generations + 1):,} questions to the network, fewer when the answer flips. "
        "Drag: the cloud of candidates draws together where the network is weak. Every candidate is a few places and values; each generation keeps the better of parent and child."
    )


def over_number(curves: list[Curve]) -> None:
    """Draw accuracy over the number of pixels, beside the study's points."""
    st.plotly_chart(
        charts.pixels(curves, cache.exhausted(), [ONE], pickers.classifiers()), key="curve", theme="streamlit"
    )
    first = curves[0]
    st.caption(
        f"{first.corruption}: n = {first.n:,} digits a point, seed {first.seed}, {first.data}; shaded: 95 % interval (Wilson). Stars: every pixel tried in black and white, "
        f"on all {next(iter(cache.exhausted().values())).n:,} digits. Diamonds: what the study prints; its search drew candidates at random, and its budget is another."
        if cache.exhausted()
        else f"{first.corruption}: n = {first.n:,} digits a point, seed {first.seed}, {first.data}."
    )


address.publish(
    network=name, **images.picked(images.DIGITS, digit), pixels=count, **parameters.changed(search, ("pixels", "seed")),
    values=None if tried == "bw" else tried, seed=seed or None,
)  # fmt: skip
if digit is not None:
    weak(digit)
    st.subheader("Searching for them")
    searched(digit)
st.subheader("How many pixels for how many digits?")
curves = [c for n in pickers.classifiers() for c in cache.curves_of(n) if c.kind == "OnePixel"]
if curves:
    over_number(curves)
else:
    st.info("Not measured yet: `python -m core pixels digit-cnn`.", icon=":material/info:")
known = cache.exhausted()
if name in known:
    found = known[name]
    left, right = st.columns([1, 1.6])
    flips = torch.tensor(found.flips).float()
    left.image(
        pictures.enlarged(pictures.grey(flips / flips.max().clamp(min=1)), 8),
        output_format="PNG",
        width="stretch",
        caption="where digits are weak: white, most digits flipped by this pixel alone",
    )
    right.markdown(
        f"Of {found.n:,} test digits {name} reads {found.clean:,} right; {found.clean - found.safe:,} of these fall to a **single** pixel, black or white: accuracy "
        f"{100 * found.clean / found.n:.2f} % → {100 * found.safe / found.n:.2f} %. The study reports {ONE.accuracy[0]:g} % for one pixel, on its own network and by a random search."
    )
    right.caption(f"The most dangerous pixel flips {int(flips.max())} digits. n = {found.n:,}, {found.data}.")
data.source(cache.dataset("mnist", "test"))
