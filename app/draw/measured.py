"""What was measured of classifiers: accuracy over strength, beside what the study printed."""

import plotly.graph_objects as go
import streamlit as st
import torch

from app.draw import pictures, words
from app.draw.charts import GREY, SERIES, axes, band
from core.experiments import photographs as beside_bm3d
from core.experiments import told as knowing
from core.experiments.accuracy import Curve
from core.experiments.defence import THREATS, Defence
from core.experiments.every_pixel import Exhausted
from core.study.reported import Reported


def accuracy(curves: list[Curve], reported: list[Reported], names: list[str], share: bool) -> go.Figure:
    """Draw accuracy over strength: colour tells the network, the dash the noise or attack, diamonds the study's points.

    `names` lists all networks, so that each keeps its colour; `share` says that the strength is a share of pixels.
    """
    figure = go.Figure()
    kinds = list(dict.fromkeys(c.kind for c in curves))
    for c in curves:
        label = f"{c.network}, {words.title(c.kind)}" + ("" if c.data.startswith("MNIST") else f" ({c.data})")
        dash = ("solid", "dot", "dash")[kinds.index(c.kind) % 3]
        band(figure, c.levels, c.hits, c.n, label, colour(c.network, names), dash)
    for number, r in enumerate(reported):
        figure.add_scatter(
            x=r.levels, y=r.accuracy, mode="markers", name=f"study's Figure {r.figure}, {words.title(r.kind)}" + (" (the wrong network's)" if r.suspect else ""),
            marker=dict(symbol="diamond" + ("-open" if number else ""), size=11, color=GREY, line=dict(width=2, color=GREY)),
            hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    axes(figure, "pixels replaced" if share else "strength (epsilon, of the grey range)", "test digits read right, %")
    figure.update_xaxes(tickformat=".0%" if share else None, range=[-0.01, 1.01] if share else [-0.005, 0.505])
    figure.update_yaxes(range=[0, 101])
    return figure


def colour(network: str, names: list[str]) -> str:
    """Return the colour of a network, by its place among all of them."""
    return SERIES[names.index(network) % len(SERIES)]


def pixels(curves: list[Curve], tried: dict[str, Exhausted], reported: list[Reported], names: list[str]) -> go.Figure:
    """Draw accuracy over the number of pixels changed: searched (lines), every one tried (stars), published (diamonds)."""
    figure = go.Figure()
    for c in curves:
        band(figure, c.levels, c.hits, c.n, c.network, colour(c.network, names))
    for network, found in tried.items():
        figure.add_scatter(
            x=[1], y=[100 * found.safe / found.n], mode="markers", name=f"{network}, every pixel tried",
            marker=dict(symbol="star", size=13, color=colour(network, names)), hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    for r in reported:
        figure.add_scatter(
            x=r.levels, y=r.accuracy, mode="markers", name=f"study's Figure {r.figure}",
            marker=dict(symbol="diamond", size=11, color=GREY), hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    axes(figure, "pixels changed", "test digits read right, %")
    figure.update_xaxes(range=[0, 41])
    return figure


def defence(found: Defence) -> go.Figure:
    """Draw a classifier's accuracy over epsilon without, behind and through a denoiser."""
    figure = go.Figure()
    dashes = ("solid", "dash", "dot", "solid")
    for (threat, title), tint, dash in zip(THREATS.items(), (SERIES[0], *SERIES[2:4], SERIES[1]), dashes, strict=True):
        band(figure, found.epsilons, found.hits[threat], found.n, title, tint, dash)
    axes(figure, "strength (epsilon, of the grey range)", "test digits read right, %")
    figure.update_yaxes(range=[0, 101])
    return figure


def weakness(name: str, found: Exhausted, printed: float) -> None:
    """Show where digits are weak, and what a single pixel costs; the study printed another accuracy."""
    flips = torch.tensor(found.flips).float()
    left, right = st.columns([1, 1.6])
    left.image(
        pictures.enlarged(pictures.grey(flips / flips.max().clamp(min=1)), 8), output_format="PNG", width="stretch",
        caption="where digits are weak: white, most digits flipped by this pixel alone", alt="where digits are weak",
    )  # fmt: skip
    right.markdown(
        f"Of {found.n:,} test digits {name} reads {found.clean:,} right; {found.clean - found.safe:,} of these fall to a **single** pixel, black or white: accuracy "
        f"{100 * found.clean / found.n:.2f} % → {100 * found.safe / found.n:.2f} %. The study reports {printed:g} % for one pixel, on its own network and by a random search."
    )
    right.caption(f"The most dangerous pixel flips {int(flips.max())} digits. n = {found.n:,}, {found.data}.")


def photographs() -> None:
    """Show how a denoiser does on all built-in photographs beside BM3D, as measured; or say that it is not measured yet."""
    found = beside_bm3d.measured()
    if not found:
        st.info("Not measured yet with these networks: `python -m core measure photographs`.", icon=":material/info:")
        return
    given, first = beside_bm3d.CAMERA, found[0]
    for sigma in beside_bm3d.SIGMAS:
        st.markdown(f"Sigma {sigma:g}: {beside_bm3d.NETWORK} is {beside_bm3d.verdict(found, sigma)}.")
    scores = {
        s: {m: beside_bm3d.mean(found, s, given, m) for m in beside_bm3d.METHODS[given]} for s in beside_bm3d.SIGMAS
    }
    st.dataframe(
        [
            {"method": m, **{f"sigma {s:g}, dB": f"{scores[s][m]:.2f}" for s in scores}, "seconds a photograph": "" if m == beside_bm3d.NOISY else f"{beside_bm3d.seconds(found, m):.2f}"}
            for m in beside_bm3d.METHODS[given]
        ],
        hide_index=True,
    )  # fmt: skip
    st.dataframe(
        [
            {"photograph": f.photograph.replace("_", " "), **{f"beyond BM3D at sigma {s:g}, dB": f"{f.gain(s):+.2f}" for s in beside_bm3d.SIGMAS}}
            for f in found
        ],
        hide_index=True,
    )  # fmt: skip
    st.caption(
        f"Mean PSNR over n = {len(found)} of {len(beside_bm3d.KEYS)} photographs that ship with scikit-image and scikit-learn, the middle {beside_bm3d.SIDE} x {beside_bm3d.SIDE} pixels "
        f"of larger ones; noise seed {first.seed}, clipped to 8 bits. BM3D is told sigma; the others estimate it, and the network needs none. Seconds on all cores of one machine. Every figure: docs/photographs.md."
    )


def told() -> None:
    """Show what it is worth to know the class, as measured; or say that it is not measured yet."""
    if not (found := knowing.current()):
        st.info("Not measured yet: `python -m core measure told`.", icon=":material/info:")
        return
    plain, told = found
    rows = {**knowing.gains(*found), **knowing.attacks(*found)}
    st.dataframe([{"compared": what, "difference, dB": str(gain)} for what, gain in rows.items()], hide_index=True)
    heads = ("plain network", *knowing.GIVEN)
    st.dataframe(
        [
            {"class": name, **{f"{head}, dB": f"{mean:.2f}" for head, mean in zip(heads, means.tolist(), strict=True)}, "right label, beyond none": str(gain)}
            for name, means, gain in knowing.by_class(*found)
        ],
        hide_index=True,
    )  # fmt: skip
    st.caption(
        f"PSNR on {plain.data}, mean of {min(plain.n, told.n)} trainings each, begun alike and trained on the same pictures, noise and steps; the first ± is the 95 % interval over "
        f"images, paired, the second over trainings (Student). From the clean picture and ObsAtk: lost to attacks at L2 {knowing.BUDGET:g} beyond white noise as strong, on "
        f"{plain.attacked.shape[2]} of the images; above 0, more is lost. Noise seed {plain.seed}."
    )
