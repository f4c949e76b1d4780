"""A network, drawn from its code (Figures 5 and 16): a block for each stage, and what a block makes of some pictures."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil, log2, sqrt

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from torch import Tensor

from app.draw import charts, pictures
from app.draw.pictures import Picture
from core.measures import metrics
from core.measures.inside import Block
from core.types import Images

WIDE = 300  # pixels, of a sheet of maps
FINEST = 12  # pixels, the least a map is wide
FAR = 30  # times: figures that far apart are drawn by their logarithm


def drawn(blocks: Mapping[str, Block], chosen: str) -> go.Figure:
    """Draw a network from left to right, blocks as wide as they have maps and as high as these; a block can be clicked.

    One with connections past other stages is drawn as a U, a row for each size of its maps.
    """
    rows = any(block.stage.beside for block in blocks.values())
    most, finest = (max(getattr(b, field) for b in blocks.values()) for field in ("channels", "side"))
    place = {"image": (0.0, 0.0)}
    for k, (name, block) in enumerate(blocks.items(), 1):
        place[name] = float(k), -log2(finest / block.side) if rows else 0.0
    figure = go.Figure()
    for dash, field in (("solid", "source"), ("dot", "beside")):
        ends = [(place[s], place[name]) for name, block in blocks.items() if (s := getattr(block.stage, field))]
        along, up = ([each for a, b in ends for each in (a[axis], b[axis], None)] for axis in (0, 1))
        figure.add_scatter(
            x=along, y=up, mode="lines", line=dict(color=charts.GREY, dash=dash, width=1), hoverinfo="skip"
        )
    shapes, words = [], []  # set all at once: plotly copies those it has for each that is added
    for name, (x, y) in place.items():
        wide, high = (1.0, 1.0) if name == "image" else (sqrt(blocks[name].channels / most), blocks[name].side / finest)
        colour = charts.GREY if name == "image" else charts.ATTACK if name == chosen else charts.NOISE
        w, h = 0.1 + 0.3 * wide, 0.12 + 0.28 * high
        shapes.append(dict(type="rect", x0=x - w, x1=x + w, y0=y - h, y1=y + h, line_width=0, fillcolor=colour))
        above, below = "image", ""
        if name != "image":
            stage, size = blocks[name].stage, blocks[name].size
            above, below = stage.layer, size if rows else f"{size}<br>{stage.operation}"
        for text, at, anchor in ((above, y + h, "bottom"), (below, y - h, "top")):
            words.append(dict(x=x, y=at, text=text, showarrow=False, yanchor=anchor, font_size=11))
    figure.update_layout(shapes=shapes, annotations=words)
    told = [f"{b.name}: {b.stage.operation}, {b.size}" for b in blocks.values()]
    xs, ys = zip(*(place[name] for name in blocks), strict=True)
    touch = dict(symbol="square", size=26, color="rgba(0,0,0,0)")
    figure.add_scatter(x=xs, y=ys, mode="markers", marker=touch, customdata=[[name] for name in blocks], text=told, hovertemplate="%{text}<extra></extra>")  # fmt: skip
    depth = -min(y for _, y in place.values())
    charts.axes(figure, "", "", int(160 + 62 * depth), hovermode="closest", dragmode=False, showlegend=False)
    figure.update_xaxes(visible=False, range=[-0.6, len(blocks) + 0.6])
    figure.update_yaxes(visible=False, range=[-depth - 0.75, 0.75])
    return figure


def sheets(maps: Tensor, changes: bool) -> tuple[list[Picture], float, float]:
    """Paint the maps (N, channels, h, w) of a stage, a sheet for each picture; and between which values the scale goes.

    All in one scale of greys, from which 1 value in 100 is left out at either end; or, for `changes`, what is more or less than
    on the first picture, full colour at the largest of 99 % of the changes.
    """
    channels, side = maps.shape[1], maps.shape[3]
    columns = ceil(sqrt(channels))
    factor = max(1, round(max(WIDE / columns, FINEST) / side))
    if changes:
        maps = maps - maps[:1]
        high = float(np.quantile(maps.abs().numpy(), 0.99))
        low, paint = -high, partial(pictures.diverging, limit=high)
    else:
        low, high = map(float, np.quantile(maps.numpy(), (0.01, 0.99)))
        paint = partial(pictures.grey, low=low, high=high)
    painted = [[paint(z) for z in one] for one in maps]
    return [pictures.grid([pictures.enlarged(p, factor) for p in one], columns, gap=2) for one in painted], low, high


def beside(shown: Mapping[str, Images], sheets: Sequence[Picture], moved: Sequence[float]) -> None:
    """Put pictures, the clean one first, beside each other, and below each what a block makes of it and how far that is moved."""
    clean = next(iter(shown.values()))
    for (name, x), sheet, share, column in zip(shown.items(), sheets, moved, st.columns(len(shown)), strict=True):
        paint = pictures.colour(x[0]) if x.shape[1] == 3 else pictures.grey(x[0, 0])
        off = "" if x is clean else f": L2 {float(metrics.l2(x, clean)):.2f}, moves the block by {100 * share:.0f} %"
        with column:
            st.image(pictures.enlarged(paint, 4), output_format="PNG", alt=name)
            st.image(sheet, output_format="PNG", width="stretch", alt=f"What the block makes of the {name} picture")
            st.caption(f"**{name}**{off}")


def away(
    moved: Mapping[str, Sequence[float]], colours: Mapping[str, str], blocks: Mapping[str, Block], chosen: str
) -> go.Figure:
    """Draw how far each picture but the first moves every stage, in percent of the first one's length; `colours` names the others."""
    alone = len({block.stage.layer for block in blocks.values()}) == len(blocks)
    names = [block.stage.layer if alone else block.name for block in blocks.values()]
    some = [share for shares in moved.values() for share in shares if share]
    figure = go.Figure()
    for k, (title, colour) in enumerate(colours.items(), 1):
        share = [100 * moved[name][k] or None for name in blocks]  # nothing has no logarithm
        figure.add_scatter(x=names, y=share, name=title, mode="lines+markers", line=dict(color=colour, width=2), hovertemplate="%{y:.3g} %")  # fmt: skip
    charts.axes(figure, "", "moved, % of its length", 380, legend=dict(orientation="h", y=1.12))
    figure.add_vline(list(blocks).index(chosen), line=dict(color=charts.GREY, dash="dash"))
    if some and max(some) > FAR * min(some):
        figure.update_yaxes(type="log", dtick=1)
    else:
        figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(tickangle=35)
    return figure
