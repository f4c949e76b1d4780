"""Is adversarial noise like noise? Values, frequencies, neighbours, and why they look alike (Figures 31 and 33)."""

import numpy as np
import streamlit as st
import torch

from app import address, cache
from app.controls import data, examples, images, parameters, pickers
from app.draw import charts, pictures
from app.inputs import Photo
from core.attacks import DAG
from core.experiments import attack_rates
from core.experiments.attack_path import Timeline
from core.measures import jacobian, noise_similarity
from core.measures.noise_similarity import Distance
from core.noise import Noise
from core.study.reported import DENOISERS

st.title("Is adversarial noise like noise?")
st.markdown(
    "The study lays the histogram of the noise over that of the adversarial noise and finds them alike. "
    "**Are they? Look at the values, then at how neighbours hang together.**"
)

row = st.columns([1.3, 2.6, 0.8], vertical_alignment="bottom")
with row[0]:
    name = pickers.denoiser()
with row[1]:
    photo = images.photo()
with row[2], st.popover("More", icon=":material/tune:", width="stretch"):
    attack = parameters.sliders(DAG(), ())
    seed = parameters.seeded()
examples.photos()
address.publish(denoiser=name, **images.picked(images.PHOTOS, photo), **parameters.changed(attack), seed=seed or None)
made_for = attack_rates.full(cache.noise_of(cache.denoiser(name)[1]))
NOISE, ATTACK = "noise, clipped", "adversarial noise"
DRAWN = "noise, as drawn"


def values(found: Timeline) -> None:
    """Lay histograms over each other and say how far apart they are."""
    x = found.case.clean
    noises = {DRAWN: found.case.noise, NOISE: found.case.noisy - x, ATTACK: found.attacked[-1:] - x}
    reach = 255 * max(float(torch.quantile(z.abs(), 0.999)) for z in noises.values())
    edges = np.linspace(-reach, reach, 62)
    left, right = st.columns([1.2, 1])
    with left:
        st.plotly_chart(
            charts.densities({n: 255 * z.flatten().numpy() for n, z in noises.items()}, edges),
            key="values",
            theme="streamlit",
        )
        st.caption("Share of all values by how far they are moved. A tall bar in the middle is cut off.")
    with right:
        measured = {n: noise_similarity.distance(noises[n], noises[ATTACK]) for n in (DRAWN, NOISE)}
        st.dataframe([row_of(n, found) for n, found in measured.items()], hide_index=True, width="stretch")
        st.caption(
            "How far the adversarial noise is from the noise. **Wasserstein**: how far values must be moved, on average, to turn one histogram into the other, in grey levels. "
            "**KS** (Kolmogorov-Smirnov): the largest gap between the shares of values below any mark, 0 to 1. **Shape**: Wasserstein after both "
            "are scaled to a standard deviation of 1; 0 where only the strength differs. By `scipy.stats`, over all values of this picture."
        )


def row_of(noise: str, found: Distance) -> dict[str, str]:
    """Write distances as words."""
    return {
        "from": noise,
        "Wasserstein": f"{found.wasserstein:.1f}",
        "KS": f"{found.kolmogorov:.3f}",
        "shape": f"{found.shape:.3f}",
    }


def neighbours(found: Timeline) -> None:
    """Draw spectra and autocorrelations."""
    x = found.case.clean
    noises = {NOISE: found.case.noisy - x, ATTACK: found.attacked[-1:] - x, "white noise": found.case.white}
    left, right = st.columns(2)
    with left:
        spectra = {n: noise_similarity.spectrum(z).numpy() for n, z in noises.items()}
        curves = {n: (np.arange(len(s)), s) for n, s in spectra.items()}
        st.plotly_chart(
            charts.lines(
                curves, "waves across the picture", "energy (1: as white noise)", [0, len(curves[NOISE][0]) - 1]
            ),
            key="spectrum",
            theme="streamlit",
        )
        st.caption("Right: fine grain. Left: large patches. Does the attack put its energy where noise puts it?")
    with right:
        curves = {n: (np.arange(9), noise_similarity.autocorrelation(z).numpy()) for n, z in noises.items()}
        st.plotly_chart(
            charts.lines(curves, "pixels apart", "correlation", [0, 8]), key="autocorrelation", theme="streamlit"
        )
        st.caption(
            "Noise drawn pixel by pixel falls to 0 at once. A curve that swings says that neighbours go together."
        )


