"""Noise and adversarial noise laid over each other: their values, their frequencies, their neighbours, their directions."""

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from torch import Tensor

from app.draw import charts
from core.attacks.denoisers import unit
from core.experiments import directions
from core.experiments.attack_path import Timeline
from core.experiments.pushes import cosine
from core.measures.noise_similarity import autocorrelation, correlation, distance, spectrum
from core.types import Images

DRAWN, NOISE, ATTACK, WHITE = "noise, as drawn", "noise, clipped", "adversarial noise", "white noise"
PALETTE = {DRAWN: charts.FAINT, NOISE: charts.NOISE, ATTACK: charts.ATTACK, WHITE: charts.GREY}


def noises(found: Timeline) -> dict[str, Images]:
    """Return what is compared: the noise as drawn and as the network sees it, and what the attack adds."""
    x = found.batch.clean
    return {DRAWN: found.batch.noise, NOISE: found.batch.noisy - x, ATTACK: found.attacked[-1:] - x}


def values(compared: dict[str, Images], within: float = 0.999, bins: int = 61) -> go.Figure:
    """Draw histograms of how far values are moved, as far as the share `within` of them is."""
    reach = 255 * max(float(z.abs().quantile(within)) for z in compared.values())
    moved = {name: 255 * z.flatten().numpy() for name, z in compared.items()}
    return charts.densities(moved, np.linspace(-reach, reach, bins + 1), PALETTE)


def histograms(found: Timeline) -> None:
    """Lay histograms over each other and say how far apart they are."""
    compared = noises(found)
    left, right = st.columns([1.2, 1])
    with left:
        charts.show(values(compared), "values")
        st.caption("Share of all values by how far they are moved. A tall bar in the middle is cut off.")
    with right:
        apart = {name: distance(compared[name], compared[ATTACK]) for name in (DRAWN, NOISE)}
        st.dataframe(
            [{"from": n, "Wasserstein": f"{d.wasserstein:.1f}", "KS": f"{d.kolmogorov:.3f}", "shape": f"{d.shape:.3f}"} for n, d in apart.items()],
            hide_index=True, width="stretch",
        )  # fmt: skip
        st.caption(
            "How far the adversarial noise is from the noise. **Wasserstein**: how far values must be moved, on average, to turn one histogram into the other, in grey levels. "
            "**KS** (Kolmogorov-Smirnov): the largest gap between the shares of values below any mark, 0 to 1. **Shape**: Wasserstein after both "
            "are scaled to a standard deviation of 1; 0 where only the strength differs. By `scipy.stats`, over all values of this picture."
        )


def neighbours(found: Timeline) -> None:
    """Draw spectra and autocorrelations."""
    compared = noises(found)
    compared = {NOISE: compared[NOISE], ATTACK: compared[ATTACK], WHITE: found.batch.white}
    left, right = st.columns(2)
    with left:
        waves = profiles(spectrum, compared)
        over = [0, max(len(places) for places, _ in waves.values()) - 1]
        figure = charts.lines(waves, "waves across the picture", "energy (1: as white noise)", over, PALETTE)
        charts.show(figure, "spectrum")
        st.caption("Right: fine grain. Left: large patches. Does the attack put its energy where noise puts it?")
    with right:
        apart = profiles(autocorrelation, compared)
        charts.show(charts.lines(apart, "pixels apart", "correlation", [0, 8], PALETTE), "autocorrelation")
        st.caption(
            "Noise drawn pixel by pixel falls to 0 at once. A curve that swings says that neighbours go together."
        )


def profiles(measure: Callable[[Images], Tensor], compared: dict[str, Images]) -> charts.Curves:
    """Measure all that is compared, at 0, 1, ... waves or pixels."""
    found = {name: measure(z).numpy() for name, z in compared.items()}
    return {name: (np.arange(len(values)), values) for name, values in found.items()}


def correlations(found: Timeline, parts: dict[str, Images]) -> go.Figure:
    """Draw how what is added is correlated with other directions, after every step."""
    steps, added = np.arange(1, len(found.attacked)), [z[None] - found.batch.clean for z in found.attacked[1:]]
    curves = {f"with {name}": (steps, np.array([correlation(z, part) for z in added])) for name, part in parts.items()}
    return charts.lines(curves, "step", "correlation of what is added", [0, len(steps)])


def identity(network: str, n: Images, clean: Images, noisy: Images) -> None:
    """Say how near J is to the identity, by J^T n at the clean and at the noisy picture: here, and over many pictures."""
    st.markdown(
        "**And why is Jᵀn so like n?** A network that adds a correction to its input has J = I + the correction's own Jacobian. Where there is little to correct, "
        "at a clean picture, J may be near the identity I, and then Jᵀn is near n whatever the network has learned. Is it?"
    )
    here = {"at the clean picture": clean, "at the noisy picture": noisy}
    rows = [
        _near(f"{where}, here", float(cosine(unit(z), unit(n))), float((z - n).norm() / n.norm()))
        for where, z in here.items()
    ]
    found = directions.STORE.get(network)
    if found and found.n > 1:
        for place in directions.PLACES:
            told = f"{place}, mean of {found.n:,} test images"
            rows.append(_near(told, *(found.mean(f"{what} {place}")[0] for what in ("cosine", "apart"))))
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "The identity has 1 and 0. Compare the rows: the nearer to that at the clean picture, where the attack begins, the less its likeness to noise says about what the network "
        "has learned."
        + (
            ""
            if found
            else f" Over {directions.IMAGES} images it is not measured yet: `python -m core measure directions`."
        )
    )


def _near(where: str, cosine: float, apart: float) -> dict[str, str]:
    return {"J": where, "cosine of Jᵀn and n": f"{cosine:.2f}", "|(J - I)ᵀn| / |n|": f"{apart:.2f}"}
