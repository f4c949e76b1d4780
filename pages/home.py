"""Home: what this is, one live thing to play with at once, where to go next."""

import streamlit as st

from app import cache
from app.browser import scrub
from app.controls import choices, data, pickers
from app.inputs import Digit, Trained
from app.navigation import PAGES, ROOT
from core import params
from core.attacks import FGSM
from core.data import datasets
from core.experiments.trial import Corruption
from core.noise import SaltAndPepper

st.title("How do networks see noise?")
st.markdown(
    "Noisescope is a laboratory for noise: you add it, and watch what a neural network makes of it. "
    "Random noise fools a network now and then; noise that is **aimed** at it fools it with changes you can hardly see. "
    "Everything here is computed live, by small networks that were trained for it, on pictures you choose."
)

test = cache.dataset("mnist", "test")
pickers.none_here(names := pickers.classifiers())
THINGS: dict[str, Corruption] = {
    "an attack, aimed (FGSM)": FGSM(),
    "noise, random (salt and pepper)": SaltAndPepper(),
}
left, right = st.columns([2, 1], vertical_alignment="bottom")
kind = choices.buttons(
    left, "Slide the strength: when does it fall?", list(THINGS), key="kind", default=next(iter(THINGS))
)
index = min(20, len(test) - 1)
link = right.empty()
thing = THINGS[kind]
level = scrub(
    cache.digit_frames(Trained.named(names[0]), Digit.of(test, index), thing, 0, maps=False), key="home", start=2
)
strength = params.strength(type(thing))[1].levels()[level or 0]
asked = {"image": str(index), "add": type(thing).__name__, "strength": f"{strength:g}"}
inside = ROOT / "pages" / "see.py"
link.page_link(inside, label="See what happens inside", icon=":material/visibility:", query_params=asked)
st.caption(
    f"Test image {index}, network {names[0]}, noise seed 0. Drag, use the arrow keys, or press ▶. Then switch between the two."
)

st.subheader("Where to go next")
entries = [entry for entry in PAGES if entry.about]
for start in range(0, len(entries), 2):
    for column, entry in zip(st.columns(2), entries[start : start + 2], strict=False):
        with column, st.container(border=True):
            st.page_link(entry.file, label=f"**{entry.asks or entry.title}**")
            st.caption(entry.about)
data.source(test)
if not datasets.stamp("cifar10")[1]:
    st.caption(
        "CIFAR-10, the pictures of the study's second half, is not here: those pages show tiles of built-in photographs."
    )
    data.offer("cifar10")
