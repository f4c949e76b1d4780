"""Units of a digit network: how useful and how robust each is, what it looks for, and what an attack does to it."""

import plotly.graph_objects as go
import streamlit as st
import torch

from app import cache, progress
from app.draw import charts, filters, pictures
from app.draw.pictures import Picture
from app.inputs import Trained
from core.attacks import units
from core.experiments import constructed, halves
from core.experiments.features import EPSILON, Features
from core.experiments.trial import Trial
from core.measures.features import CONVOLUTIONS, COUNT, LAYERS, answers, place
from core.networks.digits import DigitCNN
from core.study.reported import BRITTLE_ALONE, ROBUST_ALONE

SHOWN = 8  # digits that excite a unit most
TITLES = {"conv1": "channels of layer 1", "conv2": "channels of layer 2", "hidden": "hidden units"}
LOOKS = {
    "conv1": (charts.NOISE, "diamond", 12),
    "conv2": (charts.DENOISED, "square", 11),
    "hidden": (charts.GREY, "circle", 6),
}


def key(unit: int) -> str:
    """Name a unit as the address does.

    >>> key(0), key(8)
    ('conv1-1', 'hidden-1')
    """
    layer, number = place(unit)
    return f"{layer}-{number + 1}"


NAMES = {
    key(unit): key(unit).replace("conv", "layer ").replace("-", ", channel " if unit < 8 else " unit ")
    for unit in range(COUNT)
}
UNITS = {name: unit for unit, name in enumerate(NAMES)}


def first(found: Features | None) -> str:
    """Choose the unit a page begins with: the hidden one that loses most at worst."""
    if found is None:
        return key(0)
    lost = (found.column("useful") - found.column("at worst"))[found.hidden]
    return key(int(found.hidden[int(lost.argmax())]))


def scatter(found: Features, chosen: int) -> go.Figure:
    """Draw every unit by its usefulness and what is left of it at worst; a point can be clicked."""
    figure, useful, left = go.Figure(), found.column("useful"), found.column("at worst")
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line=dict(color=charts.GREY, dash="dash"), name="nothing lost", hoverinfo="skip"
    )  # fmt: skip
    begin = 0
    for layer, count in LAYERS.items():
        rows = [unit for unit in range(begin, begin + count) if found.deviation[unit] > 0]
        colour, symbol, size = LOOKS[layer]
        figure.add_scatter(
            x=useful[rows].numpy(), y=left[rows].numpy(), name=TITLES[layer], mode="markers", customdata=[[key(unit)] for unit in rows],
            marker=dict(color=colour, symbol=symbol, size=size, opacity=0.75), text=[NAMES[key(unit)] for unit in rows],
            hovertemplate="%{text}: useful %{x:.2f}, at worst %{y:.2f}<extra></extra>",
        )  # fmt: skip
        begin += count
    ring = dict(color=charts.ATTACK, symbol="circle-open", size=18, line_width=3)
    at = dict(x=[float(useful[chosen])], y=[float(left[chosen])])
    figure.add_scatter(**at, mode="markers", marker=ring, name="shown below", hoverinfo="skip")
    figure.add_hline(0, line=dict(color=charts.GREY, width=1))
    return charts.axes(
        figure,
        "usefulness",
        f"robust usefulness, at worst within epsilon {found.epsilon:g}",
        430,
        hovermode="closest",
        dragmode=False,
    )


def said(found: Features, unit: int) -> str:
    """Say what a unit is good for, and what is left of it."""
    digit, more = int(found.label[unit]), "more" if found.sign[unit] > 0 else "less"
    figures = [f"{float(found.column(c)[unit]):.2f} ± {float(found.half(c)[unit]):.2f}" for c in ("useful", "at worst")]
    moves = ", ".join(f"{c} {float(found.column(c)[unit]):.2f}" for c in ("FGSM", "PGD", "chance"))
    return (
        f"It tells **{digit}s** best, to which it answers {more} than to others. Usefulness {figures[0]}, at worst {figures[1]}. "
        f"Moved, in its standard deviations: {moves}."
    )


def weights(model: DigitCNN, unit: int) -> tuple[Picture, str]:
    """Paint what a unit multiplies its input by, and say what is to be seen."""
    layer, number = place(unit)
    own = {"conv1": model.conv1.weight, "conv2": model.conv2.weight, "hidden": model.fc1.weight.view(-1, 5, 4, 4)}[
        layer
    ][number]
    out = model.fc2.weight[:, number] if layer == "hidden" else None
    inputs = {
        "conv1": "Its filter",
        "conv2": "Its filter, a pattern for each map of layer 1",
        "hidden": "Its weights, for each map of layer 2",
    }
    told = f"; it adds most to {int(out.argmax())}, takes most from {int(out.argmin())}" if out is not None else ""
    limit = float(own.abs().max())
    return filters.patterns(
        own, limit, 14 if layer != "hidden" else 16
    ), f"{inputs[layer]}; full colour at ±{limit:.2f}{told}"


