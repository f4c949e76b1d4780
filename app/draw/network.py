"""A network, drawn from its code (Figures 5 and 16): a block for each stage, and what a block makes of some pictures."""

from collections.abc import Mapping, Sequence
from math import ceil, log2, sqrt

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from app.draw import charts, pictures
from app.draw.pictures import Picture
from core.measures.inside import Block

WIDE = 300  # pixels, of a sheet of maps
FINEST = 12  # pixels, the least a map is wide


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
    for name, block in blocks.items():
        for source, dash in ((block.stage.source, "solid"), (block.stage.beside, "dot")):
            if source:
                (x0, y0), (x1, y1) = place[source], place[name]
                figure.add_scatter(x=[x0, x1], y=[y0, y1], mode="lines", line=dict(color=charts.GREY, dash=dash, width=1), hoverinfo="skip")  # fmt: skip
    for name, (x, y) in place.items():
        wide, high = (1.0, 1.0) if name == "image" else (sqrt(blocks[name].channels / most), blocks[name].side / finest)
        colour = charts.GREY if name == "image" else charts.ATTACK if name == chosen else charts.NOISE
        w, h = 0.1 + 0.3 * wide, 0.12 + 0.28 * high
        figure.add_shape(type="rect", x0=x - w, x1=x + w, y0=y - h, y1=y + h, line_width=0, fillcolor=colour)
        words = ("image", "") if name == "image" else (blocks[name].stage.layer, blocks[name].size)
        for text, at, anchor in zip(words, (y + h, y - h), ("bottom", "top"), strict=True):
            figure.add_annotation(x=x, y=at, text=text, showarrow=False, yanchor=anchor, font_size=11)
    told = [f"{b.stage.layer}, {b.stage.title}: {b.stage.operation}, {b.size}" for b in blocks.values()]
    xs, ys = zip(*(place[name] for name in blocks), strict=True)
    touch = dict(symbol="square", size=26, color="rgba(0,0,0,0)")
    figure.add_scatter(x=xs, y=ys, mode="markers", marker=touch, customdata=[[name] for name in blocks], text=told, hovertemplate="%{text}<extra></extra>")  # fmt: skip
    depth = -min(y for _, y in place.values())
    charts.axes(figure, "", "", int(150 + 62 * depth), hovermode="closest", dragmode=False, showlegend=False)
    figure.update_xaxes(visible=False, range=[-0.6, len(blocks) + 0.6])
    figure.update_yaxes(visible=False, range=[-depth - 0.75, 0.75])
    return figure


def sheets(maps: Tensor, changes: bool) -> tuple[list[Picture], float, float]:
    """Paint the maps (N, channels, h, w) of a stage, a sheet for each picture; and between which values the scale goes.

    All in one scale of greys; or, for `changes`, what is more or less than on the first picture, full colour at the largest change.
    """
    channels, side = maps.shape[1], maps.shape[3]
    columns = ceil(sqrt(channels))
    factor = max(1, round(max(WIDE / columns, FINEST) / side))
    if changes:
        off = maps - maps[:1]
        limit = float(off.abs().max())
        painted = [[pictures.diverging(z, limit) for z in one] for one in off]
        low, high = -limit, limit
    else:
        low, high = float(maps.min()), float(maps.max())
        painted = [[pictures.grey(z, low, high) for z in one] for one in maps]
    return [pictures.grid([pictures.enlarged(p, factor) for p in one], columns, gap=2) for one in painted], low, high


def away(
    moved: Mapping[str, Sequence[float]], titles: Sequence[str], layers: Mapping[str, Block], chosen: str
) -> go.Figure:
    """Draw how far each picture but the first moves every stage, in percent of the first one's length."""
    colours = (charts.NOISE, charts.ATTACK, charts.GREY)
    names = [
        block.stage.layer + (f", {block.stage.title}" if repeated(layers, block) else "") for block in layers.values()
    ]
    shares = 100 * np.array([moved[name] for name in layers])
    figure = go.Figure()
    for title, share, colour in zip(titles[1:], shares.T[1:], colours, strict=False):
        figure.add_scatter(x=names, y=share, name=title, mode="lines+markers", line=dict(color=colour, width=2), hovertemplate="%{y:.1f} %")  # fmt: skip
    charts.axes(figure, "", "moved, % of its length", 340)
    figure.add_vline(list(layers).index(chosen), line=dict(color=charts.GREY, dash="dash"))
    figure.update_yaxes(rangemode="tozero")
    return figure


def repeated(layers: Mapping[str, Block], block: Block) -> bool:
    """Say whether several stages belong to the layer of a block."""
    return sum(other.stage.layer == block.stage.layer for other in layers.values()) > 1
