"""Can it see through the noise? One picture, one noise, one denoiser under one slider; then all of them (Figures 18, 23, 26)."""

from math import inf

import streamlit as st

from app import address, cache
from app.browser import follow, strip, strips, wipe
from app.controls import data, examples, images, parameters, pickers
from app.draw import pictures, words
from app.inputs import Photo
from app.progress import watched
from core import params
from core.denoisers.classical import CLASSICAL

HIGH, WIDE = 560, 800  # pixels of a large picture that are shown

st.title("Can it see through the noise?")
st.markdown("Slide the noise and compare. **What does the network keep, what does it lose, and when does it do harm?**")

row = st.columns([1.3, 2.6, 1.4, 0.8], vertical_alignment="bottom")
with row[0]:
    network = pickers.denoiser()
with row[1]:
    photo = images.photo()
with row[2]:
    noise = pickers.noise("Gaussian")
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    noise, seed = parameters.details(noise)
examples.photos()
networks = pickers.sound(pickers.denoisers())


def publish(photo: Photo | None, level: float | None) -> None:
    """Make the address say what is chosen, before the slow work, so that a visitor who moves on is not pulled back."""
    address.publish(
        denoiser=network.name, **images.picked(images.PHOTOS, photo), **parameters.chosen(noise, seed, level)
    )


def small(photo: Photo, levels: list[float]) -> None:
    """Slide a small picture through every level, in the browser."""
    packed = cache.strip(network, photo, noise, tuple(levels), seed)
    at = strip(packed, key="denoise", start=parameters.level(noise, levels), anew=address.moved())
    publish(photo, levels[len(levels) // 2 if at is None else at])
    st.caption(
        "Removed is noisy minus denoised, still wrong is denoised minus original: red is too bright, blue too dark, full "
        "colour at ±64 grey levels. Good work looks like noise under “removed” and like nothing under “still wrong”."
    )
    st.subheader("All networks on the same noisy picture")
    follow(cache.gallery(tuple(networks), photo, noise, tuple(levels), seed), key="gallery")
    st.caption(
        f"It follows the slider above; the green frame is the best by PSNR. The last {len(CLASSICAL)} learned nothing; all "
        "of them but the median estimate the noise from the picture. Find the noise that each network was made for, and try it on another."
    )
    if harm := words.harm(network.name, cache.quality_of(network), network.noise):
        st.info(harm, icon=":material/healing:")


def big(photo: Photo) -> None:
    """Denoise a large picture at one level, tile by tile, and wipe between before and after."""
    at = parameters.strength(noise)
    publish(photo, params.level(at))
    result = watched(cache.large(network, photo, at, seed), "Denoising")
    h, w, _ = result.noisy.shape
    (noisy, like), (denoised, liker) = result.before, result.after
    columns = st.columns(4)
    columns[0].metric("PSNR, noisy", words.decibels(noisy))
    gain = f"{denoised - noisy:+.2f} dB" if noisy < inf else None
    columns[1].metric("PSNR, denoised", words.decibels(denoised), gain)
    columns[2].metric("SSIM, noisy", f"{like:.3f}")
    columns[3].metric("SSIM, denoised", f"{liker:.3f}", f"{liker - like:+.3f}")
    top = st.slider("Window, from the top (pixels)", 0, h - HIGH, (h - HIGH) // 2) if h > HIGH else 0
    left = st.slider("Window, from the left (pixels)", 0, w - WIDE, (w - WIDE) // 2) if w > WIDE else 0
    part = slice(top, top + HIGH), slice(left, left + WIDE)
    wipe(result.noisy[part], result.denoised[part], ("noisy", "denoised"), key="wipe")
    st.caption(f"The whole picture, {w:,} x {h:,} pixels, was denoised in tiles; drag the line. Shown pixel by pixel.")
    title, file = "Download the denoised picture (PNG)", f"denoised-{network.name}.png"
    st.download_button(title, lambda: pictures.png(result.denoised), file, "image/png")


if photo:
    levels = strips.levels(noise, cache.image(photo).shape, 2 + len(networks) + len(CLASSICAL))
    small(photo, levels) if levels else big(photo)
else:
    publish(photo, None)
data.source(cache.dataset("cifar10", "test"))
