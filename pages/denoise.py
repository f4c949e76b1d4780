"""Can it see through the noise? One picture, one noise, one denoiser under one slider; then all of them (Figures 18, 23, 26)."""

import streamlit as st

from app import address, cache, controls, photographs, show, strips
from app.browser import follow, strip, wipe
from app.cache import Photo
from core import params, quality
from core.classical import CLASSICAL
from core.noise import Blind, BlindPoisson, Noise

WINDOW = 640  # pixels of a large picture that are shown one to one

st.title("Can it see through the noise?")
st.markdown("Slide the noise and compare. **What does the network keep, what does it lose, and when does it do harm?**")

row = st.columns([1.3, 2.6, 1.4, 0.8], vertical_alignment="bottom")
with row[0]:
    name = controls.denoiser()
with row[1]:
    photo = photographs.photo()
with row[2]:
    noise = controls.noise("Gaussian")
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    noise, seed = controls.details(noise)
photographs.study()
names = controls.networks("cifar10")


def small(photo: Photo, noise: Noise, levels: list[float]) -> float:
    """Slide a small picture through every level, in the browser; return the level it stands at."""
    at = strip(
        cache.strip(name, photo, noise, tuple(levels), seed),
        key="denoise",
        start=controls.level(noise, levels) if address.moved() else None,
    )
    st.caption(
        "Removed is noisy minus denoised, still wrong is denoised minus original: red is too bright, blue too dark, full "
        "colour at ±64 grey levels. Good work looks like noise under “removed” and like nothing under “still wrong”."
    )
    st.subheader("All networks on the same noisy picture")
    follow(cache.gallery(tuple(names), photo, noise, tuple(levels), seed), key="gallery")
    st.caption(
        f"It follows the slider above; the green frame is the best by PSNR. The last {len(CLASSICAL)} learned nothing: they "
        "estimate the noise from the picture. Find the noise that each network was made for, and try it on another."
    )
    kept, made_for = cache.quality_of(name), cache.noise_of(cache.denoiser(name)[1])
    weakest = quality.harmless(kept.table, isinstance(made_for, BlindPoisson)) if isinstance(made_for, Blind) else None
    if weakest is not None:
        bound = (
            f"more light than {weakest:.2g} photons"
            if isinstance(made_for, BlindPoisson)
            else f"less than sigma {weakest:.2g}"
        )
        st.info(
            f"**Do no harm.** Over test images under {kept.noise}, {name} makes pictures worse, on average, at {bound} "
            f"(n = {len(kept.table):,}, noise seed {quality.SEED}).",
            icon=":material/healing:",
        )  # fmt: skip
    return levels[len(levels) // 2 if at is None else at]


def big(photo: Photo, noise: Noise) -> float:
    """Denoise a large picture at one level, tile by tile, and wipe between before and after."""
    noise = controls.strength(noise)
    with st.empty():
        for result in cache.large(name, photo, noise, seed):
            if isinstance(result, float):
                st.progress(result, f"Denoising, {100 * result:.0f} %")
        st.write("")
    assert isinstance(result, cache.Large)
    h, w, _ = result.noisy.shape
    top = st.slider("Window, from the top (pixels)", 0, h - WINDOW, (h - WINDOW) // 2) if h > WINDOW else 0
    left = st.slider("Window, from the left (pixels)", 0, w - 2 * WINDOW, w // 2 - WINDOW) if w > 2 * WINDOW else 0
    part = slice(top, top + WINDOW), slice(left, left + 2 * WINDOW)
    columns = st.columns(4)
    for column, label, value, before, form in (
        (columns[0], "PSNR, noisy", result.before[0], None, ".2f"),
        (columns[1], "PSNR, denoised", result.after[0], result.before[0], ".2f"),
        (columns[2], "SSIM, noisy", result.before[1], None, ".3f"),
        (columns[3], "SSIM, denoised", result.after[1], result.before[1], ".3f"),
    ):
        unit = " dB" if "PSNR" in label else ""
        column.metric(label, f"{value:{form}}{unit}", None if before is None else f"{value - before:+{form}}{unit}")
    wipe(result.noisy[part], result.denoised[part], ("noisy", "denoised"), key="wipe")
    st.caption(f"The whole picture, {w:,} x {h:,} pixels, was denoised in tiles; drag the line. Shown one to one.")
    st.download_button(
        "Download the denoised picture (PNG)", lambda: show.png(result.denoised), f"denoised-{name}.png", "image/png"
    )
    return params.level(noise)


reached = None
if photo:
    x = photo.image()
    levels = strips.levels(noise, x.shape, 2 + len(names) + len(CLASSICAL))
    reached = small(photo, noise, levels) if len(levels) > 8 else big(photo, noise)
address.publish(denoiser=name, **photographs.picked(photo), **controls.chosen(noise, seed, reached))
controls.source(cache.dataset("cifar10", "test"))
