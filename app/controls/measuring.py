"""Measure a curve yourself: start it, watch it, look into it."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from app import access, cache
from app.controls import choices, presses
from app.draw import words
from app.inputs import Trained
from app.jobs import Jobs
from core.experiments.accuracy import MEASURED, Curve
from core.experiments.results import SEED
from core.experiments.trial import Corruption
from core.params import strength


def watch(jobs: Jobs) -> None:
    """Show the measurements under way, each with a button that stops it; the page starts anew when the last has ended."""
    under_way, may = jobs.running(), access.may()
    for job in under_way:
        text, button = st.columns([5, 1], vertical_alignment="center")
        kind = words.title(type(job.corruption).__name__)
        text.progress(job.n / len(job.dataset), f"{job.card.name}, {kind}: {job.state()}")
        if may:
            presses.button(button, "Stop", f"stop-{id(job)}", job.halt.set, width="stretch")
    if st.session_state.get("watching") and not under_way:
        st.session_state["watching"] = False
        st.rerun()
    st.session_state["watching"] = bool(under_way)


def chosen(curves: Sequence[Curve]) -> tuple[Curve, int]:
    """Let somebody choose a curve and the place of one of its levels."""
    columns = st.columns([2, 2, 3], vertical_alignment="bottom")
    with columns[0]:
        names = list(dict.fromkeys(c.network for c in curves))
        network = choices.listed("Network", names, "network", "the network", key="confused")
    mine: dict[str, Curve] = {}
    for c in curves:
        if c.network == network:
            mine[f"{c.kind} on {c.data}" if c.kind in mine else c.kind] = c
    with columns[1]:
        several = len({c.data for c in mine.values()}) > 1
        titles = {kind: words.title(c.kind) + (f", {c.data}" if several else "") for kind, c in mine.items()}
        curve = mine[choices.listed("Under", titles, "add", "the noise or attack", key="confusing")]
    share = strength(type(MEASURED[curve.kind.lower()][0]))[1].share
    label, first = f"Strength{', share of pixels' if share else ' (epsilon)'}", curve.levels[len(curve.levels) // 5]
    levels = {f"{v:g}": f"{100 * v:.0f} %" if share else f"{v:g}" for v in curve.levels}
    with columns[2]:
        level = choices.slid(label, levels, "strength", "the strength", f"{first:g}", f"confusing-{curve.kind}")
    return curve, list(levels).index(level)


def start(
    jobs: Jobs, known: Mapping[str, Trained], measures: Sequence[tuple[Corruption, tuple[float, ...]]], view: str
) -> None:
    """Let somebody choose a network and what to measure it under, and start."""
    dataset = cache.dataset("mnist", "test")
    st.header("Measure it yourself")
    st.caption(
        f"On {dataset.title}. The curve appears at once and its shaded band shrinks as more digits are counted; stop whenever you have seen enough."
    )
    columns = st.columns([2, 2, 1], vertical_alignment="bottom")
    with columns[0]:
        trained = known[choices.listed("Which network", list(known), "measured", "the network")]
    kinds = {type(c).__name__: (c, levels) for c, levels in measures}
    titles = {kind: type(c).TITLE for kind, (c, _) in kinds.items()}
    with columns[1]:
        kind = choices.pressed(
            "Under which noise or attack", titles, "under", "the noise or attack", key=f"under-{view}"
        )
    corruption, levels = kinds[kind]
    hint = f"{strength(type(corruption))[1].label} from {levels[0]:g} to {levels[-1]:g}, {len(levels)} strengths"
    st.fragment(partial(watch, jobs), run_every=0.5 if jobs.running() else None)()
    wanted = columns[2].button("Measure", icon=":material/play_arrow:", width="stretch", help=hint)
    if access.allowed("measure", wanted):
        _, new = jobs.start(cache.classifier(trained), trained.card, dataset, corruption, levels, SEED)
        if new:
            st.rerun()
        st.toast("Somebody has started this measurement already: watch it above.")
