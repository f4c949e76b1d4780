"""Figures in, charts out."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from app.draw import words
from app.draw.pictures import DIVERGING, Map
from core.experiments.accuracy import Curve, wilson
from core.experiments.defence import WAYS, Defence
from core.experiments.few_pixels import Exhausted
from core.study.reported import Reported
from core.training.minimisers import GRID, Minimiser

SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
COLOURS = {
    "noisy": "#0072B2", "denoised": "#009E73", "denoised / noisy": "#009E73", "white noise": "#8a8a8a",
    "noise, as drawn": "#56B4E9", "noise, clipped": "#0072B2", "adversarial noise": "#D55E00",
    "study's ratio": "#0072B2", "fair ratio": "#D55E00",
}  # fmt: skip


def axes(figure: go.Figure, x: str, y: str) -> go.Figure:
    """Give every chart of the house the same quiet frame, legible in both themes."""
    figure.update_layout(
        margin=dict(l=10, r=10, t=10, b=10),
        height=430,
        hovermode="x unified",
        legend=dict(orientation="h", y=-0.22),
        uirevision="keep",
    )
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    return figure


def accuracy(curves: list[Curve], reported: list[Reported], names: list[str], share: bool) -> go.Figure:
    """Draw accuracy over strength: colour tells the network, the dash the noise or attack, diamonds the study's points.

    `names` lists all networks, so that each keeps its colour; `share` says that the strength is a share of pixels.
    """
    figure = go.Figure()
    kinds = list(dict.fromkeys(c.kind for c in curves))
    for c in curves:
        kind = c.kind
        colour = SERIES[names.index(c.network) % len(SERIES)]
        label = f"{c.network}, {words.title(kind)}" + ("" if c.data.startswith("MNIST") else f" ({c.data})")
        band(figure, c.levels, c.hits, c.n, label, colour, ("solid", "dot", "dash")[kinds.index(kind) % 3])
    for number, r in enumerate(reported):
        figure.add_scatter(
            x=r.levels, y=r.accuracy, mode="markers", name=f"study's Figure {r.figure}, {words.title(r.kind)}" + (" (suspect)" if r.suspect else ""),
            marker=dict(symbol="diamond" + ("-open" if number else ""), size=11, color="#8a8a8a", line=dict(width=2, color="#8a8a8a")),
            hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    axes(figure, "pixels replaced" if share else "strength (epsilon, of the grey range)", "test digits read right, %")
    figure.update_xaxes(tickformat=".0%" if share else None, range=[-0.01, 1.01] if share else [-0.005, 0.505])
    figure.update_yaxes(range=[0, 101])
    return figure


def gaps(reported: Reported, curves: list[Curve]) -> list[tuple[float, str]]:
    """Measure how far published points lie from each network's curve, in points of accuracy on average, nearest first."""
    found = []
    for c in curves:
        if c.kind == reported.kind and c.data.startswith("MNIST") and set(reported.levels) <= set(c.levels):
            here = [c.accuracy[c.levels.index(level)] for level in reported.levels]
            found.append((sum(abs(a - b) for a, b in zip(here, reported.accuracy, strict=True)) / len(here), c.network))
    return sorted(found)


def spread(values: dict[str, np.ndarray], edges: np.ndarray, x: str, mark: float | None = None) -> go.Figure:
    """Draw histograms over each other, in images per bin; `mark` is a line to compare with. A bar can be clicked."""
    figure = go.Figure()
    middles, width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    for name, column in values.items():
        counts, _ = np.histogram(column, edges)
        figure.add_bar(
            x=middles, y=counts, width=width, name=name, opacity=0.6, marker=dict(color=COLOURS[name], line_width=0),
            hovertemplate=f"%{{y:,}} images {name}<extra></extra>",
        )  # fmt: skip
    axes(figure, x, "images")
    figure.update_layout(barmode="overlay", height=330, bargap=0, dragmode=False)
    if mark is not None:
        figure.add_vline(mark, line=dict(color="#8a8a8a", dash="dash"))
    return figure


