"""Is a denoiser a defence? Accuracy under attack without, behind and through a denoiser; then one digit at a time."""

import streamlit as st

from app import cache
from app.controls import choices, data, images, pickers
from app.draw import charts, measured, pictures
from app.inputs import Trained
from app.progress import threatened
from core.data import datasets
from core.experiments import defence
from core.experiments.defence import SHIELD, THREATS, Defence
from core.measures import metrics

START = 0.2  # the strength the page begins with
COLUMNS = {"clean": "clean", **THREATS}


def chart(name: str, found: Defence) -> None:
    """Show the accuracy of a classifier over epsilon, and say how far to trust the weaker attack."""
    charts.show(measured.defence(found), f"defence-{name}")
    place = found.epsilons.index(START)
    hits = {threat: 100 * row[place] / found.n for threat, row in found.hits.items()}
    st.caption(
        f"{name} behind {found.denoiser} (Noise2Noise, learned from noisy digits only), n = {found.n:,}, seed {found.seed}, {found.data}; shaded: 95 % interval (Wilson). "
        f"PGD is `{found.attack}`; at its worst a digit must survive it and `{found.worst}`, APGD with two losses and Square. Compare the two solid lines: that is what the denoiser is worth "
        f"against somebody who knows of it. At epsilon {START:g} he leaves {hits['adaptive']:.1f} % right instead of {hits['undefended']:.1f}; who does not know of it, {hits['oblivious']:.1f}."
    )


def digit(name: str, found: Defence | None) -> None:
    """Try every threat on one digit: what is sent, what the classifier sees of it, what it says."""
    st.header("One digit")
    left, right = st.columns(2)
    with right:
        shown = [f"{e:g}" for e in defence.EPSILONS]
        label = "Strength (epsilon), of the grey range"
        epsilon = float(choices.slid(label, shown, "epsilon", "the strength", f"{START:g}"))
    with left:
        fair = found if found and found.data == test.title else None
        first = int(datasets.shuffled(len(test), fair.seed)[fair.typical(START)]) if fair else 20
        chosen = images.numbered(images.DIGITS, "image", first, "Test image", f"image-{name}")
    tried = threatened(Trained.named(name), Trained.named(SHIELD), chosen, epsilon)
    clean = tried["clean"].sent
    for column, (threat, title) in zip(st.columns(len(COLUMNS)), COLUMNS.items(), strict=True):
        one, behind = tried[threat], threat not in ("clean", "undefended")
        said = int(one.sure.argmax())
        column.markdown(f"**{title}**")
        column.markdown(
            f"reads {said} ({100 * float(one.sure[said]):.0f} % sure): **{'right' if said == chosen.label else 'wrong'}**"
        )
        painted = [(f"sent, L2 {float(metrics.l2(one.sent, clean)):.2f}", one.sent), ("what it sees", one.seen)]
        for caption, picture in painted if behind else painted[:1]:
            large = pictures.enlarged(pictures.grey(picture[0, 0]), 6)
            column.image(large, output_format="PNG", width="stretch", caption=caption, alt=caption)
    like_most = f" At epsilon {START:g} it fares as most of the {fair.n:,} digits do." if fair else ""
    st.caption(
        f"Test image {chosen.index}, a {chosen.label}.{like_most if chosen.index == first else ''} Where does the attacker who knows of the denoiser put his change? "
        "At its worst: the first change found that is read wrong."
    )


st.markdown(
    "Put a denoiser before the classifier: it may wash the attack off. **But what if the attacker knows of it, and tries all he has?**"
)
test = cache.dataset("mnist", "test")
names = pickers.classifiers()
shields = [shield for shield in pickers.denoisers("mnist") if shield == SHIELD]
for here, lacking in ((names, "digit-cnn"), (shields, SHIELD)):
    if not here:
        st.info(f"Nothing is measured yet: {lacking} is not here, `python -m core train {lacking}` makes it.")
        data.source(test)
        st.stop()
name = choices.listed("Classifier", names, "network", "the network")
known = defence.STORE.get(name)
if known:
    chart(name, known)
else:
    st.info(f"Nothing is measured yet: `python -m core measure defence {name}`.", icon=":material/info:")
digit(name, known)
data.source(test)
