"""How straight a network is: logits along a line, units at their kinks, answers on a plane, layers, sizes, denoisers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor

from app.browser.strips import Line, Scale, Series, Tile, curve, pack
from app.draw import charts
from core.experiments import linearity
from core.experiments.directions import Directions
from core.experiments.input_sizes import Sized
from core.experiments.linearity import ATTACK, CHANCE, LINES, NEAR, PLACES, SIZE, Lines
from core.experiments.pushes import NAMES, NOISE
from core.measures.linearity import explained
from core.types import Images, Scores

COLOURS = {"clean": charts.GREY, ATTACK: charts.ATTACK, CHANCE: charts.NOISE}
TITLES = {ATTACK: "along the attack", CHANCE: "along chance"}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "ReLU": lambda z: z.clamp(min=0),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}  # the study's Figure 3


def strip(x: Images, d: Mapping[str, Images], logits: Mapping[str, Float[Tensor, "t 1 k"]], label: int) -> bytes:
    """Pack a digit moved along each line, (1, 1, 28, 28), with all its logits over t."""
    steps = torch.tensor(PLACES).view(-1, 1, 1, 1)
    images: dict[str, Tensor] = {"clean": x, **{name: x + steps * d[name] for name in LINES}}
    tiles, drawn = [Tile("the digit", "clean")], []
    low, high = (f(torch.stack(list(logits.values()))) for f in (torch.min, torch.max))
    ends: Any = dict(bottom=float(5 * (low / 5).floor()), top=float(5 * (high / 5).ceil()))
    for name in LINES:
        values = logits[name][:, 0]
        sure, says = values.softmax(1).max(1)
        tiles.append(Tile(TITLES[name], name, "", (Line("reads {}", says.float(), 0), Line("{} % sure", 100 * sure))))
        tiles.append(Tile("what is added", name, "clean"))
        told = (
            f"a straight line explains {100 * float(explained(torch.tensor(PLACES), values[:, None])):.1f} % of all ten"
        )
        drawn.append(curve(f"Logits {TITLES[name]}", _classes(values, label), told, **ends))
    return pack(Scale(list(PLACES), "Move by (t)", "of the grey range"), images, tiles, limit=0.5, curve=drawn)


def _classes(values: Float[Tensor, "t k"], label: int) -> list[Series]:
    """Draw what the digit is in blue, what it is read as at the end in orange, and all others in grey."""
    end = int(values[-1].argmax())
    named = {label: (f"{label}, what it is", charts.NOISE), end: (f"{end}, read at the end", charts.ATTACK)}
    named[label] = (f"{label}, what it is", charts.NOISE)
    others = [k for k in range(values.shape[1]) if k not in named]
    grey = [Series("others" if k == others[0] else "", values[:, k], charts.GREY, dashed=True) for k in others]
    return grey + [Series(name, values[:, k], colour) for k, (name, colour) in named.items()]


def kinks(before: Mapping[str, Tensor]) -> go.Figure:
    """Draw what the units of a stage are about to rectify, as shares per bin, by what the network sees, over Figure 3's activations."""
    limit = float(torch.stack([v.abs().max() for v in before.values()]).max())
    edges = np.linspace(-limit, limit, 41)
    figure = go.Figure()
    for name, values in before.items():
        share = 100 * np.histogram(values.numpy(), edges)[0] / values.numel()
        style = dict(shape="hvh", color=COLOURS[name], width=2)
        figure.add_scatter(x=charts.middles(edges), y=share, name=name, mode="lines", line=style, hovertemplate="%{y:.1f} %")  # fmt: skip
    z = torch.linspace(-limit, limit, 200)
    for (name, function), dash in zip(ACTIVATIONS.items(), ("solid", "dash", "dot"), strict=True):
        style = dict(color=charts.SERIES[3], dash=dash, width=1.5)
        figure.add_scatter(x=z.numpy(), y=function(z).numpy(), name=name, yaxis="y2", line=style, hoverinfo="skip")
    figure.add_vline(0, line=dict(color=charts.GREY, dash="dash"))
    charts.axes(figure, "what the unit gets", "share of units, %", 360)
    figure.update_layout(
        yaxis2=dict(title="what it answers", overlaying="y", side="right", showgrid=False, tickmode="auto")
    )
    return figure


