"""Drawing only: tensors in, pictures and charts out.

Greys for images. Differences and weights are blue to red through grey, centred on zero, over a limit the caller states.
"""

import io
import re
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from core.evaluation import Curve, wilson
from core.study import Reported

FRAME = (230, 159, 0)
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_DIVERGING = np.array([[0x21, 0x66, 0xAC], [0xF7, 0xF7, 0xF7], [0xB2, 0x18, 0x2B]], dtype=float)
GAP = 255  # white between the tiles of a mosaic

Map = Float[Tensor, "h w"]
Picture = np.ndarray  # uint8 (H, W, 3)


def grey(values: Map, low: float = 0.0, high: float = 1.0) -> Picture:
    """Paint a map in greys, black at `low`, white at `high`."""
    scaled = ((values - low) / max(high - low, 1e-9)).clamp(0, 1).numpy()
    return np.repeat(np.round(255 * scaled)[..., None], 3, axis=2).astype(np.uint8)


def colour(image: Float[Tensor, "3 h w"]) -> Picture:
    """Paint an image in its own colours."""
    return np.ascontiguousarray((image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def diverging(values: Map, limit: float) -> Picture:
    """Paint a map blue below zero and red above, full colour at plus or minus `limit`."""
    place = (values.numpy() / max(limit, 1e-9)).clip(-1, 1) + 1  # 0 to 2
    return np.stack([np.interp(place, (0, 1, 2), _DIVERGING[:, c]) for c in range(3)], axis=2).round().astype(np.uint8)


def png(picture: Picture) -> bytes:
    """Write a picture as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def enlarged(picture: Picture, factor: int) -> Picture:
    """Repeat every pixel, so that a browser has nothing to smooth."""
    return picture.repeat(factor, 0).repeat(factor, 1)


def row(pictures: list[Picture], factor: int) -> Picture:
    """Put pictures of one height side by side, enlarged."""
    return grid([enlarged(p, factor) for p in pictures], len(pictures), gap=4)


def grid(pictures: list[Picture], columns: int, gap: int = 4) -> Picture:
    """Lay pictures of one size out in rows of `columns`, white where none is left."""
    h, w, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), GAP, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = (k // columns) * (h + gap), (k % columns) * (w + gap)
        sheet[top : top + h, left : left + w] = picture
    return sheet


def framed(image: Float[Tensor, "1 h w"], top: int, left: int, side: int, factor: int = 4) -> Picture:
    """Paint a digit with an orange frame around the square a unit sees."""
    picture = enlarged(grey(image[0]), factor)
    t, le, b, r = (v * factor for v in (top, left, top + side, left + side))
    for edge in (slice(t, t + 2), slice(b - 2, b)):
        picture[edge, le:r] = FRAME
    for edge in (slice(le, le + 2), slice(r - 2, r)):
        picture[t:b, edge] = FRAME
    return picture


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
        bounds = [wilson(hits, c.n) for hits in c.hits]
        label = f"{c.network}, {words(kind)}" + ("" if c.data.startswith("MNIST") else f" ({c.data})")
        band = [100 * high for _, high in bounds] + [100 * low for low, _ in reversed(bounds)]
        figure.add_scatter(
            x=[*c.levels, *reversed(c.levels)],
            y=band,
            fill="toself",
            fillcolor=colour,
            opacity=0.22,
            line_width=0,
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=c.levels, y=c.accuracy, name=label, mode="lines+markers", marker_size=4,
            line=dict(color=colour, dash=("solid", "dot", "dash")[kinds.index(kind) % 3]), hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    for number, r in enumerate(reported):
        figure.add_scatter(
            x=r.levels, y=r.accuracy, mode="markers", name=f"study's Figure {r.figure}, {words(r.kind)}" + (" (suspect)" if r.suspect else ""),
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


def words(kind: str) -> str:
    """Turn the name of a class into words.

    >>> words("SaltAndPepper"), words("ReplaceGaussian"), words("PGD")
    ('salt and pepper', 'replace by Gaussian', 'PGD')
    """
    if kind.isupper():
        return kind
    parts = re.findall("[A-Z][a-z]*", kind.replace("Replace", "ReplaceBy"))
    return " ".join(part if part in ("Gaussian", "Poisson") else part.lower() for part in parts)
