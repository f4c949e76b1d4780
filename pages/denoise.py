"""Can it see through the noise? One picture, one noise, one denoiser under one slider; then all of them (Figures 18, 23, 26)."""

from dataclasses import replace
from functools import partial

import streamlit as st

from app import address, cache, parts, progress, snippets
from app.browser import photograph, strip, strips
from app.browser.photographs import Scene
from app.compared import Compared
from app.controls import choices, data, examples, images, parameters, pickers, views
from app.draw import measured, words
from app.inputs import Photo
from app.photograph import Shown, arrive
from core.denoisers.classical import CLASSICAL

st.markdown("Slide the noise and compare. **What does the network keep, what does it lose, and when does it do harm?**")

row = st.columns([1.3, 2.6, 1.4, 0.8], vertical_alignment="bottom")
with row[0]:
    network = pickers.told(pickers.denoiser())
with row[1]:
    photo = images.photo("photograph")
with row[2]:
    noise = pickers.noise("Gaussian")
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    noise, seed = parameters.details(noise)
    untold, images_at_once = replace(network, label=None), 2 + len(pickers.denoisers()) + len(CLASSICAL)
    levels = strips.levels(noise, cache.pixels(photo).shape, images_at_once) if photo else []
    symmetric, beside = False, list[str]()
    if photo and not levels:
        hint = "It is turned and mirrored, denoised eight times, and the mean is taken: eight times the work."
        symmetric = choices.switched("Average over the eight symmetries", "symmetric", help=hint)
        if choices.switched("All networks", "all", key="all-photograph"):
            beside = [n for n in pickers.denoisers() if n != network.name]
if photo and photo.index is not None:
    examples.photos()


def small(photo: Photo) -> None:
    """Slide a small picture through every level, in the browser; show what all networks make of the one where it rests."""
    shown = Compared(photo, noise, tuple(levels), seed)

    def slid() -> None:
        start, anew, whole = parameters.level(noise, levels), address.moved(), partial(shown.whole, network)
        at = strip(cache.strip(network, photo, noise, shown.levels, seed), "denoise", start, anew, whole)
        at = len(levels) // 2 if at is None else at
        parameters.reached(noise, levels[at])
        st.caption(
            "Removed is noisy minus denoised, still wrong is denoised minus original: red is too bright, blue too dark, full "
            "colour at ±64 grey levels. Good work looks like noise under “removed” and like nothing under “still wrong”."
        )
        between = st.container()
        st.header("All networks on the same noisy picture")
        everyone = choices.switched("Denoise it with them all", "all")
        if network.classes:
            with between:
                shown.tell(network, at)
        if everyone:
            shown.compare(tuple(pickers.sound(pickers.denoisers())), at)
        snippets.show()

    parts.part(slid, "Can it see through the noise?")
    if harm := words.harm(network.name, progress.quality_of(untold), network.noise):
        st.info(harm, icon=":material/healing:")


def whole(photo: Photo) -> None:
    """Slide a photograph through every level, in the browser: half size while the slider moves, full size where it rests."""
    others = (*([untold] if network.told else []), *pickers.sound(beside))
    shown = Shown(network, photo, Scene(photo.sha256, noise, seed), symmetric, others)
    levels, view = shown.scene.levels, views.looked("photograph", views.stage(shown.methods))
    at = photograph(shown.packed(), "photograph", parameters.level(noise, levels), address.moved(), view)
    at = len(levels) // 2 if at is None else at
    parameters.reached(noise, levels[at])
    address.publish()
    arrive(shown, at)
    with st.expander("How well, on all built-in photographs, beside BM3D?"):
        measured.photographs()
    data.photograph(photo, shown.pixels, f"network {shown.title}, noise {noise.TITLE}, seed {seed}")


if photo and not levels:
    whole(photo)
else:
    if photo:
        small(photo)
    data.source(cache.dataset("cifar10", "test"))