def plane(margins: Float[Tensor, "a b"], answers: Tensor) -> go.Figure:
    """Draw on a plane how far the label's logit leads, red, or trails, blue; `answers`, (a, b), is what the network says."""
    limit = float(margins.abs().max())
    places = np.linspace(PLACES[0], PLACES[-1], len(margins))
    told = "attack %{x:.3f}, chance %{y:.3f}: reads %{customdata}, lead %{z:.1f}<extra></extra>"
    figure = go.Figure(
        go.Heatmap(z=margins.T.numpy(), x=places, y=places, customdata=answers.T.numpy(), zmin=-limit, zmax=limit, colorscale=charts.RED_AND_BLUE, colorbar=dict(title="lead"), hovertemplate=told)
    )  # fmt: skip
    edge = dict(start=0, end=0, size=1, coloring="none")
    figure.add_contour(z=margins.T.numpy(), x=places, y=places, contours=edge, line=dict(color="black", width=2), showscale=False, showlegend=False, hoverinfo="skip")  # fmt: skip
    figure.add_scatter(x=[0], y=[0], mode="markers", marker=dict(symbol="x", size=10, color="black"), showlegend=False, hoverinfo="skip")  # fmt: skip
    charts.axes(figure, "t along the attack", "t along chance", 480, hovermode="closest")
    figure.update_yaxes(scaleanchor="x")
    return figure


def table(known: list[Lines]) -> list[dict[str, str]]:
    """Write how much a straight line explains, over many images, as a table of words."""
    columns = {f"t from {PLACES[0]:g} to {PLACES[-1]:g}": "straight", f"t from {NEAR[0]:g} to {NEAR[-1]:g}": "straight near", "the label's logit alone": "straight label"}  # fmt: skip
    return [
        {"network": one.network, "n": f"{one.n:,}", "moved": TITLES[way]}
        | {title: _percent(one.mean(f"{what}, {way}")) for title, what in columns.items()}
        for one in known
        for way in LINES
    ]


def sides(one: Lines) -> list[dict[str, str]]:
    """Write the share of units above their kinks, and of kinks passed, as a table of words."""
    rows = []
    for stage in one.stages:
        row = {"stage": stage}
        for title, what in (("answers: clean", "on, clean"), *((f"answers: {w}", f"on, {w}") for w in LINES), *((f"passed: {w}", f"crossed, {w}") for w in LINES)):  # fmt: skip
            row[title] = _percent(one.mean(name)) if (name := f"{stage} {what}") in one.columns else ""
        rows.append(row)
    return rows


def layers(one: Lines) -> list[dict[str, str]]:
    """Write how far the sums of every layer move, and the most they could, as a table of words."""
    return [
        {"layer": f"{k + 1}", "inputs of a sum, n": f"{n}", "mean weight, m": f"{m:.3f}", "ε m n": f"{SIZE * m * n:.2f}"}
        | {f"moved, {way}": f"{one.mean(f'layer {k} moved, {way}')[0]:.2f}, {100 * linearity.aligned(one, k, way):.0f} % of the most" for way in LINES}
        for k, (n, m) in enumerate(one.weights)
    ]  # fmt: skip


def sizes(found: list[Sized]) -> go.Figure:
    """Draw how far FGSM moves a linear model's logit over the number of its inputs, beside what the argument foretells."""
    figure, n = go.Figure(), [one.side**2 for one in found]
    first = found[0]
    curves = {
        "ε m n, moved by the attack": ([one.moved for one in found], charts.ATTACK, "solid"),
        "spread of the logit over digits": ([one.spread for one in found], charts.NOISE, "solid"),
        f"if m stayed what it is at {first.side} × {first.side}": ([first.moved * k / n[0] for k in n], charts.GREY, "dash"),
    }  # fmt: skip
    for name, (values, colour, dash) in curves.items():
        figure.add_scatter(x=n, y=values, name=name, mode="lines+markers", line=dict(color=colour, dash=dash), hovertemplate="%{y:.2f}")  # fmt: skip
    charts.axes(figure, "inputs, n (pixels)", "logit", 360)
    figure.update_xaxes(type="log", tickvals=n, ticktext=[f"{k:,}" for k in n])
    figure.update_yaxes(type="log")
    return figure


def pushed(moved: Mapping[str, Scores], lengths: tuple[float, ...], colours: Mapping[str, str]) -> go.Figure:
    """Draw how far a denoiser's output moves over the length of a push, a line for every direction."""
    at = np.array(lengths)
    return charts.lines({name: (at, v.numpy()) for name, v in moved.items()}, "length of the push t, L2", "the output moves, L2", [0, lengths[-1]], colours)  # fmt: skip


def denoisers(known: list[Directions]) -> list[dict[str, str]]:
    """Write how much of what denoisers' outputs do a straight line explains, as a table of words."""
    return [
        {"network": one.network, "n": f"{one.n:,}"} | {name: _percent(one.mean(f"straight {name}")) for name in (*NAMES, NOISE)}
        for one in known
    ]  # fmt: skip


def _percent(share: tuple[float, float]) -> str:
    return f"{100 * share[0]:.1f} ± {100 * share[1]:.1f} %"
