"""Is adversarial noise like noise? Values, frequencies, neighbours, and why they look alike (Figures 31 and 33)."""

import streamlit as st

from app import cache
from app.attacking import attacked
from app.controls import choices, data, examples, images, parameters, pickers
from app.draw import charts, likeness, pictures
from app.draw.likeness import ATTACK, NOISE
from app.inputs import Photo
from core.attacks import DAG
from core.experiments.attack_path import Timeline
from core.measures import jacobian
from core.measures.noise_similarity import correlation, distance
from core.study.reported import DENOISERS

st.markdown(
    "The study lays the histogram of the noise over that of the adversarial noise and finds them alike. "
    "**Are they? Look at the values, then at how neighbours hang together.**"
)

row = st.columns([1.3, 2.6, 0.8], vertical_alignment="bottom")
with row[0]:
    network = pickers.denoiser()
with row[1]:
    photo = images.photo()
with row[2], st.popover("More", icon=":material/tune:", width="stretch"):
    attack = parameters.sliders(DAG(), ())
    seed = parameters.seeded()
examples.photos()


def reason(found: Timeline) -> None:
    """Show n, J^T n and the perturbation, how they are correlated after every step, and how near J is to the identity."""
    x, model = found.batch.clean, cache.denoiser(network)
    n, last = found.batch.noisy - x, found.attacked[-1:] - x
    first = jacobian.vjp(model, x, n)
    st.header("Why they look alike")
    st.markdown(
        "The attack wants the output to become the noisy picture, clean plus noise **n**. The gradient of that is **Jᵀn**, the noise seen "
        "back through the network (J: how every output value depends on every input value). So what the attack adds is made from the noise itself."
    )
    *columns, right = st.columns([1, 1, 1, 1.6])
    for column, (title, z) in zip(columns, {"n, the noise": n, "Jᵀn, the first gradient": first, "what the attack has added": last}.items(), strict=True):  # fmt: skip
        grey = z[0].mean(0)
        with column:
            pictures.show(pictures.diverging(grey, 3 * float(grey.std())), f"{title}: full colour at ±3 standard deviations")  # fmt: skip
    with right:
        charts.show(likeness.correlations(found, {"n": n, "Jᵀn": first}), "correlation")
    st.caption(
        f"Correlation of n with Jᵀn {correlation(n, first):.2f}, of n with what is added {correlation(n, last):.2f}, of Jᵀn with it "
        f"{correlation(first, last):.2f} (Pearson, over all {n.numel():,} values). {network.name}, noise {network.noise.nominal!r}, seed {seed}, {attack!r}."
    )
    likeness.identity(network.name, n, first, jacobian.vjp(model, found.batch.noisy, n))


def every(photo: Photo) -> None:
    """Draw the histograms of the study's seven networks, as its figures do."""
    known = pickers.sound([n for n in DENOISERS if n in pickers.denoisers()])
    for one, column in zip(known, (c for _ in range(0, len(known), 3) for c in st.columns(3)), strict=False):
        with column:
            compared = likeness.noises(attacked(one, photo, attack, seed, photo))
            charts.show(
                likeness.values({n: compared[n] for n in (NOISE, ATTACK)}, within=0.995, bins=41), f"values-{one.name}"
            )
            apart = distance(compared[NOISE], compared[ATTACK])
            st.caption(
                f"{one.name}: Wasserstein {apart.wasserstein:.1f} grey levels, Kolmogorov-Smirnov {apart.kolmogorov:.2f}, shape {apart.shape:.2f}"
            )


if photo is None:
    st.info("Choose a picture above.", icon=":material/image:")
else:
    found = attacked(network, photo, attack, seed, photo)
    likeness.histograms(found)
    likeness.neighbours(found)
    reason(found)
    st.header("The study's seven networks (Figures 31 and 33)")
    if choices.switched("Show them all", "all", key="compare-all", help="about two seconds each, the first time"):
        every(photo)
data.source(cache.dataset("cifar10", "test"))
