"""Figures in, charts out: colours say what a series is, the same everywhere."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from torch import Tensor

from app import address
from app.draw.pictures import DIVERGING, Map
from core.measures.metrics import wilson
from core.training.minimisers import GRID, Minimiser

NOISE, ATTACK, DENOISED, FAINT, GREY = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#8a8a8a"  # everywhere
Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by name: where, and how much there
RED_AND_BLUE = [[k / 2, f"rgb({','.join(str(int(v)) for v in rgb)})"] for k, rgb in enumerate(DIVERGING)]
LARGE = 17  # pixels high is what is written in a chart, for a projector
SERIES = (NOISE, ATTACK, DENOISED, "#CC79A7", FAINT, "#E69F00")


def show(figure: go.Figure, key: str, clicked: Callable[[str], None] | None = None) -> None:
    """Put a chart on the page, whose points may be `clicked`, which is told the key; what is written in it is larger in the presenter's view."""
    if address.presenting():
        large = dict(tickfont_size=LARGE, title_font_size=LARGE)
        figure.update_layout(font_size=LARGE, legend_font_size=LARGE).update_xaxes(large).update_yaxes(large)
    if clicked:
        st.plotly_chart(figure, key=key, theme="streamlit", on_select=partial(clicked, key), selection_mode="points")
    else:
        st.plotly_chart(figure, key=key, theme="streamlit")


def axes(figure: go.Figure, x: str, y: str, height: int = 430, **layout: Any) -> go.Figure:
    """Give every chart of the house the same quiet frame, legible in both themes."""
    frame = dict(margin=dict(l=10, r=10, t=10, b=10), legend=dict(orientation="h", y=-0.22), uirevision="keep")
    figure.update_layout(**{**frame, "hovermode": "x unified", "height": height, **layout})
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    return figure


def middles(edges: np.ndarray) -> np.ndarray:
    """Return where the bars of a histogram stand."""
    return np.asarray((edges[1:] + edges[:-1]) / 2)


def spread(
    values: Mapping[str, np.ndarray], edges: np.ndarray, x: str, colours: Mapping[str, str], mark: float | None = None
) -> go.Figure:
    """Draw histograms over each other, in images per bin; `mark` is a line to compare with. A bar can be clicked."""
    figure = go.Figure()
    width = float(edges[1] - edges[0])
    for name, column in values.items():
        counts, _ = np.histogram(column, edges)
        figure.add_bar(
            x=middles(edges), y=counts, width=width, name=name, opacity=0.6, marker=dict(color=colours[name], line_width=0),
            hovertemplate=f"%{{y:,}} images {name}<extra></extra>",
        )  # fmt: skip
    axes(figure, x, "images", 330, barmode="overlay", bargap=0, dragmode=False)
    if mark is not None:
        figure.add_vline(mark, line=dict(color=GREY, dash="dash"))
    return figure


