"""How well, on ten thousand images? PSNR before and after, image by image (Figures 19, 24, 27)."""

import numpy as np
import streamlit as st
import torch

from app import address, cache
from app.controls import data, images, pickers
from app.draw import charts, pictures
from core.experiments import denoising
from core.noise import Blind
from core.study import reported

SHOWN = 10  # images of a bar
RANKS = {"best": "gained most", "worst": "lost most", "bar": "in the clicked bar"}

st.title("How well, on ten thousand images?")
st.markdown("Each test image got noise once and was denoised once. **Which pictures gain, and which are made worse?**")

left, middle, right = st.columns([1.2, 2, 1.6], vertical_alignment="bottom")
with left:
    name = pickers.denoiser()
address.publish(denoiser=name)
kept, (_, card) = cache.quality_of(name), cache.denoiser(name)
test, noise, table = cache.dataset("cifar10", "test"), cache.noise_of(card), kept.table
if isinstance(noise, Blind):
    ends = float(table[:, 0].min().floor()), float(table[:, 0].max().ceil())
    low, high = middle.slider(f"{noise.LEVEL.label}, {noise.LEVEL.unit}: only these", *ends, ends, key=f"levels-{name}")
else:
    low = high = float(table[0, 0])
    middle.caption(f"One level for all: {kept.noise}.")
classes = right.multiselect(
    "Only these classes", test.classes, key="classes", placeholder="all", format_func=images.spoken
)

_, noisy, denoised = table[:, :3].T
wanted = (table[:, 0] >= low) & (table[:, 0] <= high)
if classes:
    labels = test.labels[: len(table)]
    wanted &= torch.isin(labels, torch.tensor([test.classes.index(c) for c in classes]))
rows = wanted.nonzero().flatten()
if not len(rows):
    st.info("No test image is like that: widen the levels or choose other classes.")
    data.source(test)
    st.stop()

found = denoising.summary(table[rows])
columns = st.columns(4)
columns[0].metric("Images", f"{found['n']:,}", help=kept.data)
if found["noisy"]:
    gain = found["denoised"]["mean"] - found["noisy"]["mean"]
    columns[1].metric("Mean PSNR, noisy", f"{found['noisy']['mean']:.2f} dB")
    columns[2].metric("Mean PSNR, denoised", f"{found['denoised']['mean']:.2f} dB", f"{gain:+.2f} dB")
columns[3].metric("Made worse", f"{found['worse']:.2f} %")

gained = (denoised / noisy)[rows].numpy()
extent = gained[np.isfinite(gained)] if np.isfinite(gained).any() else np.ones(1)
CHARTS = {  # what each shows, its bins, its axis, a line to compare with
    "psnr": (
        {"noisy": noisy[rows].numpy(), "denoised": denoised[rows].numpy()},
        np.arange(0, 71, 1.0),
        "PSNR, dB",
        None,
    ),
    "ratio": (
        {"denoised / noisy": gained},
        np.arange(min(0.7, np.floor(10 * extent.min()) / 10), max(2.5, extent.max()) + 0.025, 0.025),
        "PSNR denoised / PSNR noisy",
        1.0,
    ),
}
WORDS = {
    "psnr": "Blue: noisy. Green: denoised. The further the green lies to the right of the blue, the better.",
    "ratio": "Left of the dashed line at 1 the network made the picture worse. Click a bar, here or there, to see its images.",
}


def clicked(chart: str) -> None:
    """Remember which chart was clicked last, and show the images of that bar."""
    st.session_state.update(bars=f"{chart}-{name}", rank="bar")


for column, (chart, (values, edges, axis, mark)) in zip(st.columns(2), CHARTS.items(), strict=True):
    with column:
        st.plotly_chart(
            charts.spread(values, edges, axis, mark),
            key=f"{chart}-{name}",
            theme="streamlit",
            on_select=lambda chart=chart: clicked(chart),
            selection_mode="points",
        )
        st.caption(WORDS[chart])

st.session_state.setdefault("rank", "worst")
rank = st.segmented_control("Images", list(RANKS), required=True, format_func=RANKS.__getitem__, key="rank")
bars = st.session_state.get("bars", "")
points = (
    st.session_state[bars]["selection"]["points"]
    if bars and bars in st.session_state and bars.endswith(f"-{name}")
    else []
)
if rank == "bar" and points:
    values, edges, _axis, _mark = CHARTS[bars.partition("-")[0]]
    column, place = list(values.values())[points[0]["curve_number"]], points[0]["x"]
    half = (edges[1] - edges[0]) / 2
    chosen = rows[torch.from_numpy((column >= place - half) & (column < place + half))]
    st.caption(
        f"{len(chosen):,} images lie in the clicked bar around {place:.4g}; the first {min(SHOWN, len(chosen))}:"
    )
elif rank == "bar":
    chosen = rows[:0]
    st.info("Click a bar of a chart above.")
else:
    gains = torch.nan_to_num(denoised - noisy, nan=0.0, neginf=-1e3)[rows]
    chosen = rows[gains.argsort(descending=rank == "best")]
shown = [int(i) for i in chosen[:SHOWN]]
for column, index, picture in zip(st.columns(SHOWN), shown, cache.cases(name, tuple(shown)), strict=False):
    column.image(
        pictures.enlarged(picture, 4),
        output_format="PNG",
        caption=f"no. {index}: {noisy[index]:.1f} to {denoised[index]:.1f} dB",
        width="stretch",
    )
st.caption("Top: the original, middle: noisy, bottom: denoised, with the very noise that was measured.")

pickers.harm(name)
if name in reported.DENOISERS and found["n"] == len(table) and test.full:
    theirs = reported.DENOISERS[name]
    st.caption(
        f"The study's own network under this protocol: {theirs.noisy:.1f} dB noisy, {theirs.denoised:.1f} dB denoised, {theirs.worse:g} % made worse."
    )
untouched = (
    f" {found['untouched']} images that rounding left without noise are not in the means." if found["untouched"] else ""
)
st.caption(
    f"Network {name}, {kept.noise}, n = {found['n']:,}, noise seed {denoising.SEED}, 8-bit input ({kept.data}).{untouched}"
)
data.source(test)
