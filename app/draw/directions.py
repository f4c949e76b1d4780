"""Directions a picture is pushed along: what they look like, what comes of them, and how far a prediction holds."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch
from torch import Tensor

from app.browser.strips import Line, Scale, Series, Tile, curve, pack
from app.draw import charts, pictures
from core.experiments.directions import LENGTHS as MEASURED
from core.experiments.directions import Directions
from core.experiments.pushes import CLOSE, FURTHER, LENGTHS, NAMES, NOISE, PULLED, REACH, V1, WHITE, Pushed

SHOWN = {V1: "v1, the worst", **{name: name for name in (*FURTHER, *NAMES[1:])}}
COLOURS = {
    V1: "#CC79A7",
    "DAG": charts.ATTACK,
    "L2PGD": "#E69F00",
    PULLED: charts.FAINT,
    WHITE: charts.GREY,
    NOISE: charts.NOISE,
}
LIMIT = 0.06  # a value of a direction of length 1 that is painted black or white


def gallery(found: Pushed) -> None:
    """Show every direction and below it what the Jacobian makes of it, in one scale around grey, with amplification and cosine."""
    limit = LIMIT * (3072 / found.clean.numel()) ** 0.5  # as strong on a larger picture
    for name, column in zip(SHOWN, st.columns(len(SHOWN)), strict=True):
        with column:
            st.markdown(f"**{SHOWN[name]}**  \n×{found.gain(name):.2f}")
            for z, what in ((found.directions[name], "direction"), (found.answers[name], "what it becomes")):
                pictures.show(pictures.colour(0.5 + z[0] / (2 * limit)), alt=f"{SHOWN[name]}: {what}")
            st.caption(f"cosine with v1: {found.cosine(name):.2f}")


def strip(found: Pushed) -> bytes:
    """Pack the pushed picture and how the output has moved, for every length, with what was foretold."""
    x = found.batch.clean
    steps = torch.tensor(LENGTHS).view(-1, 1, 1, 1)
    images: dict[str, Tensor] = {"before": found.output}
    above, below, lines = [], [], []
    for name in NAMES:
        moved, foretold = found.moved(name), found.foretold(name)
        images |= {f"in {name}": x + steps * found.directions[name], f"out {name}": found.outputs[name]}
        above.append(Tile(f"along {name}", f"in {name}", hint="What the network sees."))
        told = (Line("L2 {}", moved, 2), Line("foretold {}", foretold, 2))
        below.append(Tile("the output moves", f"out {name}", "before", told, "f(x + t d) - f(x)"))
        lines += [
            Series(name, moved, COLOURS[name]),
            Series("", foretold, COLOURS[name], dashed=True),
        ]
    top = 2 * np.ceil(0.6 * max(float(found.moved(name).max()) for name in NAMES))
    chart = curve(
        "How far the output moves (L2) for a push of this length",
        lines,
        "dashed: foretold by J",
        top=float(top),
        wide=True,
    )
    return pack(Scale(list(LENGTHS), "Length of the push (t)", "L2"), images, [*above, *below], limit=0.25, curve=chart)


def holds(found: Pushed) -> go.Figure:
    """Draw the output's move as a multiple of the push over ever longer pushes; at the left edge it is what J says."""
    figure, at = go.Figure(), np.array(CLOSE)
    for name in NAMES:
        figure.add_scatter(
            x=at, y=found.close[name].numpy() / at, name=name, mode="lines+markers", line_color=COLOURS[name],
            hovertemplate="×%{y:.2f}",
        )  # fmt: skip
        figure.add_scatter(
            x=[0.007], y=[found.gain(name)], name=f"{name}: |J d|", mode="markers", showlegend=False, hovertemplate="×%{y:.2f}",
            marker=dict(symbol="diamond", size=10, color=COLOURS[name]),
        )  # fmt: skip
    charts.axes(figure, "length of the push, L2", "output moves / length of the push", 360)
    ticks = dict(tickvals=[0.007, *CLOSE], ticktext=["J", *(f"{t:g}" for t in CLOSE)])
    figure.update_xaxes(type="log", range=[np.log10(0.006), np.log10(3.3)], **ticks)
    figure.update_yaxes(rangemode="tozero")
    return figure


def verdict(found: Pushed) -> str:
    """Say along which direction the output moves most, for the shortest and for longer pushes, as computed."""
    short = _first({name: found.gain(name) for name in NAMES}, "×")
    far = {t: _first({name: float(found.moved(name)[LENGTHS.index(t)]) for name in NAMES}) for t in (0.5, REACH)}
    further = "".join(f"  \nPush of L2 {t:g}, the output moves by: {told}." for t, told in far.items())
    return f"Shortest push, the output moves: {short} as far.{further}"


def _first(moved: dict[str, float], sign: str = "") -> str:
    """Write figures by name, the largest first and in bold."""
    ranked = sorted(moved, key=lambda name: -moved[name])
    told = [f"{name} {sign}{moved[name]:.2f}" for name in ranked]
    return ", ".join([f"**{told[0]}**", *told[1:]])


def table(known: list[Directions]) -> list[dict[str, str]]:
    """Write the largest singular values over many images as a table of words."""
    rows = []
    for one in known:
        row = {"network": one.network, "n": f"{one.n:,}"}
        for place in ("clean", "noisy"):
            (mean, half), (median, top) = one.mean(f"largest {place}"), one.spread(f"largest {place}")
            row |= {f"{place}: mean": f"{mean:.2f} ± {half:.2f}", f"{place}: median": f"{median:.2f}", f"{place}: max": f"{top:.2f}"}  # fmt: skip
        rows.append(row)
    return rows


def along(one: Directions) -> list[dict[str, str]]:
    """Write what was foretold of one network and what came about, medians over many images, as a table of words."""
    rows = []
    for name in NAMES:
        row = {"along": name, "cosine with v1": f"{one.spread(f'cosine {name}')[0]:.2f}"}
        gain = one.spread(f"gain {name}")[0]
        rows.append(
            row | {f"L2 {t:g}": f"{one.spread(f'moved_{t:g} {name}')[0]:.2f} ({t * gain:.2f})" for t in MEASURED}
        )
    return rows
