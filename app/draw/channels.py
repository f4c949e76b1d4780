"""Channels on the way down of a U-Net: what each is worth, how far an attack moves it, and what it makes of one picture."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch
from torch import Tensor

from app import cache, progress
from app.draw import charts, pictures
from app.inputs import Trained
from core.experiments.attack_path import Timeline
from core.experiments.unet_features import CHANNELS, STAGES, UNetFeatures, title
from core.measures import ablation, metrics

SHOWN = 10
BEND = 1e-3  # dB: figures below it are drawn as they are, above by their logarithm
TICKS = (-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0)
NAMES = {
    f"{stage + 1}-{channel + 1}": f"{title(stage)}, channel {channel + 1}" for stage in range(STAGES) for channel in range(CHANNELS)
}  # fmt: skip
CHANNEL = {name: place for place, name in enumerate(NAMES)}
SCALE = [[0.0, charts.FAINT], [0.5, charts.NOISE], [1.0, charts.ATTACK]]  # the first stage to the bottleneck


def first(found: UNetFeatures | None) -> str:
    """Choose the channel a page begins with: the one that is worth most."""
    return list(NAMES)[0 if found is None else int(found.column("useful").argmax())]


def bent(values: Tensor | tuple[float, ...]) -> np.ndarray:
    """Bend decibels of either sign so that 0.01 and 1 can be seen on one axis."""
    z = np.asarray(values, dtype=float)
    return np.asarray(np.sign(z) * np.log10(1 + np.abs(z) / BEND))


def worth(found: UNetFeatures, chosen: int) -> go.Figure:
    """Draw every channel by what it is worth and the least it is worth in the ball; a point can be clicked."""
    figure = _points(found, bent(found.column("at worst")), "worth %{text[1]} dB, at worst %{text[2]} dB", chosen)
    ends = list(bent((0.0, 3.0)))
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line=dict(color=charts.GREY, dash="dash"), name="nothing lost", hoverinfo="skip"
    )
    figure.update_yaxes(
        title=f"worth at worst, L2 {found.radius:g}, dB", tickvals=bent(TICKS), ticktext=[f"{t:g}" for t in TICKS]
    )
    return figure


def moves(found: UNetFeatures, chosen: int) -> go.Figure:
    """Draw how many times as far as white noise DAG moves every channel, by what the channel is worth; a point can be clicked."""
    figure = _points(
        found, found.beyond.numpy(), "worth %{text[1]} dB, DAG moves it %{y:.2f} times as far as white noise", chosen
    )
    figure.add_hline(1, line=dict(color=charts.GREY, dash="dash"))
    figure.update_yaxes(title="moved by DAG / by white noise as strong", type="log")
    return figure


def _points(found: UNetFeatures, y: np.ndarray, hover: str, chosen: int) -> go.Figure:
    useful, left = found.column("useful"), found.column("at worst")
    x, stage = bent(useful), found.stage
    told = [
        [NAMES[name], f"{u:.4f}", f"{w:.4f}"] for name, u, w in zip(NAMES, useful.tolist(), left.tolist(), strict=True)
    ]
    bar = dict(title="stage", tickvals=[1, STAGES], ticktext=["1", "bottleneck"])
    figure = go.Figure()
    figure.add_scatter(
        x=x, y=y, mode="markers", customdata=[[name] for name in NAMES], text=told, name="channels",
        marker=dict(color=(stage + 1).tolist(), colorscale=SCALE, cmin=1, cmax=STAGES, colorbar=bar, size=7, opacity=0.8),
        hovertemplate=f"%{{text[0]}}: {hover}<extra></extra>",
    )  # fmt: skip
    ring = dict(color=charts.ATTACK, symbol="circle-open", size=18, line_width=3)
    figure.add_scatter(x=[x[chosen]], y=[y[chosen]], mode="markers", marker=ring, name="shown below", hoverinfo="skip")
    charts.axes(figure, "worth, dB", "", 400, hovermode="closest", dragmode=False, showlegend=False)
    figure.update_xaxes(tickvals=bent(TICKS), ticktext=[f"{t:g}" for t in TICKS])
    return figure


def said(found: UNetFeatures, channel: int) -> str:
    """Say what a channel is worth, and how far it is moved."""
    useful, left = (
        f"{float(found.column(c)[channel]):.4f} ± {float(found.half(c)[channel]):.4f} dB"
        for c in ("useful", "at worst")
    )
    by = ", ".join(
        f"{title} {float(found.column(c)[channel]):.2f}" for title, c in (("DAG", "DAG"), ("white noise", "white"))
    )
    return f"Worth {useful}, at worst {left} (L2 {found.radius:g}). Moved, in its standard deviations: {by}."


def looks_for(network: Trained, channel: int) -> None:
    """Show the filter of a channel, where there is one to look at, and the test pictures that excite it most."""
    stage, number = divmod(channel, CHANNELS)
    test, model = cache.dataset("cifar10", "test"), cache.unet(network)
    left, right = st.columns([1, 3], vertical_alignment="center")
    if stage == 0:
        own = model.state_dict()["down.0.weight"][number]
        limit = float(own.abs().max())
        left.image(
            pictures.row([pictures.diverging(w, limit) for w in own], 24), output_format="PNG", alt="Its filter",
            caption=f"Its filter for red, green and blue; full colour at ±{limit:.2f}",
        )  # fmt: skip
    else:
        left.caption(
            f"Its filter reads {CHANNELS} maps of the stage before: too many to look at. What it answers to says more."
        )
    best, values = progress.exciting(network, stage, number, SHOWN)
    tiles = [pictures.enlarged(pictures.colour(test.images([i])[0]), 3) for i in best]
    told = f"no. {', '.join(map(str, best))}: it answers {values[0]:.2f} to {values[-1]:.2f}"
    right.image(pictures.grid(tiles, len(tiles)), output_format="PNG", alt=f"Test pictures that excite {title(stage)}, channel {number + 1} most", caption=f"Excite it most: {told}")  # fmt: skip


def effect(network: Trained, channel: int, found: Timeline) -> None:
    """Show what a channel makes of a picture, noisy, attacked, and under white noise as strong as the attack."""
    (stage, number), model = divmod(channel, CHANNELS), cache.unet(network)
    x = found.batch.clean
    shown = {
        "clean": x,
        "noisy": found.batch.noisy,
        "attacked": found.attacked[-1:],
        "white noise, as strong": found.white[-1:],
    }
    with torch.no_grad():
        maps = ablation.maps(model, torch.cat(list(shown.values())))[stage][:, number]
    low, high = float(maps.min()), float(maps.max())
    for k, ((name, picture), column) in enumerate(zip(shown.items(), st.columns(len(shown)), strict=True)):
        off = (
            ""
            if k == 0
            else f", L2 {float(metrics.l2(picture, x)):.1f}; it moves by {float((maps[k] - maps[0]).square().mean().sqrt()):.3f}"
        )
        with column:
            st.image(pictures.row([pictures.colour(picture[0])], 5), output_format="PNG", alt=name)
            side = max(1, 160 // maps.shape[-1])
            st.image(
                pictures.row([pictures.grey(maps[k], low, high)], side), output_format="PNG", alt=f"Its map, {name}"
            )
            st.caption(f"{name}{off}")
