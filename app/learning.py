"""What is to see about learning from noise alone, a view of pages/learn.py each (Figures 15, 17, 20 to 22, 25)."""

from functools import partial

import numpy as np
import streamlit as st
import torch
from scipy.stats import nbinom

from app import address, cache
from app.browser import strip, strips
from app.compared import Compared
from app.controls import choices, parameters, pickers
from app.draw import charts, pictures
from app.inputs import Photo, Trained
from core import noise, params
from core.data import datasets
from core.experiments import denoising, trainings
from core.noise import BLIND, Gaussian, Impulse, Noise, RandomImpulse
from core.params import Span
from core.training import minimisers
from core.training.losses import AnnealedL0
from core.types import Images, generator

TARGETS = 256  # noisy targets that are averaged
SIDE = 128  # pixels, the largest piece of a picture that is shown here


def pair(photo: Photo) -> None:
    """Draw two noisy versions of one picture, at will."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    kinds = {kind: blind.TITLE for kind, blind in BLIND.items()}
    with left:
        kind = choices.pressed("Noise, its level drawn anew for every pair", kinds, "add", "the noise", key="pair")
    draw = address.restore("draw", 0, address.whole(0, 9999, "the draw"), "pair-draw")
    another = partial(st.session_state.update, {"pair-draw": (draw + 1) % 10_000})
    right.button("Draw another pair", icon=":material/casino:", on_click=another, width="stretch")
    x, rng, blind = middle(photo), generator(draw), BLIND[kind]()
    levels = blind.draw(1, rng)
    one, other = blind.at_level(x, levels, rng), blind.at_level(x, levels, rng)
    seen = noise.eight_bit(one)
    shown = [pictures.colour(z[0]) for z in (x, seen, other)] + [pictures.diverging((one - other)[0].mean(0), 0.5)]
    titles = ("nobody shows this", "the network sees this", "and shall say this", "their difference")
    pictures.beside(dict(zip(titles, shown, strict=True)))
    st.caption(
        f"{blind!r}, this pair {float(levels):.3g} {blind.LEVEL.unit}, draw {draw}. It cannot guess the noise of the target, which is new every time: the best it "
        "can say, over many pairs, is what all the targets have in common. The target is shown clipped but learned from unclipped."
    )


def one_pixel() -> None:
    """Show what one pixel may be, where each loss settles, with a dial for gamma, and where it goes as gamma goes to 0."""
    columns = st.columns(4, vertical_alignment="bottom")
    laws = {kind: law.TITLE for kind, law in minimisers.LAWS.items()}
    with columns[0]:
        kind = choices.listed("Noise", laws, "add", "the noise", "RandomImpulse", "law")
    with columns[1]:
        thing: Noise = parameters.strength(minimisers.LAWS[kind](), "law-")
    with columns[2]:
        value = choices.dialled("The pixel's true grey value", Span(0, 1, 0.01), "value", 0.2)
    with columns[3]:
        gamma = choices.dialled("Gamma of annealed L0", Span(0.1, 2, 0.1), "exponent", 0.3)
    targets = minimisers.draws(thing, value, seed=0)
    settled = {name: minimisers.settle(loss, targets) for name, loss in minimisers.losses(gamma).items()}
    transform = minimisers.hilbert(targets)
    root, last = (
        minimisers.root(transform),
        minimisers.settle(AnnealedL0(minimisers.LAST, minimisers.LAST, 1e-4), targets).best,
    )
    places = {
        **{f"{name} settles at": found.best for name, found in settled.items()},
        "Root of the Hilbert transform": root,
    }
    for column, (name, place) in zip(st.columns(4), places.items(), strict=True):
        column.metric(name, f"{place:.3f}", f"{round(place - value, 3) + 0.0:+.3f} off", delta_color="off")
    charts.show(charts.settled(targets, settled, value), "settled")
    st.caption(
        f"{thing!r}, {minimisers.DRAWS:,} quantiles of {minimisers.DRAWS * minimisers.FINER:,} draws of one pixel, seed 0. L2 settles on the mean, L1 on the median. "
        "Turn gamma to 2 and L0 is L2, to 1 and it is L1. Look for a noise under which only one of them finds the truth."
    )
    charts.show(charts.transform(transform, root, last, minimisers.LAST), "transform")
    st.caption(
        "Where L0 goes as gamma goes to 0: to a root of the Hilbert transform of what the target may be (the study's equation 11), of several the one of least E log |c - y|. "
        "Where single values have a share of their own, as those that impulse noise leaves alone, that is in the end the likeliest of them; where a peak is symmetric, its top. "
        f"Elsewhere it is not the mode: choose “{minimisers.Exponential.TITLE}”, whose peak is at the left end, and see where triangle and diamond lie. Bins of 1/200."
    )


def three_losses(photo: Photo) -> None:
    """Slide one noise over networks that differ in their loss alone (Figure 15)."""
    hits = {"RandomImpulse": "Half the pixels replaced (Figure 15)", "Impulse": "One value in five hit"}
    if choices.pressed("Noise", hits, "add", "the noise", key="three-losses") == "RandomImpulse":
        thing: Noise = RandomImpulse()
        names = ("n2n-random-impulse-l2", "n2n-random-impulse-l1", "n2n-random-impulse-l0")
    else:
        thing, names = Impulse(), ("n2n-impulse-0.2-l2", "n2n-impulse-0.2-l1", "n2n-impulse-0.2")
    if not side_by_side(photo, thing, names, f"losses-{type(thing).__name__}"):
        return
    st.caption(
        "The same network, start (n2n-gaussian-50), pairs and time; only the loss differs, in this order: L2, L1, annealed L0. Which one is pulled towards grey?"
    )
    curves = {}
    for name in names:
        epochs = Trained.named(name).card.history
        curves[name] = np.array([e["epoch"] for e in epochs]), np.array([e["score"] for e in epochs])
    last = max(len(x) for x, _ in curves.values())
    charts.show(charts.lines(curves, "epoch", "validation PSNR, dB", [0.9, last + 0.1]), "curves")
    st.caption(
        "PSNR on images set aside, after each epoch of training. What the eye likes best need not be what PSNR likes best: compare with the pictures."
    )


def clean_targets(photo: Photo) -> None:
    """Slide noise over two networks, one taught with noisy and one with clean targets; and their scores."""
    names = ("n2n-gaussian-50", "n2c-gaussian-50")
    if not side_by_side(photo, Gaussian(50.0), names, "clean"):
        return
    for name in names:
        if found := denoising.STORE.get(name):
            about = f"n = {found.n:,}, noise seed {found.seed}, {found.data}"
            st.metric(f"{name} ({about})", f"{found.own['denoised']['mean']:.2f} dB")
    st.caption(
        "Mean PSNR on the test set. The first was taught to turn one noisy picture into another noisy one, with new noise on the same pictures in every epoch; the second towards the clean pictures, from other first weights. Each was trained once. What does the first lose?"
    )
    short_trainings()


def short_trainings() -> None:
    """Show what short trainings lose or gain where one thing of the recipe is changed."""
    known = trainings.STORE.current()
    if not (recipe := known.get("recipe")):
        return
    rows = [
        {"changed": key.replace("-", " "), "dB": f"{float(found.scores.mean()):.2f}", "beyond the recipe, dB": "{:+.2f} ± {:.2f}".format(*found.beyond(recipe))}
        for key in trainings.variants() if key != "recipe" and (found := known.get(key))
    ]  # fmt: skip
    st.markdown("**What of the recipe matters?** Short trainings, one thing changed at a time.")
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        f"The recipe itself: {float(recipe.scores.mean()):.2f} dB. {recipe.n} seeds each, {trainings.PICTURES:,} pictures, {trainings.EPOCHS} epochs, scored on {trainings.TESTED:,} test images; ±: 95 % interval of the mean difference between trainings with the same seed. Which of them hold 0?"
    )


def photons(photo: Photo) -> None:
    """Count photons per pixel (Figure 20), and show how the light differs from image to image (Figure 21)."""
    left, right = st.columns(2)
    with left:
        lights = [str(n) for n in (1, 3, 10, 30, 100, 200, 500, 1000)]
        light = int(choices.slid("Light, photons at white", lights, "light", "the light", "100"))
        counts = torch.poisson(middle(photo) * light, generator=generator(0))[0].mean(0)
        charts.show(charts.counts(counts), "counts")
        st.caption(
            f"Photons that reached each pixel, mean of three colours, seed 0: {float(counts.min()):.0f} to {float(counts.max()):.0f}. The fewer, the noisier."
        )
    with right:
        mean = int(choices.slid("Mean light of all images, photons", ("100", "200", "500"), "mean", "the mean light"))
        curves = {}
        for d in (1, 25, 75, 200):
            k = np.arange(0, int(4 * mean * mean / d) + 2)
            share = nbinom.pmf(k, mean / d, 1 / mean)
            width = max(1, len(k) // 200)
            cut = len(k) // width * width
            curves[f"d = {d}"] = k[:cut:width] * d / mean, share[:cut].reshape(-1, width).sum(1) / (width * d / mean)
        charts.show(charts.lines(curves, "photons at white", "density", [0, 4 * mean]), "dispersion")
        st.caption(
            f"How the light is spread over the images for several dispersions d: a negative binomial, photons ~ NB({mean}/d, 1/{mean}) d/{mean}. The networks were trained with d = 75."
        )


def clipping(photo: Photo) -> None:
    """Average noisy targets, clipped and not: a clipped one has lost its mean."""
    left, right = st.columns(2)
    with left:
        sigma = choices.dialled("Noise (sigma), grey levels", Span(0, 100, 5), "sigma", 100)
    with right:
        counts = [str(n) for n in (1, 4, 16, 64, TARGETS)]
        count = int(choices.slid("Targets that are averaged", counts, "averaged", "the number of targets", counts[-1]))
    x = middle(photo)
    rng, sums = generator(0), [torch.zeros_like(x), torch.zeros_like(x)]
    for _ in range(count):
        y = Gaussian(float(sigma))(x, rng)
        sums = [sums[0] + y, sums[1] + noise.eight_bit(y)]
    free, clipped = (s / count for s in sums)
    titles = ("original", "average, not clipped", "average, clipped", "its bias")
    shown = [pictures.colour(z[0]) for z in (x, free, clipped)] + [pictures.diverging((clipped - x)[0].mean(0), 0.25)]
    pictures.beside(dict(zip(titles, shown, strict=True)))
    dark, bright = x < 0.1, x > 0.9
    biases = {"dark (below 0.1)": dark, "bright (above 0.9)": bright, "all": torch.ones_like(dark)}
    st.dataframe(
        [{"values": n, "how many": int(m.sum()), "not clipped": f"{255 * float((free - x)[m].mean()):+.1f}", "clipped": f"{255 * float((clipped - x)[m].mean()):+.1f}"} for n, m in biases.items() if m.any()],
        hide_index=True,
    )  # fmt: skip
    st.caption(
        "Bias in grey levels, seed 0. Noise that is cut off at black and white no longer averages out: dark becomes too bright, bright too dark. That is why targets are learned from unclipped. Bias: red is too bright, blue too dark, full colour at ±64."
    )


def side_by_side(photo: Photo, thing: Noise, names: tuple[str, ...], key: str) -> bool:
    """Slide one noise over the networks called `names`; say whether all of them are here."""
    missing = [n for n in names if n not in pickers.denoisers()]
    if missing:
        st.info(f"Not here yet: {', '.join(missing)}. Train it with `python -m core train {missing[0]}`.")
        return False
    levels = strips.levels(thing, cache.pixels(photo).shape, 2 + len(names))
    if not levels:
        st.info("This picture is too large to slide through: choose a smaller one.")
        return True
    start = parameters.level(thing, levels)
    start = parameters.nearest(levels, params.level(thing)) if start is None else start
    packed = Compared(photo, thing, tuple(levels), 0).side_by_side(tuple(map(Trained.named, names)))
    at = strip(packed, key, start, address.moved())
    parameters.reached(thing, levels[start if at is None else at])
    return True


def middle(photo: Photo) -> Images:
    """Cut the middle out of a large picture; a small one stays whole."""
    return datasets.middle(cache.image(photo), SIDE)
