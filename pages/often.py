"""How often is it fooled? PSNR ratios under attack, the study's and the fair one (Figure 34), and the worst at one budget."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import cache
from app.controls import choices, data
from app.draw import charts, rates
from core.experiments import attack_rates, worst_curves
from core.experiments.attack_rates import STEPS, Rates
from core.experiments.worst_curves import BUDGETS, SOURCE, TOLD
from core.study.reported import DENOISERS, RATIOS, mixed


def histogram(found: Sequence[Rates]) -> tuple[str, int]:
    """Show the ratios of one network, and return which, and after how many steps."""
    names = [f.network for f in found]
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        name = choices.listed("Network", names, "network", "the network", key="fooled")
    with right:
        counts = [str(k) for k in STEPS]
        steps = int(choices.pressed("Steps of the attack", counts, "steps", "the number of steps", counts[-1]))
    one = found[names.index(name)]
    ratios = {"study's ratio": one.ratio(steps, fair=False).numpy(), "fair ratio": one.ratio(steps, fair=True).numpy()}
    low, high = np.quantile(np.concatenate(list(ratios.values())), (0.001, 0.999))
    edges = np.arange(np.floor(low * 40) / 40 - 0.025, high + 0.05, 0.0125)
    colours = dict(zip(ratios, (charts.NOISE, charts.ATTACK), strict=True))
    charts.show(
        charts.spread(ratios, edges, "PSNR after noise / PSNR after the attack", colours, 1.0),
        f"ratios-{name}-{steps}",
    )
    means = one.means
    st.caption(
        f"{one.network}, {one.noise}, {one.attack}, n = {one.n:,}, seed {one.seed}, {one.data}. Blue, the study's ratio: noise of L2 {means['noisy_l2']:.1f} over an "
        f"attack of {means[f'l2_{steps}']:.1f}. Orange, the fair one: white noise of exactly the "
        "attack's L2 in each image. Left of the dashed line the attack did less harm than the noise. Means of decibels, image by image."
    )
    st.header("The study's own statistics")
    if name in RATIOS:
        st.dataframe(rates.statements(one, RATIOS[name]), hide_index=True, width="stretch")
        st.caption(
            f"“Study reports” is typed in from its section 4.2, “its published ratios” from the 10,000 it published; both are of other networks. {mixed()} All else is measured here."
        )
    else:
        st.caption(f"The study prints no figures for {name}.")
    return name, steps


found = [f for name in DENOISERS if (f := attack_rates.STORE.get(name))]
images = f"Each of {min(f.n for f in found):,} images" if found else "Each image"
st.markdown(
    f"{images} is attacked, and the denoiser's PSNR after noise is divided by its PSNR after the attack: above 1, the attack did more harm. "
    "**The study divides by a noise of another strength. What is left when chance and aim are equally strong?**"
)
name, steps = histogram(found) if found else ("", STEPS[-1])
if not found:
    st.info("No network has been attacked yet: `python -m core measure attack-rates`.", icon=":material/info:")

st.header("Who is fooled most easily, at one budget for all?")
worst = worst_curves.current()
budget = float(choices.pressed("Budget, L2", [f"{b:g}" for b in BUDGETS], "budget", "the budget", f"{TOLD:g}"))
st.info(worst_curves.verdict(worst, budget), icon=":material/balance:")
if worst:
    one = next(iter(worst.values()))
    charts.show(rates.curves(worst, SOURCE), "worst")
    st.caption(
        f"Every image is changed by exactly the budget, after clipping, starting at the clean picture, and goes by the worst of {'; '.join(one.attacks)}: PSNR after white noise "
        f"of the same L2 less PSNR after the attack. ObsAtk is made for the noisy picture; what it does there is in docs/attacks.md. Seed {one.seed}, {one.data}; bars: 95 % intervals. Grey: "
        f"methods that learned nothing, shown the attack made for {SOURCE}{'' if 'BM3D' in worst.get(SOURCE, one).shown else ' (BM3D is missing: its package was not there)'}."
    )
st.dataframe(rates.ranking(found, worst, steps, budget), hide_index=True, width="stretch")
if found:
    st.caption(
        "DAG alone, each network at the L2 it came to: PSNR of the attacked picture, then of what is made of it."
    )
    st.dataframe(rates.decibels(found, steps), hide_index=True, width="stretch")
stale = [name for name in DENOISERS if attack_rates.STORE.read(name) and name not in {f.network for f in found}]
if stale:
    st.warning(
        f"Measured with other weights, so not shown: {', '.join(stale)}. Run `python -m core measure attack-rates` again.",
        icon=":material/info:",
    )
data.source(cache.dataset("cifar10", "test"))
