"""A training run on the page: how it is doing, the buttons that steer it, its curves, pictures and files."""

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import cache, received
from app.browser import follow
from app.controls import parameters, presses
from app.draw import charts, words
from app.turns import made
from core import UserError
from core.runs import control, folder, shown
from core.runs.folder import Run
from core.training import recipes
from core.training.recipes import Classification

WORDS = {
    "queued": ":material/hourglass_empty: waits until a run before it has ended",
    "running": ":material/directions_run: at work",
    "paused": ":material/pause: paused",
    "stopped": ":material/stop: stopped",
    "done": ":material/check: done",
    "failed": ":material/error: failed",
    "died": ":material/heart_broken: its process ended without a word (killed, or out of memory); resume it, it goes on from where it was last saved",
}
SILENT = 60.0  # seconds without a sign of life


def state(run: Run) -> None:
    """Say what a run is doing, how far it is, and how long it will take."""
    st.markdown(f"**{WORDS[run.state]}**" + (f": {run.status.why}" if run.status.why else ""))
    if run.status.steps:
        rest = f", about {words.duration(run.left)} left" if run.state == "running" else ""
        text = f"Step {run.status.step:,} of {run.status.steps:,}, {run.status.speed:,.0f} images a second{rest}"
        st.progress(run.status.step / run.status.steps, text)
    if silent(run):
        st.warning(
            "It has given no sign of life for a minute: it may hang. End its process, then resume it from where it was last saved.",
            icon=":material/heart_broken:",
        )


def steering(run: Run) -> None:
    """Show the buttons that fit what a run is doing; none stands where a second click on another would hit it."""
    if silent(run):
        presses.button(st, "End its process", f"end-{run.id}", partial(control.end, run.id))
    columns = st.columns(5)
    if run.state in folder.ACTIVE:
        _button(columns[1], run, "Pause", "pause", partial(control.ask, run.id, "pause"))
        _button(columns[2], run, "Stop", "stop", partial(control.ask, run.id, "stop"))
        return
    if run.state != "done":
        _button(columns[0], run, "Resume", "play_arrow", partial(control.resume, run.id))
    with columns[1].popover("Adopt", icon=":material/bookmark_add:", width="stretch"):
        name = st.text_input("Name: lower-case letters, digits, dots, dashes", run.id, key=f"adopt-{run.id}")
        presses.button(st, "Adopt its network", f"adopts-{run.id}", lambda: adopt(run.id, name))
        st.caption("Cards then has it, and every page whose networks do its work.")
    deletion(columns[2], "Delete", run.id)


def deletion(place: Any, label: str, run: str) -> None:
    """Offer to delete a run."""
    goes = "Everything of this run goes, for good; an adopted network stays."
    presses.deletion(place, label, run, goes, partial(control.delete, run))


def _button(place: DeltaGenerator, run: Run, title: str, icon: str, does: Callable[[], object]) -> None:
    presses.button(place, title, f"{title.lower()}-{run.id}", does, icon=f":material/{icon}:", width="stretch")


def adopt(run: str, name: str) -> None:
    """Adopt a run's network and say where to find it."""
    control.adopt(run, name)
    st.session_state["told"] = f"{name} is adopted: links to it stand below."
    st.session_state["adopted"] = True


def exports(run: Run) -> None:
    """Offer the card, the weights and the metrics."""
    lines = cache.metrics(run.id)
    columns = st.columns(4)
    try:
        card, weights = folder.network(run.id)
        columns[0].download_button(
            "Card", json.dumps(asdict(card), indent=2), f"{run.id}.json", "application/json", width="stretch"
        )
        columns[1].download_button("Weights", weights, f"{run.id}.safetensors", width="stretch")
    except UserError as refusal:
        columns[0].caption(received.plain(str(refusal)))
    file = io.StringIO()
    table = csv.DictWriter(file, ["step", "epoch", "loss", "score"])
    table.writeheader()
    table.writerows(lines)
    columns[2].download_button("Metrics (CSV)", file.getvalue(), f"{run.id}.csv", "text/csv", width="stretch")
    if find_spec("tensorboard"):
        work = partial(control.tensorboard, run.id)  # begun when it is asked for: tensorboard takes seconds to import
        events = partial(made, ("events", run.id, len(lines)), work)
        columns[3].download_button("TensorBoard", events, f"events.out.tfevents.{run.id}", width="stretch")


def curves(chosen: list[Run]) -> None:
    """Draw loss and score of runs over each other, over the share of the training that is done."""
    left, right = st.columns(2)
    losses, scores = {}, {}
    for run in chosen:
        lines = cache.metrics(run.id)
        steps, values = [x["step"] for x in lines if "epoch" not in x], [x["loss"] for x in lines if "epoch" not in x]
        losses[run.id] = np.array(steps), smoothed(np.array(values))
        epochs = [x for x in lines if "epoch" in x]
        scale = 100 if isinstance(run.recipe, Classification) else 1
        scores[run.id] = np.array([x["epoch"] for x in epochs]), np.array([scale * x["score"] for x in epochs])
    end = max([r.status.steps for r in chosen] + [1])
    digits = isinstance(chosen[0].recipe, Classification)
    with left:
        charts.show(charts.lines(losses, "step", "loss", [0, end]), "loss")
        st.caption("The loss of the batches as they come, smoothed a little. It trembles, for every batch is another.")
    with right:
        last = max(r.recipe.epochs for r in chosen)
        what = "digits read right, %" if digits else "validation PSNR, dB"
        charts.show(charts.lines(scores, "epoch", what, [0.8, last + 0.2]), "score")
        asked = f"{min(shown.EXAMINED, len(cache.dataset('mnist', 'test'))):,} test digits"
        aside = f"{recipes.VALIDATION:,} pictures set aside (a tenth of a sample)"
        st.caption(f"After each epoch, on {asked if digits else aside}.")


def smoothed(values: np.ndarray) -> np.ndarray:
    """Average over five neighbours, fewer at the ends."""
    if len(values) < 5:
        return values
    padded = np.pad(values, 2, mode="edge")
    return np.convolve(padded, np.ones(5) / 5, "valid")


def picture(run: Run) -> None:
    """Slide through what the run made of the same few test images after each epoch."""
    packed, count = cache.epochs(run.id, folder.sampled(run.id))
    if count:
        parameters.slid(packed, "samples", count - 1)


def compared(one: Run, others: list[Run]) -> None:
    """Say in what runs differ, and show what each makes of the same pictures."""
    records = [recipes.record(r.recipe) for r in (one, *others)]
    names = dict.fromkeys(k for record in records for k in record if k not in ("name", "title"))
    differ = [k for k in names if len({str(r.get(k)) for r in records}) > 1]
    if not differ:
        st.caption("They have the same recipe, seed and all.")
    else:
        st.dataframe(
            [{"what differs": k.replace("_", " "), **{run.id: str(r.get(k, "")) for run, r in zip((one, *others), records, strict=True)}} for k in differ],
            hide_index=True, width="stretch",
        )  # fmt: skip
    for run in others:
        st.markdown(f"**{run.id}**")
        packed, count = cache.epochs(run.id, folder.sampled(run.id))
        if count:
            follow(packed, f"samples-{run.id}")


def silent(run: Run) -> bool:
    """Say whether a run at work has stood still for a minute while this visitor watched."""
    sign, (known, since) = (run.id, run.status.beat), st.session_state.get("sign", (None, 0.0))
    if sign != known:
        st.session_state["sign"] = sign, time.monotonic()
        return False
    return run.state in folder.ACTIVE and time.monotonic() - since > SILENT
