"""Is a denoiser a defence? Accuracy under attack without, behind and through a denoiser; then one digit at a time."""

from functools import partial

import streamlit as st

from app import address, cache, parts, snippets
from app.browser import strip
from app.controls import choices, data, images, parameters, pickers
from app.defended import Defended
from app.draw import charts, measured
from app.inputs import Trained
from core.data import datasets
from core.experiments import defence
from core.experiments.defence import EPSILONS, SHIELD, Defence

START = 0.2  # the strength the page begins with


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
    """Slide every threat on one digit over epsilon: what is sent, what the classifier sees of it, what it says."""
    st.header("One digit")
    fair = found if found and found.data == test.title else None
    first = int(datasets.shuffled(len(test), fair.seed)[fair.typical(START)]) if fair else 20
    chosen = images.numbered(images.DIGITS, "image", first, "Test image", f"image-{name}")
    shown = Defended(Trained.named(name), Trained.named(SHIELD), chosen)
    strengths = [f"{e:g}" for e in EPSILONS]
    begins = address.restore("epsilon", f"{START:g}", address.one_of(strengths, "the strength"))
    first, anew = parameters.first("defence", shown, parameters.nearest(EPSILONS, float(begins)))
    at = strip(shown.at(first), "defence", first, anew, shown.whole)
    address.choose("epsilon", f"{EPSILONS[first if at is None else at]:g}")
    address.say("epsilon", st.session_state["epsilon"], f"{START:g}")
    like_most = f" At epsilon {START:g} it fares as most of the {fair.n:,} digits do." if fair else ""
    st.caption(
        f"Test image {chosen.index}, a {chosen.label}.{like_most if chosen.index == first else ''} Where does the attacker who knows of the denoiser put his change? "
        "At its worst: the first change found that is read wrong."
    )
    snippets.show()


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
parts.part(partial(digit, name, known), "Is a denoiser a defence?")
data.source(test)