def densities(values: dict[str, np.ndarray], edges: np.ndarray) -> go.Figure:
    """Draw histograms over each other as shares of all values; a spike in the middle is cut off."""
    figure = go.Figure()
    shares = {name: 100 * np.histogram(column, edges)[0] / len(column) for name, column in values.items()}
    for name, share in shares.items():
        figure.add_scatter(
            x=(edges[1:] + edges[:-1]) / 2, y=share, name=name, mode="lines", line=dict(shape="hvh", color=COLOURS[name], width=2),
            fill="tozeroy", hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    axes(figure, "moved by, grey levels", "share of values, %")
    highest = [float(np.sort(share)[-2]) for share in shares.values()]
    figure.update_yaxes(range=[0, 1.15 * max(highest)])
    figure.update_layout(height=330)
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
    axes(figure, "the network says", "it is")
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(type="category", side="top")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def matrix(
    table: Sequence[Sequence[float]], columns: list[str], rows: list[str], x: str, y: str, unit: str
) -> go.Figure:
    """Draw figures as a matrix, red above zero and blue below, the limit the largest of them."""
    limit = max(abs(v) for row in table for v in row) or 1.0
    colours = [
        [place, f"rgb({','.join(str(int(v)) for v in rgb)})"] for place, rgb in zip((0, 0.5, 1), DIVERGING, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=table, x=columns, y=rows, zmin=-limit, zmax=limit, colorscale=colours, texttemplate="%{z:.1f}", xgap=1, ygap=1,
            colorbar=dict(title=unit), hovertemplate=f"{y} %{{y}}, {x} %{{x}}: %{{z:.2f}} {unit}<extra></extra>",
        )
    )  # fmt: skip
    axes(figure, x, y)
    figure.update_layout(hovermode="closest", height=90 + 44 * len(rows))
    figure.update_xaxes(side="top")
    figure.update_yaxes(autorange="reversed")
    return figure


def pixels(curves: list[Curve], tried: dict[str, Exhausted], reported: list[Reported], names: list[str]) -> go.Figure:
    """Draw accuracy over the number of pixels changed: searched (lines), every one tried (stars), published (diamonds)."""
    figure = go.Figure()
    for c in curves:
        colour = SERIES[names.index(c.network) % len(SERIES)]
        band(figure, c.levels, c.hits, c.n, c.network, colour)
    for network, found in tried.items():
        figure.add_scatter(
            x=[1], y=[100 * found.safe / found.n], mode="markers", name=f"{network}, every pixel tried",
            marker=dict(symbol="star", size=13, color=SERIES[names.index(network) % len(SERIES)]), hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    for r in reported:
        figure.add_scatter(
            x=r.levels, y=r.accuracy, mode="markers", name=f"study's Figure {r.figure}",
            marker=dict(symbol="diamond", size=11, color="#8a8a8a"), hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    axes(figure, "pixels changed", "test digits read right, %")
    figure.update_xaxes(range=[0, 41])
    return figure


def defence(found: Defence) -> go.Figure:
    """Draw a classifier's accuracy over epsilon without, behind and through a denoiser."""
    figure = go.Figure()
    for (way, title), colour, dash in zip(WAYS.items(), SERIES[:3], ("solid", "dash", "dot"), strict=True):
        band(figure, found.epsilons, found.hits[way], found.n, title, colour, dash)
    axes(figure, "strength (epsilon, of the grey range)", "test digits read right, %")
    figure.update_yaxes(range=[0, 101])
    return figure


def band(
    figure: go.Figure,
    levels: Sequence[float],
    hits: Sequence[int],
    n: int,
    title: str,
    colour: str,
    dash: str = "solid",
) -> None:
    """Draw shares of n, in percent, over levels, with their 95 % intervals shaded."""
    bounds = [wilson(h, n) for h in hits]
    figure.add_scatter(
        x=[*levels, *reversed(levels)],
        y=[100 * high for _, high in bounds] + [100 * low for low, _ in reversed(bounds)],
        fill="toself", fillcolor=colour, opacity=0.22, line_width=0, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=list(levels), y=[100 * h / n for h in hits], name=title, mode="lines+markers", marker_size=4,
        line=dict(color=colour, dash=dash), hovertemplate="%{y:.2f} %",
    )  # fmt: skip


def history(epochs: Sequence[dict[str, float]]) -> go.Figure:
    """Draw a training curve: the loss and, where there is one, the validation score after each epoch."""
    figure = go.Figure()
    at = [e["epoch"] for e in epochs]
    figure.add_scatter(x=at, y=[e["loss"] for e in epochs], name="loss", line_color=SERIES[1], mode="lines+markers")
    axes(figure, "epoch", "loss")
    if "score" in epochs[0]:
        scored = [e["score"] for e in epochs]
        figure.add_scatter(
            x=at, y=scored, name="validation PSNR, dB", yaxis="y2", line_color=SERIES[2], mode="lines+markers"
        )
        figure.update_layout(yaxis2=dict(title="validation PSNR, dB", overlaying="y", side="right", showgrid=False))
    figure.update_layout(height=300)
    return figure


def settled(targets: Tensor, found: dict[str, Minimiser], truth: float) -> go.Figure:
    """Draw what a pixel may be, as bars, and where each loss settles, as lines; the loss itself is drawn to scale 0 to 1."""
    low, high = float(GRID[0]), float(GRID[-1])
    counts, edges = np.histogram(targets.numpy(), np.linspace(low, high, 76))
    shares = 100 * counts / len(targets)
    top = float(np.sort(shares)[-2]) * 2 or 1.0
    figure = go.Figure()
    figure.add_bar(
        x=(edges[1:] + edges[:-1]) / 2,
        y=shares,
        name="what the target may be",
        marker_color="#8a8a8a",
        opacity=0.5,
        hovertemplate="%{y:.2f} %<extra></extra>",
    )
    for (name, s), colour in zip(found.items(), SERIES, strict=False):
        curve = (s.curve - s.curve.min()) / (s.curve.max() - s.curve.min())
        figure.add_scatter(
            x=GRID.numpy(), y=(top * curve).numpy(), name=f"{name}: mean loss", line_color=colour, hoverinfo="skip"
        )
        figure.add_scatter(
            x=[s.best],
            y=[0],
            name=f"{name} settles here",
            mode="markers",
            marker=dict(color=colour, size=15, symbol="triangle-up"),
            showlegend=False,
        )
    figure.add_vline(truth, line=dict(color="#8a8a8a", dash="dash"), annotation_text="the truth")
    axes(figure, "grey value", "share of draws, %")
    figure.update_yaxes(range=[-0.04 * top, 1.05 * top])
    figure.update_layout(height=360)
    return figure


def counts(values: Map) -> go.Figure:
    """Draw photons per pixel as a map."""
    figure = go.Figure(
        go.Heatmap(
            z=values.round().int().numpy(),
            colorscale="Greys_r",
            colorbar=dict(title="photons"),
            hovertemplate="%{z} photons<extra></extra>",
        )
    )
    axes(figure, "", "")
    figure.update_layout(hovermode="closest", height=360)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    return figure


def lines(curves: dict[str, tuple[np.ndarray, np.ndarray]], x: str, y: str, over: list[float]) -> go.Figure:
    """Draw curves over each other."""
    figure = go.Figure()
    for (name, (at, values)), colour in zip(curves.items(), cycle(SERIES), strict=False):
        figure.add_scatter(x=at, y=values, name=name, line_color=COLOURS.get(name, colour))
    axes(figure, x, y)
    figure.update_xaxes(range=over)
    figure.update_layout(height=360)
    return figure
