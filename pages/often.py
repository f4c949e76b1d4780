"""How often, on ten thousand images? PSNR ratios under attack, the study's and the fair one (Figure 34)."""

import numpy as np
import streamlit as st

from app import address, cache
from app.controls import data
from app.draw import charts
from core import checkpoints
from core.experiments import attack_rates
from core.experiments.attack_rates import STEPS, Fooled
from core.study.reported import DENOISERS, RATIOS

st.title("How often, on ten thousand images?")
st.markdown(
    "Each image is attacked, and the denoiser's PSNR after noise is divided by its PSNR after the attack: above 1, the attack did more harm. "
    "**The study divides by a noise of another strength. What is left when chance and aim are equally strong?**"
)
found = [f for name in DENOISERS if (f := cache.attack_rates_of(name)) and len(f.rows)]
if not found:
    st.info("No network has been attacked yet: `python -m core fool n2n-gaussian-50`.", icon=":material/info:")
    data.source(cache.dataset("cifar10", "test"))
    st.stop()
names = [f.network for f in found]
left, right = st.columns([1, 2], vertical_alignment="bottom")
with left:
    address.restore("fooled", names[0], address.one_of(names, "the network"))
    name = str(st.selectbox("Network", names, key="fooled"))
with right:
    address.restore("steps", str(STEPS[-1]), address.one_of([str(k) for k in STEPS], "the number of steps"))
    steps = int(
        st.segmented_control("Steps of the attack", [str(k) for k in STEPS], key="steps", required=True) or STEPS[-1]
    )
address.publish(fooled=name, steps=steps)
one = found[names.index(name)]
ratios = {"study's ratio": one.ratio(steps, fair=False), "fair ratio": one.ratio(steps, fair=True)}
both = np.concatenate([values.numpy() for values in ratios.values()])
low, high = np.quantile(both, (0.001, 0.999))
edges = np.arange(np.floor(low * 40) / 40 - 0.025, high + 0.05, 0.0125)
st.plotly_chart(
    charts.spread({n: v.numpy() for n, v in ratios.items()}, edges, "PSNR after noise / PSNR after the attack", 1.0),
    key=f"ratios-{name}-{steps}",
    theme="streamlit",
)


def about(f: Fooled) -> str:
    """Say what a table was measured with."""
    return f"{f.network}, {f.noise}, {f.attack}, n = {len(f.rows):,} of {len(f.table):,}, seed {f.seed}, {f.data}"


columns = one.means
st.caption(
    f"{about(one)}. Blue, the study's ratio: noise of L2 {columns['noisy_l2']:.1f} over an attack of {columns[f'l2_{steps}']:.1f}. Orange, the fair one: white noise of exactly the "
    "attack's L2 in each image. Left of the dashed line the attack did less harm than the noise. Means of decibels, image by image."
)

st.subheader("The study's own statistics")
if name in RATIOS:
    said = RATIOS[name]
    rows = [
        {
            "statement": f"images with a ratio {'up to' if np.isinf(s.low) else 'from'} {s.high if np.isinf(s.low) else s.low:g}"
            + ("" if np.isinf(s.low) or np.isinf(s.high) else f" to {s.high:g}"),
            "study reports": f"{s.percent:g} %",
            **{
                f"here, {k} steps": f"{attack_rates.share(one.ratio(k, fair=False), s.low, s.high):.2f} %"
                for k in STEPS
            },
            **{
                f"fair, {k} steps": f"{attack_rates.share(one.ratio(k, fair=True), s.low, s.high):.2f} %" for k in STEPS
            },
        }
        for s in said.shares
    ]
    rows.append(
        {
            "statement": "mean ratio",
            "study reports": f"{said.mean[0]:g} to {said.mean[1]:g}",
            **{f"here, {k} steps": f"{float(one.ratio(k, fair=False).mean()):.3f}" for k in STEPS},
            **{f"fair, {k} steps": f"{float(one.ratio(k, fair=True).mean()):.3f}" for k in STEPS},
        }
    )
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "“Study reports” is typed in from its section 4.2; it measured other networks, and does not say how many steps it took. All else is measured here."
    )
else:
    st.caption(f"The study prints no figures for {name}.")

st.subheader("Who is fooled most easily?")
by = {fair: dict(attack_rates.ranked(found, steps, fair)) for fair in (False, True)}
means = {f.network: f.means for f in found}
st.dataframe(
    [
        {
            "network": f.network,
            "n": f"{len(f.rows):,}",
            "study's ratio": f"{by[False][f.network]:.3f}",
            "rank": list(by[False]).index(f.network) + 1,
            "fair ratio": f"{by[True][f.network]:.3f}",
            "fair rank": list(by[True]).index(f.network) + 1,
            "L2 of the noise": f"{means[f.network]['noisy_l2']:.2f}",
            "of the attack": f"{means[f.network][f'l2_{steps}']:.2f}",
        }
        for f in found
    ],
    hide_index=True,
    width="stretch",
)
first, fairest = next(iter(by[False])), next(iter(by[True]))
st.info(
    f"By the study's ratio **{first}** is fooled most easily; at equal energy it is **{fairest}**. "
    + (
        "The two agree on the first, but look at the rest of the order."
        if first == fairest
        else "The order changes, because the study's ratio compares attacks of one strength with noises of many."
    ),
    icon=":material/balance:",
)
st.caption("And in decibels of PSNR: the attacked picture itself, then what each network makes of four inputs.")
st.dataframe(
    [
        {
            "network": f.network,
            "attacked": f"{means[f.network][f'adversarial_{steps}']:.1f}",
            "after noise": f"{means[f.network]['denoised']:.1f}",
            "after the attack": f"{means[f.network][f'fooled_{steps}']:.1f}",
            "white, as strong": f"{means[f.network][f'random_{steps}']:.1f}",
            "its own, as strong": f"{means[f.network][f'own_{steps}']:.1f}",
        }
        for f in found
    ],
    hide_index=True,
    width="stretch",
)
stale = [f.network for f in found if checkpoints.there(f.network) and checkpoints.read(f.network).sha256 != f.sha256]
if stale:
    st.warning(
        f"Measured with older weights: {', '.join(stale)}. Run `python -m core fool` again.", icon=":material/info:"
    )
data.source(cache.dataset("cifar10", "test"))
