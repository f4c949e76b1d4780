"""Which direction hurts most? The worst one there is, beside two attacks', the pulled-back noise and chance."""

import streamlit as st

from app import cache
from app.controls import data, examples, images, parameters, pickers
from app.draw import charts, directions
from app.progress import pushed
from core.experiments import directions as measured
from core.experiments.attack_rates import BESIDE, NETWORKS
from core.experiments.pushes import ATTACKERS, ROUNDS

st.markdown(
    "A picture is a point, and a change of it an arrow. The network moves its answer much for some arrows and little for others. "
    "**Which arrow of length 1 moves it most, and does that last when the arrow gets longer?**"
)
row = st.columns([1.3, 2.6, 1.3, 0.8], vertical_alignment="bottom")
with row[0]:
    network = pickers.denoiser()
with row[1]:
    photo = images.photo()
with row[2]:
    there = pickers.level(network.noise)
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    seed = parameters.seeded()
examples.photos()
test = cache.dataset("cifar10", "test")
if photo is None:
    st.info("Choose a picture above.", icon=":material/image:")
    data.source(test)
    st.stop()
found = pushed(network, photo, there, seed)
st.info(directions.verdict(found), icon=":material/explore:")
directions.gallery(found)
where = "the clean picture" if there is None else f"the picture under {there!r}"
st.caption(
    f"Above: a direction d of length 1. Below: J d, what becomes of it; J, the Jacobian, says how every output value depends on every input value. ×: how "
    f"much longer J d is. No direction can have more than v1 (singular value of J, {ROUNDS} rounds of power iteration, residual {float(found.singular.residual[0, 0]):.0e}); v2 and v3 have the most of "
    f"what is at right angles to it. Grey: no change; each colour brighter or darker. {network.name}, at {where}; n, noise {network.noise.nominal!r}, seed {seed}. Where J d is paler than d the network smooths."
)
st.header("Push it")
parameters.slid(directions.strip(found), "pushed", 30)
st.caption(
    "Drag: the picture x becomes x + t d, not clipped. Dashed, what J foretells, t times ×; solid, what happens. Red and blue: the output gets brighter, "
    f"darker; full colour at ±64 grey levels. Attacks: {', '.join(map(repr, ATTACKERS.values()))}; of v1 and -v1 the one that does more at L2 3."
)
st.header("How far does the prediction hold?")
charts.show(directions.holds(found), "holds")
st.caption(
    "Diamonds: what J says. A flat line: the network is linear that far. Where a line falls, the picture has left the piece on which J is exact (LeakyReLU and max-pool bend the "
    "network). Look where another line crosses that of v1: from there on another direction hurts more."
)
st.header("On many images")
known = [one for name in (*NETWORKS, *BESIDE) if (one := measured.STORE.get(name)) and one.n > 1]
if known:
    st.dataframe(directions.table(known), hide_index=True, width="stretch")
    st.caption(
        f"How much v1 is amplified, at clean pictures and under the network's own noise, its level drawn for each image; ±: 95 % interval of the mean. {known[0].data}, seed {known[0].seed}."
    )
else:
    st.info("Not measured yet: `python -m core measure directions`.", icon=":material/info:")
for one in known:
    if one.network == network.name:
        st.dataframe(directions.along(one), hide_index=True, width="stretch")
        st.caption(
            f"How far the output of {one.network} moves, L2, for pushes of some lengths at clean pictures; in brackets what J foretells. Medians, n = {one.n:,}."
        )
data.source(test)
