"""Can an answer be guaranteed? A vote under noise, how far its answer is sure, and the attack that tries to break it."""

import streamlit as st

from app import cache
from app.controls import choices, data, images, parameters, pickers
from app.draw import certificate, charts
from app.inputs import Trained
from app.progress import broken, voted
from core.experiments.certificate import BASES, STORE
from core.experiments.defence import SHIELD
from core.experiments.voting import LEVELS
from core.measures.smoothing import ALPHA, FIRST

VOTES = {str(n): f"{n:,}" for n in (100, 300, 1000, 3000, 10_000)}
START = LEVELS.index(0.5)

st.markdown(
    "Add noise to a digit, clean it, ask the network, and again, a thousand times. If nearly all answers agree, then **no change of the digit that is short enough can turn the vote**, "
    "not even one that nobody has thought of. How short is short enough?"
)
row = st.columns([1.15, 2.4, 1.7, 0.8], vertical_alignment="bottom")
with row[0]:
    network = pickers.classifier()
with row[1]:
    digit = images.digit(network)
with row[2]:
    votes = int(choices.slid("Votes", VOTES, "votes", "the number of votes", "1000"))
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    seed = parameters.seeded()
test = cache.dataset("mnist", "test")
if digit is None:
    data.source(test)
    st.stop()
found = voted(network, digit, votes, seed)
level = parameters.slid(certificate.strip(found), "voted", len(LEVELS) - 1, START)
base = choices.pressed("Who votes", BASES, "base", "who votes", "denoised")
given = found.certificates[base][level]
st.caption(
    f"Drag: more noise makes the guarantee wider, as long as the votes agree. {FIRST} votes choose the answer, {votes:,} others, which know nothing of that, say how sure it is. Their "
    f"noise is not clipped (only shown so): the guarantee is for just this noise. Seed {seed}."
)
st.info(certificate.verdict(given, digit.label), icon=":material/help:" if given.abstains[0] else ":material/verified:")
st.header("Try to break it")
changed = broken(network, digit, base, given, votes, seed)
left, right = st.columns([1, 1.3])
with left:
    charts.show(certificate.votes(given), "certificate-votes")
    st.caption(
        f"The votes at sigma {given.sigma:g}. p, what is sure of the answer's probability, has to stand above the dashed line."
    )
with right:
    charts.show(certificate.lengths(given, changed), "certificate-lengths")
    st.caption(
        "Green: guaranteed. Below: the shortest change the attack found that alters the answer. A shorter one may exist, but for the vote none shorter than green. "
        "Look how far apart they are: what is between is not known."
    )
certificate.gallery(found, changed)
st.caption(
    "The attack (DDN, 80 steps) knows the network, the denoiser and the noise, and follows the gradient of the mean answer under noise. Of the vote, a change counts only if a test on votes of "
    "its own says so. Red: brighter, blue: darker."
)
st.header("On many digits")
known = STORE.get(network.name)
if known and known.n:
    charts.show(certificate.measured(known, base), "measured")
    given_all, lost = known.guarantees
    st.caption(
        f"{network.name}, {BASES[base]}. Solid: digits whose right answer is guaranteed up to this length; dashed: those of which the attack found no change as short. The truth lies between the two. "
        f"{lost} of {given_all:,} guarantees were broken; chance alone may break {2 * known.alpha:.1%} of them (a guarantee and a verdict are each wrong in {known.alpha:.1%} at most). {known.data}, n = {known.n:,}, "
        f"{known.votes:,} votes, seed {known.seed}; shaded: 95 % interval (Wilson). "
    )
else:
    st.info(f"Not measured yet: `python -m core measure certificate {network.name}`.", icon=":material/info:")
with st.expander("Why this is so, and what it is not"):
    st.markdown(
        f"Cohen et al. (2019): if under noise of deviation sigma a class has a probability of p or more, above one half, it stays the likeliest for every change shorter than sigma · Φ⁻¹(p). p is known only from votes: "
        f"the bound (Clopper and Pearson 1934) is too high in {ALPHA:.1%} of all digits at most. With n votes, all for one class, p is {ALPHA:g}^(1/n): more votes, a wider guarantee. "
        f"Salman et al. (2020) put a denoiser before a network that was never taught to bear noise. The one here, {SHIELD}, learned from {Trained.named(SHIELD).noise!r} alone, in grey levels of 255. "
        "The guarantee is for an exact Gaussian; computers round, and pictures can be made up for which that matters (Voráček and Hein 2023)."
    )
data.source(test)