def reason(found: Timeline, made_for: Noise) -> None:
    """Show n, J^T n and the perturbation, and how they are correlated after every step."""
    x, n = found.case.clean, found.case.noisy - found.case.clean
    first = jacobian.vjp(cache.denoiser(name)[0], x, n)
    last = found.attacked[-1:] - x
    st.subheader("Why they look alike")
    st.markdown(
        "The attack wants the output to become the noisy picture, clean plus noise **n**. The gradient of that is **Jᵀn**, the noise seen "
        "back through the network (J: how every output value depends on every input value). So what the attack adds is made from the noise itself."
    )
    parts = {"n, the noise": n, "Jᵀn, the first gradient": first, "what the attack has added": last}
    columns = st.columns([1, 1, 1, 1.6])
    for column, (title, z) in zip(columns, parts.items(), strict=False):
        grey = z[0].mean(0)
        column.image(
            pictures.enlarged(pictures.diverging(grey, 3 * float(grey.std())), max(1, 256 // x.shape[2])), output_format="PNG", width="stretch",
            caption=f"{title}: full colour at ±3 standard deviations",
        )  # fmt: skip
    with columns[3]:
        steps = np.arange(1, len(found.attacked))
        curves = {
            f"with {what}": (
                steps,
                np.array([noise_similarity.correlation(z[None] - x, part) for z in found.attacked[1:]]),
            )
            for what, part in (("n", n), ("Jᵀn", first))
        }
        st.plotly_chart(
            charts.lines(curves, "step", "correlation of what is added", [0, len(steps)]),
            key="correlation",
            theme="streamlit",
        )
    st.caption(
        f"Correlation of n with Jᵀn {noise_similarity.correlation(n, first):.2f}, of n with what is added {noise_similarity.correlation(n, last):.2f}, of Jᵀn with it "
        f"{noise_similarity.correlation(first, last):.2f} (Pearson, over all {n.numel():,} values). {name}, noise {made_for!r}, seed {seed}, {attack!r}."
    )


def every(photo: Photo) -> None:
    """Draw the histograms of the study's seven networks, as its figures do."""
    names = [n for n in DENOISERS if n in pickers.sound(pickers.denoisers())]
    for start in range(0, len(names), 3):
        for column, n in zip(st.columns(3), names[start : start + 3], strict=False):
            with column:
                found = pickers.attacked(n, photo, attack, seed, photo)
                x = found.case.clean
                noises = {NOISE: found.case.noisy - x, ATTACK: found.attacked[-1:] - x}
                reach = 255 * max(float(torch.quantile(z.abs(), 0.995)) for z in noises.values())
                st.plotly_chart(
                    charts.densities(
                        {k: 255 * z.flatten().numpy() for k, z in noises.items()}, np.linspace(-reach, reach, 42)
                    ),
                    key=f"values-{n}",
                    theme="streamlit",
                )
                apart = noise_similarity.distance(noises[NOISE], noises[ATTACK])
                st.caption(
                    f"{n}: Wasserstein {apart.wasserstein:.1f} grey levels, Kolmogorov-Smirnov {apart.kolmogorov:.2f}, shape {apart.shape:.2f}"
                )


if photo is None:
    st.info("Choose a picture above.", icon=":material/image:")
else:
    found = pickers.attacked(name, photo, attack, seed, photo)
    values(found)
    neighbours(found)
    reason(found, made_for)
    st.subheader("The study's seven networks (Figures 31 and 33)")
    if st.toggle("Show them all", key="all", help="about two seconds each, the first time"):
        every(photo)
data.source(cache.dataset("cifar10", "test"))
