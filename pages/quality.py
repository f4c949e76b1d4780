"""How well, on ten thousand images? PSNR before and after, image by image (Figures 19, 24, 27)."""

import streamlit as st
import torch

from app import address, cache, received
from app.controls import choices, data, images, pickers
from app.draw import charts, gains, pictures, words
from app.progress import quality_of
from core.experiments import denoising
from core.noise import Blind
from core.study import reported

SHOWN = 10  # images of a bar
RANKS = {"best": "gained most", "worst": "lost most", "bar": "of one bar"}

st.markdown("Each test image got noise once and was denoised once. **Which pictures gain, and which are made worse?**")

left, middle, right = st.columns([1.2, 2, 1.6], vertical_alignment="bottom")
with left:
    network = pickers.denoiser()
name = network.name
kept, noise, test = quality_of(network), network.noise, cache.dataset("cifar10", "test")
level, noisy, denoised = kept.table[:, :3].T
if isinstance(noise, Blind):
    ends = float(level.min().floor()), float(level.max().ceil())
    with middle:
        low, high = choices.ranged(f"{noise.LEVEL.label}, {noise.LEVEL.unit}: only these", *ends, "levels", "levels", f"levels-{name}")  # fmt: skip
else:
    low = high = float(level[0])
    middle.caption(f"One level for all: {kept.noise}.")
with right:
    spoken = {one: images.spoken(one) for one in test.classes}
    classes = choices.several("Only these classes", spoken, "classes", "the class", placeholder="all")
wanted = (level >= low) & (level <= high)
if classes:
    wanted &= torch.isin(test.labels[: len(level)], torch.tensor([test.classes.index(c) for c in classes]))
rows = wanted.nonzero().flatten()
if not len(rows):
    st.info("No test image is like that: widen the levels or choose other classes.")
    data.source(test)
    st.stop()

found = denoising.summary(kept.table[rows])
columns = st.columns(4)
columns[0].metric("Images", f"{found['n']:,}", help=kept.data)
if found["noisy"]:
    gain = found["denoised"]["mean"] - found["noisy"]["mean"]
    columns[1].metric("Mean PSNR, noisy", f"{found['noisy']['mean']:.2f} dB")
    columns[2].metric("Mean PSNR, denoised", f"{found['denoised']['mean']:.2f} dB", f"{gain:+.2f} dB")
columns[3].metric("Made worse", f"{found['worse']:.2f} %")


def clicked(chart: str) -> None:
    """Remember which bar was clicked last, and show its images."""
    if point := received.clicked(chart):
        address.choose("bar", gains.named(chart, point.get("curve_number"), point.get("x")))
        address.choose("rank", "bar")


bars = gains.bars(noisy[rows].numpy(), denoised[rows].numpy())
for column, (chart, its) in zip(st.columns(2), bars.items(), strict=True):
    with column:
        charts.show(its.figure(), chart, clicked)
        st.caption(its.hint)

rank = choices.pressed("Images", RANKS, "rank", "the images", "worst")
if rank != "bar":
    lost = torch.nan_to_num(denoised - noisy, nan=0.0, neginf=-1e3)[rows]
    chosen = rows[lost.argsort(descending=rank == "best")]
elif known := gains.listed(bars):
    chart, curve, around = gains.parts(
        choices.listed("Which bar: click it above, or choose it here", known, "bar", "the bar")
    )
    chosen = rows[torch.from_numpy(bars[chart].inside({"curve_number": curve, "x": around}))]
    st.caption(f"{len(chosen):,} images lie in that bar; the first {min(SHOWN, len(chosen))}:")
else:
    chosen = rows[:0]
shown = [int(i) for i in chosen[:SHOWN]]
for column, index, picture in zip(st.columns(SHOWN), shown, cache.cases(network, tuple(shown), test.title), strict=False):  # fmt: skip
    caption, alt = gains.case(name, index, noise, kept.table[index]), f"test image {index}"
    column.image(pictures.enlarged(picture, 4), output_format="PNG", caption=caption, alt=alt, width="stretch")
st.caption(
    "Top: the original, middle: noisy, bottom: denoised, with the very noise that was measured. A number opens the picture under noise of that level."
)

if harm := words.harm(name, kept, noise):
    st.info(harm, icon=":material/healing:")
if name in reported.DENOISERS and found["n"] == len(level) and test.full:
    theirs = reported.DENOISERS[name]
    st.caption(
        f"The study's own network under this protocol: {theirs.noisy:.1f} dB noisy, {theirs.denoised:.1f} dB denoised, {theirs.worse:g} % made worse."
    )
untouched = f" {found['untouched']} images that rounding left without noise are not in the means." if found["untouched"] else ""  # fmt: skip
st.caption(
    f"Network {name}, {kept.noise}, n = {found['n']:,}, noise seed {kept.seed}, 8-bit input ({kept.data}).{untouched}"
)
data.source(test)
