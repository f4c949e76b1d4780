"""What a denoiser gains, image by image, as histograms whose bars can be clicked."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from app import address, received
from app.controls import parameters
from app.draw import charts, words
from core.noise import Noise

COLOURS = {"noisy": charts.NOISE, "denoised": charts.DENOISED, "denoised / noisy": charts.DENOISED}


@dataclass(frozen=True, eq=False)
class Bars:
    """Values of images, by what they are of, as a chart shows them: bins, axis, a line to compare with, words."""

    values: Mapping[str, np.ndarray]
    edges: np.ndarray
    axis: str
    hint: str
    mark: float | None = None

    def figure(self) -> go.Figure:
        """Draw them."""
        return charts.spread(self.values, self.edges, self.axis, COLOURS, self.mark)

    def inside(self, point: Mapping[str, object]) -> np.ndarray:
        """Say which images lie in a bar that was clicked, as Streamlit tells of it; none, where there is no such bar."""
        columns, half = list(self.values.values()), (self.edges[1] - self.edges[0]) / 2
        curve = received.whole(point.get("curve_number"), 0, len(columns) - 1)
        middle = received.real(point.get("x"))
        if curve is None or middle is None:
            return np.zeros(len(columns[0]), bool)
        return np.asarray((columns[curve] >= middle - half) & (columns[curve] < middle + half))


def parts(bar: str) -> tuple[str, int, float]:
    """Return what a bar's name in the address says: the chart, which of its values, and the middle of the bar."""
    chart, curve, middle = bar.split()
    return chart, int(curve), float(middle)


def named(chart: str, curve: object, middle: object) -> str:
    """Name a bar as the address has it; what was clicked is a visitor's word for it."""
    return f"{chart} {curve} {received.real(middle) or 0.0:.6g}"


def listed(bars: Mapping[str, Bars]) -> dict[str, str]:
    """List the bars that hold an image, by name, in words."""
    return {
        named(chart, curve, middle): f"{its.axis}, {name}, around {middle:.4g}: {count:,} images"
        for chart, its in bars.items()
        for curve, (name, column) in enumerate(its.values.items())
        for middle, count in zip(
            charts.middles(its.edges).tolist(), np.histogram(column, its.edges)[0].tolist(), strict=True
        )
        if count
    }


def bars(noisy: np.ndarray, denoised: np.ndarray) -> dict[str, Bars]:
    """Arrange the PSNR of images, noisy and denoised, and the ratio of the two."""
    ratio = denoised / noisy
    extent = ratio[np.isfinite(ratio)] if np.isfinite(ratio).any() else np.ones(1)
    bins = np.arange(min(0.7, np.floor(10 * extent.min()) / 10), max(2.5, extent.max()) + 0.025, 0.025)
    return {
        "psnr": Bars(
            {"noisy": noisy, "denoised": denoised},
            np.arange(0, 71, 1.0),
            "PSNR, dB",
            "Blue: noisy. Green: denoised. The further the green lies to the right of the blue, the better.",
        ),
        "ratio": Bars(
            {"denoised / noisy": ratio},
            bins,
            "PSNR denoised / PSNR noisy",
            "Left of the dashed line at 1 the network made the picture worse. Click a bar, here or there, to see its images.",
            mark=1.0,
        ),
    }


def case(network: str, index: int, noise: Noise, row: Tensor) -> str:
    """Say how a test image fared, a row of a denoiser's table, with a link to the page that shows it under noise of its level."""
    level, noisy, denoised = row[:3].tolist()
    there = address.to("denoise", network=network, image=index, **parameters.linked(noise, level))
    return f"[no. {index}]({there}): {words.decibels(noisy, 1)} to {words.decibels(denoised, 1)}"
