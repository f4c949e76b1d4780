"""Start: one digit, drawn or picked; a network reads it, here and at once; noise is added, by chance or aimed."""

import streamlit as st

from app import address, cache, player
from app.browser import Begin, frames, start
from app.controls import data, parameters, pickers
from app.inputs import Digit, Trained
from app.navigation import PAGES, ROOT, chapters
from core import params
from core.attacks import FGSM, TargetedPGD
from core.data import datasets
from core.experiments.trial import Corruption
from core.noise import Gaussian

SEED = 0

OFFERED = (20, 333, 118, *range(9))  # test images: the study's three, and some more
KINDS = {"random": Gaussian.__name__, "aimed": FGSM.__name__, "towards": TargetedPGD.__name__}
WAYS = ("number", "draw")

st.markdown(
    "Draw one. The network answers while you draw. **How much noise does it survive?** Guess, then slide; "
    "then aim the noise at it, and compare."
)

test = cache.dataset("mnist", "test")
pickers.none_here(names := pickers.classifiers())
network = Trained.named(names[0])
last = len(test) - 1
address.imply("way", WAYS[0], by="image")
for name, default, parse in (
    ("image", min(OFFERED[0], last), address.whole(0, last, "test image")),
    ("way", WAYS[0], address.one_of(WAYS, "the way to pick an image")),
    ("add", KINDS["random"], address.one_of(KINDS.values(), "the noise or attack")),
    ("target", 8, address.whole(0, 9, "target")),
):
    address.restore(name, default, parse, f"start-{name}")
index, way, add, target = (st.session_state[f"start-{name}"] for name in ("image", "way", "add", "target"))


def added(kind: str, target: int | None) -> tuple[Corruption, float]:
    """Return what is added, and how much of its strength is as much as one grey range."""
    if kind == "random":
        return Gaussian(), 255.0
    return (FGSM() if target is None else TargetedPGD(target=target)), 1.0


offered = [i for i in dict.fromkeys((*OFFERED, index)) if i <= last]
kind, goal = ("random" if add == KINDS["random"] else "aimed"), (target if add == KINDS["towards"] else None)
thing, grey = added(kind, goal)
place = parameters.level(thing)
strength = 0.1 if place is None else params.strength(type(thing))[1].levels()[place] / grey
begin = Begin(None if way == "draw" else offered.index(index), kind, goal, parameters.nearest(frames.SLIDE, strength))
packed = cache.start(network, tuple(Digit.of(test, i) for i in offered), SEED)
found = start(cache.weights(network), packed, "start", begin, address.moved())

thing, grey = added(found.kind, found.target)
chosen: dict[str, object] = {"way": WAYS[found.at is None], "add": type(thing).__name__}
chosen |= {} if found.at is None else {"image": offered[found.at]}
chosen |= {} if found.target is None else {"target": found.target}
for name in ("image", "way", "add", "target"):
    if name in chosen:
        address.choose(f"start-{name}", chosen[name])
    address.say(name, chosen.get(name), WAYS[0])
parameters.reached(thing, frames.SLIDE[found.level] * grey)
st.page_link(
    ROOT / "pages" / "see.py",
    label="Look inside",
    icon=":material/visibility:",
    query_params=address.link(),
)
st.caption(
    f"Network {network.name}. Random: Gaussian noise, its standard deviation the strength, seed {SEED}. Aimed: FGSM, every pixel lighter or "
    "darker by the strength, away from the answer; towards a digit of your choice: ten steps of PGD. The length (L2) says how much "
    "the picture changes. A drawing stays in your browser."
)

st.header("Take a lesson")
player.doors()

st.header("Explore")
others = [(chapter, entries) for chapter, entries in chapters().items() if PAGES[0] not in entries]
for row in range(0, len(others), 2):
    for column, (chapter, entries) in zip(st.columns(2), others[row : row + 2], strict=False):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{chapter}**")
            for entry in entries:
                st.page_link(entry.file, label=entry.asks, icon=f":material/{entry.icon}:", help=entry.about)
data.source(test)
if not datasets.stamp("cifar10")[1]:
    st.caption(
        "CIFAR-10, the pictures of the study's second half, is not here: those pages show tiles of built-in photographs."
    )
    data.offer("cifar10")