def densities(values: Mapping[str, np.ndarray], edges: np.ndarray, colours: Mapping[str, str]) -> go.Figure:
    """Draw histograms over each other as shares of all values; a spike in the middle is cut off."""
    figure = go.Figure()
    shares = {name: 100 * np.histogram(column, edges)[0] / len(column) for name, column in values.items()}
    for name, share in shares.items():
        figure.add_scatter(
            x=middles(edges), y=share, name=name, mode="lines", line=dict(shape="hvh", color=colours[name], width=2),
            fill="tozeroy", hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    axes(figure, "moved by, grey levels", "share of values, %", 330)
    highest = [float(np.sort(share)[-2]) for share in shares.values()]
    figure.update_yaxes(range=[0, 1.15 * max(highest)])
    return figure


def confusion(table: Sequence[Sequence[int]]) -> go.Figure:
    """Draw a confusion matrix: rows what it is, columns what the network says, in percent of the row."""
    counts = np.array(table, dtype=float)
    shares = 100 * counts / counts.sum(1, keepdims=True).clip(1)
    digits = [str(k) for k in range(len(counts))]
    figure = go.Figure(
        go.Heatmap(
            z=np.round(shares, 1), x=digits, y=digits, zmin=0, zmax=100, colorscale="Blues", texttemplate="%{z:.0f}", xgap=1, ygap=1,
            colorbar=dict(title="% of row"), hovertemplate="a %{y}, read as %{x}: %{z:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    axes(figure, "the network says", "it is", hovermode="closest")
    figure.update_xaxes(type="category", side="top")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def matrix(
    table: Sequence[Sequence[float]], columns: list[str], rows: list[str], x: str, y: str, unit: str
) -> go.Figure:
    """Draw figures as a matrix, red above zero and blue below, the limit the largest of them; a cell can be clicked.

    Heatmaps cannot be: a point nobody sees lies in each cell, which carries the names of its row and column.
    """
    limit = max(abs(v) for row in table for v in row) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=table, x=columns, y=rows, zmin=-limit, zmax=limit, colorscale=RED_AND_BLUE, texttemplate="%{z:.1f}", xgap=1, ygap=1,
            colorbar=dict(title=unit), hoverinfo="skip",
        )
    )  # fmt: skip
    cells = [(column, row, f"{row} {column}", value) for row, values in zip(rows, table, strict=True) for column, value in zip(columns, values, strict=True)]  # fmt: skip
    across, down, names, values = zip(*cells, strict=True)
    unseen = dict(opacity=0)
    figure.add_scatter(
        x=across, y=down, mode="markers", marker=unseen, selected_marker=unseen, unselected_marker=unseen, showlegend=False,
        customdata=[[name, value] for name, value in zip(names, values, strict=True)],
        hovertemplate=f"{y} %{{y}}, {x} %{{x}}: %{{customdata[1]:.2f}} {unit}<extra></extra>",
    )  # fmt: skip
    axes(figure, x, y, 90 + 44 * len(rows), hovermode="closest", hoverdistance=-1, dragmode=False)
    figure.update_xaxes(side="top")
    figure.update_yaxes(autorange="reversed")
    return figure


def band(
    figure: go.Figure, levels: Sequence[float], hits: Sequence[int], n: int, name: str, colour: str, dash: str = "solid"
) -> None:
    """Draw shares of n, in percent, over levels, with their 95 % intervals shaded."""
    bounds = [wilson(h, n) for h in hits]
    figure.add_scatter(
        x=[*levels, *reversed(levels)],
        y=[100 * high for _, high in bounds] + [100 * low for low, _ in reversed(bounds)],
        fill="toself", fillcolor=colour, opacity=0.22, line_width=0, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=list(levels), y=[100 * h / n for h in hits], name=name, mode="lines+markers", marker_size=4,
        line=dict(color=colour, dash=dash), hovertemplate="%{y:.2f} %",
    )  # fmt: skip


def history(epochs: Sequence[dict[str, float]], scored: str) -> go.Figure:
    """Draw a training curve: the loss and, where there is one, what was `scored` after each epoch."""
    figure = go.Figure()
    at = [e["epoch"] for e in epochs]
    figure.add_scatter(x=at, y=[e["loss"] for e in epochs], name="loss", line_color=SERIES[1], mode="lines+markers")
    axes(figure, "epoch", "loss", 300)
    if "score" in epochs[0]:
        scores = [e["score"] for e in epochs]
        figure.add_scatter(x=at, y=scores, name=scored, yaxis="y2", line_color=SERIES[2], mode="lines+markers")
        figure.update_layout(yaxis2=dict(title=scored, overlaying="y", side="right", showgrid=False))
    return figure


def settled(targets: Tensor, found: dict[str, Minimiser], truth: float) -> go.Figure:
    """Draw what a pixel may be, as bars, and where each loss settles, as lines; the loss itself is drawn to scale 0 to 1."""
    low, high = float(GRID[0]), float(GRID[-1])
    counts, edges = np.histogram(targets.numpy(), np.linspace(low, high, 76))
    shares = 100 * counts / len(targets)
    top = float(np.sort(shares)[-2]) * 2 or 1.0
    figure = go.Figure()
    bars = dict(name="what the target may be", marker_color=GREY, opacity=0.5)
    figure.add_bar(x=middles(edges), y=shares, hovertemplate="%{y:.2f} %<extra></extra>", **bars)
    for (name, s), colour in zip(found.items(), SERIES, strict=False):
        curve = (s.curve - s.curve.min()) / (s.curve.max() - s.curve.min())
        drawn, place = dict(line_color=colour, hoverinfo="skip"), dict(color=colour, size=15, symbol="triangle-up")
        figure.add_scatter(x=GRID.numpy(), y=(top * curve).numpy(), name=f"{name}: mean loss", **drawn)
        here = f"{name} settles here"
        figure.add_scatter(x=[s.best], y=[0], name=here, mode="markers", marker=place, showlegend=False)
    figure.add_vline(truth, line=dict(color=GREY, dash="dash"), annotation_text="the truth")
    axes(figure, "grey value", "share of draws, %", 360)
    figure.update_xaxes(range=[low, high])
    figure.update_yaxes(range=[-0.04 * top, 1.05 * top])
    return figure


def transform(values: Tensor, root: float, settled: float, gamma: float) -> go.Figure:
    """Draw a Hilbert transform over GRID, its root, and where annealed L0 settles; spikes, of single values, are cut off."""
    figure, limit = go.Figure(), 1.5 * float(values.abs().quantile(0.9))
    figure.add_scatter(
        x=GRID.numpy(), y=values.numpy(), name="Hilbert transform", line_color=SERIES[3], hoverinfo="skip"
    )
    figure.add_hline(0, line=dict(color=GREY, width=1))
    for x, name, symbol, colour in (
        (root, f"its root, {root:.3f}", "diamond", SERIES[3]),
        (settled, f"L0 with gamma {gamma:g} settles, {settled:.3f}", "triangle-up-open", SERIES[2]),
    ):
        marker = dict(color=colour, size=15, symbol=symbol, line_width=2)
        figure.add_scatter(x=[x], y=[0], name=name, mode="markers", marker=marker, hoverinfo="name")
    below = dict(orientation="h", y=-0.35)
    axes(figure, "grey value", "Hilbert transform", 280, hovermode="closest", legend=below)
    figure.update_xaxes(range=[float(GRID[0]), float(GRID[-1])])
    figure.update_yaxes(range=[-limit, limit])
    return figure


def counts(values: Map) -> go.Figure:
    """Draw photons per pixel as a map."""
    told = dict(colorbar=dict(title="photons"), hovertemplate="%{z} photons<extra></extra>")
    figure = go.Figure(go.Heatmap(z=values.round().int().numpy(), colorscale="Greys_r", **told))
    axes(figure, "", "", 360, hovermode="closest")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    return figure


def lines(curves: Curves, x: str, y: str, over: Sequence[float], colours: Mapping[str, str] | None = None) -> go.Figure:
    """Draw curves over each other, in the colours named or one after another."""
    figure = go.Figure()
    for (name, (at, values)), colour in zip(curves.items(), cycle(SERIES), strict=False):
        figure.add_scatter(x=at, y=values, name=name, line_color=colours[name] if colours else colour)
    axes(figure, x, y, 360)
    figure.update_xaxes(range=over)
    return figure