def looks_for(network: Trained, unit: int) -> None:
    """Show what a unit multiplies by, and the test digits that excite it most."""
    model, test = cache.cnn(network), cache.dataset("mnist", "test")
    layer, number = place(unit)
    left, right = st.columns([1, 2.4], vertical_alignment="center")
    picture, caption = weights(model, unit)
    left.image(picture, output_format="PNG", caption=caption, alt=caption)
    peaks = progress.excited(network, layer, SHOWN)[number]
    stage = next(s for s in model.STAGES if s.name == layer)
    alt = f"Test digits that excite {NAMES[key(unit)]} most"
    right.image(
        filters.excited(test, peaks, stage),
        output_format="PNG",
        alt=alt,
        caption=f"Excite it most: {filters.numbers(peaks, network.name)}",
    )


def effect(network: Trained, found: Features | None, unit: int, trial: Trial, label: int) -> None:
    """Show what an attack on the network does to a unit on one digit and, where it is known what the unit is for, what one on the unit does."""
    model, (layer, number) = cache.cnn(network), place(unit)
    shown, x = {"the digit": trial.clean, "attacked": trial.corrupted}, trial.clean
    if found is not None:
        side = found.purpose.side(torch.tensor([label]))[:, unit]
        shown[f"this unit attacked, epsilon {EPSILON:g}"] = units.turned(model, x, torch.tensor([unit]), side, EPSILON)[
            0
        ]
    images = torch.cat(list(shown.values()))
    values = answers(model, images)[:, unit].tolist()
    maps = model.stages(images)[layer][:, number] if layer in CONVOLUTIONS else None
    for k, (title, column) in enumerate(zip(shown, st.columns(max(3, len(shown))), strict=False)):
        with column:
            tiles = [pictures.grey(images[k, 0])]
            if k:
                tiles.append(pictures.diverging(images[k, 0] - x[0, 0], 0.3))
            st.image(pictures.row(tiles, 6), output_format="PNG", alt=title)
            if maps is not None:
                low, high = float(maps.min()), float(maps.max())
                st.image(
                    pictures.row([pictures.grey(maps[k], low, high)], 7), output_format="PNG", alt=f"Its map, {title}"
                )
            st.caption(f"{title}: it answers **{values[k]:.2f}**" + (f" ({values[k] - values[0]:+.2f})" if k else ""))


def kept() -> None:
    """Show what is read with half of the hidden units."""
    st.header("Only half of the hidden units")
    if rows := halves.rows(halves.ATTACK.epsilon):
        st.dataframe(rows, hide_index=True, width="stretch")
    if not halves.STORE.current():
        st.info("Not measured yet: `python -m core measure halves`.", icon=":material/info:")
    st.caption(
        "Units of the other half are held at their mean. Robust and brittle halves: by robust usefulness. The attack knows which half is left. "
        "Compare with a half at random. In brackets: 95 % intervals."
    )


def alone() -> None:
    """Show what is learned from robust, or from brittle, features alone, with some images of each set."""
    st.header("Learned from robust, or from brittle, features alone")
    known = {key: one for key, one in constructed.STORE.current().items() if one.n}
    if known:
        st.dataframe(constructed.rows(), hide_index=True, width="stretch")
    else:
        st.info("Not measured yet: `python -m core measure constructed`.", icon=":material/info:")
    st.caption(
        f"Training sets made from MNIST as Ilyas et al. (2019) made theirs from CIFAR-10. The study quotes of them: {ROBUST_ALONE:g} % of adversarial examples read right after robust "
        f"features alone, {BRITTLE_ALONE:g} % after brittle ones (typed in, by other attacks on other pictures). One training each; in brackets 95 % intervals over the test digits."
    )
    for key, one in known.items():
        tiles = [pictures.enlarged(pictures.grey(z[0] / 255.0), 3) for z in (*one.before, *one.after)]
        began, learned = (" ".join(map(str, labels)) for labels in (one.before_labels, one.after_labels))
        st.image(
            pictures.grid(tiles, len(one.before)), output_format="PNG", alt=f"Images of the set: {constructed.TITLES[key]}",
            caption=f"{constructed.TITLES[key]}: above, what images began as ({began}); below, the training images, learned as {learned}.",
        )  # fmt: skip
