"""How well, on ten thousand images? PSNR before and after, image by image (Figures 19, 24, 27)."""

import numpy as np
import streamlit as st
import torch

from app import address, cache, controls, photographs, show
from core import quality, study
from core.noise import Blind, BlindPoisson

SHOWN = 10  # images of a bar
RANKS = {"best": "gained most", "worst": "lost most", "bar": "in the clicked bar"}

st.title("How well, on ten thousand images?")
st.markdown("Every test image got noise once and was denoised once. **Which pictures gain, and which are made worse?**")

left, middle, right = st.columns([1.2, 2, 1.6], vertical_alignment="bottom")
with left:
    name = controls.denoiser()
address.publish(denoiser=name)
kept, (_, card) = cache.quality_of(name), cache.denoiser(name)
test, noise, table = cache.dataset("cifar10", "test"), cache.noise_of(card), kept.table
label = "Light, photons at white" if isinstance(noise, BlindPoisson) else "Noise, sigma in grey levels"
if isinstance(noise, Blind):
    ends = float(table[:, 0].min().floor()), float(table[:, 0].max().ceil())
    low, high = middle.slider(f"Only these levels ({label})", *ends, ends, key=f"levels-{name}")
else:
    low = high = float(table[0, 0])
    middle.caption(f"One level for all: {kept.noise}.")
classes = right.multiselect(
    "Only these classes", test.classes, key="classes", placeholder="all", format_func=photographs.spoken
)

_, noisy, denoised = table[:, :3].T
wanted = (table[:, 0] >= low) & (table[:, 0] <= high)
if classes:
    labels = test.labels[: len(table)]
    wanted &= torch.isin(labels, torch.tensor([test.classes.index(c) for c in classes]))
rows = wanted.nonzero().flatten()
if not len(rows):
    st.info("No test image is like that: widen the levels or choose other classes.")
    st.stop()

found = quality.summary(table[rows])
columns = st.columns(4)
columns[0].metric("Images", f"{found['n']:,}", help=kept.data)
if found["noisy"]:
    gain = found["denoised"]["mean"] - found["noisy"]["mean"]
    columns[1].metric("Mean PSNR, noisy", f"{found['noisy']['mean']:.2f} dB")
    columns[2].metric("Mean PSNR, denoised", f"{found['denoised']['mean']:.2f} dB", f"{gain:+.2f} dB")
columns[3].metric("Made worse", f"{found['worse']:.2f} %")

left, right = st.columns(2)
both = {"noisy": noisy[rows].numpy(), "denoised": denoised[rows].numpy()}
edges = np.arange(0, 61, 1.0)
ratio = (denoised / noisy)[rows].numpy()
steps = np.arange(0.7, 2.525, 0.025)
with left:
    picked = st.plotly_chart(
        show.spread(both, edges, "PSNR, dB"),
        key=f"psnr-{name}",
        theme="streamlit",
        on_select="rerun",
        selection_mode="points",
    )
    st.caption("Blue: noisy. Green: denoised. The further the green lies to the right of the blue, the better.")
with right:
    ratios = st.plotly_chart(
        show.spread({"denoised / noisy": ratio}, steps, "PSNR denoised / PSNR noisy", mark=1.0),
        key=f"ratio-{name}",
        theme="streamlit",
        on_select="rerun",
        selection_mode="points",
    )
    st.caption(
        "Left of the dashed line at 1 the network made the picture worse. Click a bar, here or there, to see its images."
    )

clicked = [(points[0], values, half) for event, values, half in (
    (picked, both, 0.5), (ratios, {"denoised / noisy": ratio}, 0.0125)
) if (points := event["selection"]["points"])]  # fmt: skip
offered = [r for r in RANKS if r != "bar" or clicked]
rank = st.segmented_control(
    "Images that",
    offered,
    default=offered[-1],
    required=True,
    format_func=RANKS.__getitem__,
    key=f"rank-{len(offered)}-{name}",
)
gains = torch.nan_to_num(denoised - noisy, nan=0.0, neginf=-1e3)[rows]
if rank == "bar":
    point, values, half = clicked[0]
    column = list(values.values())[point["curve_number"]]
    chosen = rows[torch.from_numpy(np.abs(column - point["x"]) <= half)]
    st.caption(
        f"{len(chosen):,} images lie in the clicked bar around {point['x']:.4g}; the first {min(SHOWN, len(chosen))}:"
    )
else:
    chosen = rows[gains.argsort(descending=rank == "best")]
shown = [int(i) for i in chosen[:SHOWN]]
for column, index, picture in zip(st.columns(SHOWN), shown, cache.cases(name, tuple(shown)), strict=False):
    column.image(
        show.enlarged(picture, 4),
        output_format="PNG",
        caption=f"no. {index}: {noisy[index]:.1f} to {denoised[index]:.1f} dB",
        width="stretch",
    )
st.caption("Top: the original, middle: noisy, bottom: denoised, with the very noise that was measured.")

threshold = quality.harmless(table, isinstance(noise, BlindPoisson))
if isinstance(noise, Blind) and threshold is not None:
    side = "above" if isinstance(noise, BlindPoisson) else "below"
    st.info(
        f"**Do no harm.** On average over these images {name} does harm {side} {threshold:.2g} ({label.lower()}).",
        icon=":material/healing:",
    )
if name in study.DENOISERS:
    theirs = study.DENOISERS[name]
    st.caption(
        f"The study's own network under this protocol: {theirs.noisy:.1f} dB noisy, {theirs.denoised:.1f} dB denoised, {theirs.worse:g} % made worse."
    )
untouched = (
    f" {found['untouched']} images that rounding left without noise are not in the means." if found["untouched"] else ""
)
st.caption(
    f"Network {name}, {kept.noise}, n = {found['n']:,}, noise seed {quality.SEED}, 8-bit input ({kept.data}).{untouched}"
)
controls.source(test)
