"""Home: what this is, one live thing to play with at once, where to go next."""

from pathlib import Path

import streamlit as st

from app import cache
from app.browser import scrub
from app.controls import data, pickers
from app.inputs import Digit, Trained
from core import params
from core.attacks import FGSM
from core.data import datasets
from core.experiments.accuracy import Corruption
from core.noise import SaltAndPepper

HERE = Path(__file__).parent

st.title("How do networks see noise?")
st.markdown(
    "Noisescope is a laboratory for noise: you add it, and watch what a neural network makes of it. "
    "Random noise fools a network now and then; noise that is **aimed** at it fools it with changes you can hardly see. "
    "Everything here is computed live, by small networks that were trained for it, on pictures you choose."
)

test = cache.dataset("mnist", "test")
names = pickers.classifiers()
if not names:
    st.warning("No trained network is here: make one with `python -m core train digit-cnn`.", icon=":material/info:")
    st.stop()
KINDS: dict[str, tuple[str, Corruption]] = {
    "aimed": ("an attack, aimed (FGSM)", FGSM()),
    "random": ("noise, random (salt and pepper)", SaltAndPepper()),
}
left, right = st.columns([2, 1], vertical_alignment="bottom")
kind = left.segmented_control(
    "Slide the strength: when does it fall?",
    list(KINDS),
    key="kind",
    default="aimed",
    required=True,
    format_func=lambda k: KINDS[k][0],
)
index = min(20, len(test) - 1)
link = right.empty()
thing = KINDS[kind][1]
level = scrub(
    cache.digit_frames(Trained.named(names[0]), Digit.of(test, index), thing, 0, maps=False), key="home", start=2
)
strength = params.strength(type(thing))[1].levels()[level or 0]
link.page_link(
    HERE / "see.py",
    label="See what happens inside",
    icon=":material/visibility:",
    query_params={"image": str(index), "add": type(thing).__name__, "strength": f"{strength:g}"},
)
st.caption(
    f"Test image {index}, network {names[0]}, noise seed 0. Drag, use the arrow keys, or press ▶. Then switch between the two."
)

st.subheader("Where to go next")
NEXT = {
    "see": ("What does the network see?", "Every layer of the network, on any digit, also one you draw yourself."),
    "learned": ("What has it learned?", "Its filters, and the digits that excite each most."),
    "similar": ("Which training images look like this?", "What a fooled network is reminded of."),
    "break": ("How fast does it break?", "Accuracy over 10,000 digits, beside what was published."),
    "denoise": ("Can it see through the noise?", "Networks that clean a photograph, trained without clean ones."),
    "learn": ("How can it learn from noise alone?", "Training pairs, photons, and what a loss settles on."),
    "train": ("How does a network learn?", "Launch a run, watch its curve, stop it, and keep the network."),
    "pixels": ("How few pixels are enough?", "One pixel, searched for; and every pixel tried."),
    "fooled": ("Can a denoiser be fooled?", "Drag through an attack, beside chance as strong."),
    "alike": ("Is adversarial noise like noise?", "Values, frequencies, neighbours, and the reason why."),
    "defence": ("Is a denoiser a defence?", "Against an attacker who knows of it, and one who does not."),
    "often": ("How often, on ten thousand images?", "The study's ratio, and the fair one."),
    "transfer": ("Does it transfer?", "What an attack on one denoiser costs the others."),
    "study": ("The study, re-measured", "Every figure it reports beside the same figure measured here."),
    "quality": ("How well, on ten thousand images?", "Which pictures gain, and which are made worse."),
    "cards": ("Which networks are here?", "Their recipes, training curves, scores, and a download."),
}
cards = [column for _ in range(0, len(NEXT), 2) for column in st.columns(2)]
for card, (page, (title, text)) in zip(cards, NEXT.items(), strict=True):
    with card, st.container(border=True):
        st.page_link(HERE / f"{page}.py", label=f"**{title}**")
        st.caption(text)
data.source(test)
if not datasets.stamp("cifar10")[1]:
    st.caption(
        "CIFAR-10, the pictures of the study's second half, is not here: those pages show tiles of built-in photographs."
    )
    data.offer("cifar10")
