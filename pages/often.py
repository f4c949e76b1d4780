"""How often, on ten thousand images? PSNR ratios under attack, the study's and the fair one (Figure 34)."""

import numpy as np
import streamlit as st

from app import address, cache
from app.controls import choices, data
from app.draw import charts, rates
from core.experiments import attack_rates
from core.experiments.attack_rates import STEPS
from core.study.reported import DENOISERS, RATIOS

st.title("How often, on ten thousand images?")
st.markdown(
    "Each image is attacked, and the denoiser's PSNR after noise is divided by its PSNR after the attack: above 1, the attack did more harm. "
    "**The study divides by a noise of another strength. What is left when chance and aim are equally strong?**"
)
found = [f for name in DENOISERS if (f := attack_rates.STORE.get(name))]
if not found:
    st.info("No network has been attacked yet: `python -m core measure attack-rates`.", icon=":material/info:")
    data.source(cache.dataset("cifar10", "test"))
    st.stop()
names = [f.network for f in found]
left, right = st.columns([1, 2], vertical_alignment="bottom")
with left:
    name = choices.listed("Network", names, "fooled", "the network")
with right:
    counts = [str(k) for k in STEPS]
    steps = int(choices.pressed("Steps of the attack", counts, "steps", "the number of steps", counts[-1]))
address.publish(fooled=name, steps=steps)
one = found[names.index(name)]
ratios = {"study's ratio": one.ratio(steps, fair=False).numpy(), "fair ratio": one.ratio(steps, fair=True).numpy()}
low, high = np.quantile(np.concatenate(list(ratios.values())), (0.001, 0.999))
edges = np.arange(np.floor(low * 40) / 40 - 0.025, high + 0.05, 0.0125)
colours = dict(zip(ratios, (charts.NOISE, charts.ATTACK), strict=True))
charts.show(
    charts.spread(ratios, edges, "PSNR after noise / PSNR after the attack", colours, 1.0), f"ratios-{name}-{steps}"
)
means = one.means
st.caption(
    f"{one.network}, {one.noise}, {one.attack}, n = {one.n:,}, seed {one.seed}, {one.data}. Blue, the study's ratio: noise of L2 {means['noisy_l2']:.1f} over an "
    f"attack of {means[f'l2_{steps}']:.1f}. Orange, the fair one: white noise of exactly the "
    "attack's L2 in each image. Left of the dashed line the attack did less harm than the noise. Means of decibels, image by image."
)

st.subheader("The study's own statistics")
if name in RATIOS:
    st.dataframe(rates.statements(one, RATIOS[name]), hide_index=True, width="stretch")
    st.caption(
        "“Study reports” is typed in from its section 4.2; it measured other networks, and does not say how many steps it took. All else is measured here."
    )
else:
    st.caption(f"The study prints no figures for {name}.")

st.subheader("Who is fooled most easily?")
st.dataframe(rates.ranking(found, steps), hide_index=True, width="stretch")
first, fairest = (next(iter(dict(attack_rates.ranked(found, steps, fair)))) for fair in (False, True))
compared = "The order changes, because the study's ratio compares attacks of one strength with noises of many."
if first == fairest:
    compared = "The two agree on the first, but look at the rest of the order."
st.info(
    f"By the study's ratio **{first}** is fooled most easily; at equal energy it is **{fairest}**. {compared}",
    icon=":material/balance:",
)
st.caption("And in decibels of PSNR: the attacked picture itself, then what each network makes of four inputs.")
st.dataframe(rates.decibels(found, steps), hide_index=True, width="stretch")
stale = [name for name in DENOISERS if attack_rates.STORE.read(name) and name not in names]
if stale:
    st.warning(
        f"Measured with other weights, so not shown: {', '.join(stale)}. Run `python -m core measure attack-rates` again.",
        icon=":material/info:",
    )
data.source(cache.dataset("cifar10", "test"))
