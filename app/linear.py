"""Is it because networks are linear? The views of pages/linear.py."""

import streamlit as st
import torch

from app import cache
from app.controls import choices, parameters
from app.draw import charts, linear
from app.draw.directions import COLOURS
from app.inputs import Digit, Photo, Trained
from app.progress import pushed
from core.experiments import directions, input_sizes, linearity
from core.experiments.linearity import ATTACK, CHANCE, PLACES, SIZE, Lines
from core.experiments.pushes import LENGTHS, NAMES, NOISE
from core.measures.linearity import rectified


def line(trained: Trained, digit: Digit, seed: int) -> None:
    """Slide a digit along two lines and watch all its logits."""
    model, x = cache.classifier(trained), digit.image()
    y = digit.labels(model)
    ways = linearity.lines(model, x, y, seed)
    logits = {name: linearity.along(model, x, d) for name, d in ways.items()}
    parameters.slid(linear.strip(x, ways, logits, int(y[0])), "line", len(PLACES) - 1)
    st.caption(
        "Every pixel moves by t up or down: along the attack by the sign of the gradient, along chance by a coin toss; not clipped. Were the network linear, every logit would be a "
        "straight line. Look where a line bends, and how steep those along the attack are beside those along chance. To the left of 0 the attack is turned round."
    )
    _measured(list(linearity.STORE.current().values()))


def _measured(known: list[Lines]) -> None:
    """Show what was found on many images."""
    st.header("On many digits")
    if not known:
        st.info("Not measured yet: `python -m core measure linearity`.", icon=":material/info:")
        return
    st.dataframe(linear.table(known), hide_index=True, width="stretch")
    st.caption(
        f"How much of the variance of all ten logits over t a straight line explains; ±: 95 % interval of the mean. {known[0].data}, seed {known[0].seed}. "
        "The study quotes that training against attacks makes networks more linear (Moosavi-Dezfooli et al. 2018, of the loss close to an image): compare digit-cnn-robust with digit-cnn, which were trained on the same digits."
    )


def kinks(trained: Trained, digit: Digit, seed: int) -> None:
    """Show on which side of their kinks the units of a stage stand, clean, under chance and under attack."""
    model, x = cache.classifier(trained), digit.image()
    ways = linearity.lines(model, x, digit.labels(model), seed)
    seen = {"clean": x, **{name: x + SIZE * ways[name] for name in (CHANCE, ATTACK)}}
    with torch.no_grad():
        found = {name: rectified(model, z) for name, z in seen.items()}
    stage = choices.pressed("Stage", list(found["clean"]), "stage", "the stage")
    before = {name: values[stage][0] for name, values in found.items()}
    on = before["clean"] > 0
    for column, (name, values) in zip(st.columns(3), before.items(), strict=True):
        passed = f"{int(((values > 0) != on).sum())} passed their kink" if name != "clean" else None
        column.metric(f"{name}: units that answer", f"{int((values > 0).sum())} of {values.numel()}", passed, delta_color="off", delta_arrow="off")  # fmt: skip
    charts.show(linear.kinks(before), "kinks")
    st.caption(
        f"What the units of this stage get before they are rectified, for this digit, at ±{SIZE:g} a pixel. ReLU is two straight pieces: the network bends only where a unit passes 0, or one that pools takes another of its values. "
        "Dashed and dotted: the other activations of the study's Figure 3, for comparison; our networks have none of them."
    )
    if known := linearity.STORE.get(trained.name):
        st.dataframe(linear.sides(known), hide_index=True, width="stretch")
        st.caption(
            f"Over n = {known.n:,} test digits, ±{SIZE:g} a pixel: units that answer, and units that stand on another side of their kink than for the clean digit. Of a unit that pools: "
            "that take another of its four values; where the picture is flat all four are equal, and any change decides."
        )


def plane(trained: Trained, digit: Digit, seed: int) -> None:
    """Show what the network answers around a digit, on the plane of the attack and a random direction."""
    model, x = cache.classifier(trained), digit.image()
    y = digit.labels(model)
    margins, answers = linearity.plane(model, x, y, linearity.lines(model, x, y, seed))
    charts.show(linear.plane(margins, answers), "plane")
    st.caption(
        f"Every point is a picture: the digit (cross) moved to the right along the attack and upwards along chance, seed {seed}. Red: the logit of {int(y[0])} leads, by so much; blue: another leads; black: the "
        "border. Of a linear network the border between two answers is a straight line. Another seed behind “More” is another random direction."
    )


def sizes(trained: Trained) -> None:
    """Show whether what an attack adds up to grows with the number of inputs, in a linear model and layer by layer."""
    found = sorted(input_sizes.STORE.current().values(), key=lambda one: one.side)
    if found:
        charts.show(linear.sizes(found), "sizes")
        st.caption(
            "The argument: an attack that moves each of n inputs by ε moves a weighted sum by ε m n, m the mean size of its weights; so it grows with n. Dashed: if it did. Solid: linear models that tell 3 from 7, "
            f"trained on the same digits at {', '.join(f'{one.side} × {one.side}' for one in found)} pixels, ε = {input_sizes.EPSILON:g}; n = {found[0].n:,} test digits. Look how much smaller their weights become."
        )
        shares = [{"pixels": f"{one.side} × {one.side}", **{f"right, {w}": f"{100 * hits / one.n:.1f} %" for w, hits in zip(input_sizes.HITS, one.hits, strict=True)}, "ε m n / spread": f"{one.moved / one.spread:.2f}"} for one in found]  # fmt: skip
        st.dataframe(shares, hide_index=True, width="stretch")
    else:
        st.info("Not measured yet: `python -m core measure input-sizes`.", icon=":material/info:")
    st.header(f"Layer by layer in {trained.name}")
    if known := linearity.STORE.get(trained.name):
        st.dataframe(linear.layers(known), hide_index=True, width="stretch")
        st.caption(
            f"How far a layer's sums move, on average, when every pixel moves by ±{SIZE:g}, n = {known.n:,} test digits; in percent of the most they could, were every term of one sign. In a single sum an attack can "
            "reach 100 %; the sums of a layer share their inputs, so that what helps one hinders another."
        )
    else:
        st.info(f"Not measured yet: `python -m core measure linearity {trained.name}`.", icon=":material/info:")


def denoisers(trained: Trained, photo: Photo, seed: int) -> None:
    """Show how straight a denoiser is along the noise, the pulled-back noise, DAG's direction and the worst one."""
    found = pushed(trained, photo, None, seed)
    names = (*NAMES, NOISE)
    for column, name in zip(st.columns(len(names)), names, strict=True):
        column.metric(name, f"{100 * found.straight(name):.1f} %")
    charts.show(linear.pushed({name: found.moved(name) for name in names}, LENGTHS, COLOURS), "pushed")
    st.caption(
        f"How far the output moves when the clean picture is pushed along a direction, not clipped, and above how much of what all output values do a straight line explains, to L2 {LENGTHS[-1]:g}. n: noise {trained.noise.nominal!r}, seed {seed}. "
        "Where a line bends, the network is not linear that far."
    )
    st.header("On many pictures")
    known = [one for one in directions.STORE.current().values() if one.n > 1]
    if known:
        st.dataframe(linear.denoisers(known), hide_index=True, width="stretch")
        st.caption(f"Mean over n pictures, ±: 95 % interval. {known[0].data}, seed {known[0].seed}.")
    else:
        st.info("Not measured yet: `python -m core measure directions`.", icon=":material/info:")
