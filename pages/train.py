"""How does a network learn? Launch a training run, watch it, pause and resume it, compare runs, adopt its network."""

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from importlib.util import find_spec
from math import isfinite

import numpy as np
import streamlit as st

from app import access, address, cache
from app.browser import strip, strips
from app.controls import data, parameters, pickers
from app.draw import charts, words
from core import UserError
from core.attacks import PGD
from core.noise import BLIND, Noise, RandomImpulse
from core.runs import control, folder, worker
from core.runs.folder import Run
from core.training import recipes
from core.training.losses import LOSSES, Loss
from core.training.recipes import OPTIMISERS, PRESETS, RECIPES, Classification, Denoising, Recipe

WORDS = {
    "queued": ":material/hourglass_empty: waits for its turn",
    "running": ":material/directions_run: at work",
    "paused": ":material/pause: paused",
    "stopped": ":material/stop: stopped",
    "done": ":material/check: done",
    "failed": ":material/error: failed",
    "died": ":material/heart_broken: its process ended without a word (killed, or out of memory); resume it, it goes on from where it was last saved",
}
NOISES = {**BLIND, "RandomImpulse": RandomImpulse}
UNETS = {"UNet": ("cifar10", "U-Net, colour pictures"), "DigitUNet": ("mnist", "small U-Net, digits")}
SILENT = 60.0  # seconds without a sign of life
TARGETS = {"noisy": "other noisy pictures (Noise2Noise)", "clean": "the clean pictures"}

st.title("How does a network learn?")
st.markdown(
    "A run trains in a process of its own: it goes on when you close this page, and you find it here again. "
    "**Start the one-minute run, watch its curve, and stop it when you have seen enough.**"
)
may = access.allowed()


def configured(plan: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
    """Let somebody change a recipe; of several at once only what they share."""
    first = plan[0]
    columns = st.columns(4)
    epochs = int(columns[0].number_input("Epochs", 1, 200, first.epochs, key=f"epochs-{first.name}"))
    seed = int(columns[1].number_input("Seed", 0, 9999, first.seed, key=f"seed-{first.name}"))
    if len(plan) > 1:
        return tuple(replace(r, epochs=epochs, seed=seed) for r in plan)
    batch = int(columns[2].number_input("Batch, images", 8, 1024, first.batch, 8, key=f"batch-{first.name}"))
    rate = float(
        columns[3].number_input(
            "Learning rate", 1e-5, 0.5, first.learning_rate, 1e-4, format="%.5f", key=f"rate-{first.name}"
        )
    )
    one = replace(first, epochs=epochs, seed=seed, batch=batch, learning_rate=rate)
    return (denoising(one) if isinstance(one, Denoising) else classification(one),)


def denoising(one: Denoising) -> Denoising:
    """Let somebody choose network and data, noise, loss, targets and where a denoiser begins."""
    columns = st.columns(5)
    network = columns[0].selectbox(
        "Network and data",
        list(UNETS),
        list(UNETS).index(one.architecture),
        key=f"unet-{one.name}",
        format_func=lambda n: UNETS[n][1],
    )
    one = replace(one, architecture=network, dataset=UNETS[network][0])
    kinds = list(NOISES)
    kind = columns[1].selectbox(
        "Noise", kinds, kinds.index(type(one.noise).__name__), key=f"noise-{one.name}", format_func=words.title
    )
    loss = columns[2].selectbox(
        "Loss", list(LOSSES), list(LOSSES).index(type(one.loss).__name__), key=f"loss-{one.name}"
    )
    target = columns[3].selectbox(
        "Targets",
        list(TARGETS),
        list(TARGETS).index(one.target),
        key=f"target-{one.name}",
        format_func=TARGETS.__getitem__,
    )
    starts = [
        "",
        *(
            n
            for n in pickers.sound(pickers.denoisers(one.dataset))
            if cache.denoiser(n)[1].architecture == one.architecture
        ),
    ]
    start = columns[4].selectbox(
        "Begins with",
        starts,
        starts.index(one.start) if one.start in starts else 0,
        key=f"start-{one.name}-{network}",
        format_func=lambda n: n or "drawn weights",
    )
    made = one.noise if kind == type(one.noise).__name__ else NOISES[kind]()
    with st.expander("Levels of the noise, exponent of the loss, optimiser"):
        optimiser = st.segmented_control(
            "Optimiser", list(OPTIMISERS), default=one.optimiser, required=True, key=f"optimiser-{one.name}"
        )
        made = parameters.sliders(made, (), f"{one.name}.")
        shaped = parameters.sliders(
            one.loss if loss == type(one.loss).__name__ else LOSSES[loss](), ("epsilon",), f"{one.name}."
        )
    assert isinstance(made, Noise)
    assert isinstance(shaped, Loss)
    return replace(
        one,
        noise=made,
        loss=shaped,
        target="clean" if target == "clean" else "noisy",
        start=start,
        optimiser="Muon" if optimiser == "Muon" else "AdamW",
    )


def classification(one: Classification) -> Classification:
    """Let somebody choose the network, and whether it is trained against attacks."""
    columns = st.columns(4)
    networks = ["DigitCNN", "DigitMLP"]
    architecture = columns[0].selectbox(
        "Network", networks, networks.index(one.architecture), key=f"architecture-{one.name}"
    )
    momentum = columns[1].slider("Momentum", 0.0, 0.99, one.momentum, 0.01, key=f"momentum-{one.name}")
    hard = columns[2].toggle("Against attacks", one.attack is not None, key=f"attack-{one.name}")
    attack = None
    if hard:
        strength = columns[3].slider(
            "Strength (epsilon), of the grey range",
            0.0,
            0.5,
            one.attack.epsilon if one.attack else 0.1,
            0.01,
            key=f"epsilon-{one.name}",
        )
        attack = replace(one.attack or PGD(steps=5, step=0.35), epsilon=strength)
    return replace(one, architecture=architecture, momentum=momentum, attack=attack, ramp=one.ramp if hard else 0)


def launcher() -> None:
    """Choose, change and launch."""
    plans: dict[str, tuple[Recipe, ...]] = {**PRESETS, **{f"{r.name}: {r.title}": (r,) for r in RECIPES.values()}}
    chosen = st.selectbox("Begin with the recipe of", list(plans), key="plan")
    plan = configured(plans[chosen])
    seconds = sum(cache.training_time(r) for r in plan)
    needs = [cache.training_need(r) for r in plan]
    st.caption(
        f"It will take about **{spoken(seconds)}** on this machine, measured on a few batches just now, one thread, and needs {needs[0].parameters:,} weights, {sum(n.megabytes for n in needs):.0f} MB on disk, "
        f"half the cores, and {needs[0].data}."
    )
    st.button(
        "Launch",
        icon=":material/play_arrow:",
        type="primary",
        key="launch",
        on_click=pressed,
        args=(lambda: launch(plan),),
    )


def spoken(seconds: float) -> str:
    """Say a time in words."""
    if not isfinite(seconds):
        return "an unknown time"
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"


def pressed(what: Callable[[], object]) -> None:
    """Do what a button says; who comes too late is told, until another button is pressed."""
    st.session_state["told"] = ""
    try:
        what()
    except UserError as refusal:
        st.session_state["told"] = str(refusal)


def launch(plan: tuple[Recipe, ...]) -> None:
    """Launch every recipe of a plan and look at the first."""
    names = [control.launch(r) for r in plan]
    st.session_state.update(run=names[0], against=names[1:], launching=False)  # what is to be watched moves up


def steering(run: Run) -> None:
    """Show the buttons that fit what a run is doing."""
    columns = st.columns(5)
    if run.state in folder.ACTIVE:
        columns[0].button(
            "Pause",
            icon=":material/pause:",
            key="pause",
            on_click=pressed,
            args=(lambda: control.ask(run.id, "pause"),),
            width="stretch",
        )
        columns[1].button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            on_click=pressed,
            args=(lambda: control.ask(run.id, "stop"),),
            width="stretch",
        )
        return
    if run.state != "done":
        columns[0].button(
            "Resume",
            icon=":material/play_arrow:",
            key="resume",
            on_click=pressed,
            args=(lambda: control.resume(run.id),),
            width="stretch",
        )
    with columns[1].popover("Adopt", icon=":material/bookmark_add:", width="stretch"):
        name = st.text_input("Name: lower-case letters, digits, dots, dashes", run.id, key=f"adopt-{run.id}")
        st.button("Adopt its network", key="adopt", on_click=pressed, args=(lambda: adopt(run.id, name),))
        st.caption("Cards then has it, and every page whose networks do its work.")
    with columns[2].popover("Delete", icon=":material/delete:", width="stretch"):
        st.markdown("Everything of this run goes, for good; an adopted network stays.")
        st.button("Delete it", key="delete", on_click=pressed, args=(lambda: control.delete(run.id),))


def adopt(run: str, name: str) -> None:
    """Adopt a run's network and say where to find it."""
    control.adopt(run, name)
    st.session_state["told"] = f"{name} is adopted: see Cards, and every page whose networks do its work."


def exports(run: Run) -> None:
    """Offer the card, the weights and the metrics."""
    lines = folder.lines(run.id)
    columns = st.columns(4)
    try:
        card, weights = folder.network(run.id)
        columns[0].download_button(
            "Card", json.dumps(asdict(card), indent=2), f"{run.id}.json", "application/json", width="stretch"
        )
        columns[1].download_button("Weights", weights, f"{run.id}.safetensors", width="stretch")
    except UserError as refusal:
        columns[0].caption(str(refusal))
    file = io.StringIO()
    table = csv.DictWriter(file, ["step", "epoch", "loss", "score"])
    table.writeheader()
    table.writerows(lines)
    columns[2].download_button("Metrics (CSV)", file.getvalue(), f"{run.id}.csv", "text/csv", width="stretch")
    if find_spec("tensorboard"):
        events = partial(control.tensorboard, run.id)  # made when it is asked for: tensorboard takes seconds to import
        columns[3].download_button("TensorBoard", events, f"events.out.tfevents.{run.id}", width="stretch")


def curves(chosen: list[Run]) -> None:
    """Draw loss and score of runs over each other, over the share of the training that is done."""
    left, right = st.columns(2)
    losses, scores = {}, {}
    for run in chosen:
        lines = folder.lines(run.id)
        steps, values = [x["step"] for x in lines if "epoch" not in x], [x["loss"] for x in lines if "epoch" not in x]
        losses[run.id] = np.array(steps), smoothed(np.array(values))
        epochs = [x for x in lines if "epoch" in x]
        scale = 100 if isinstance(run.recipe, Classification) else 1
        scores[run.id] = np.array([x["epoch"] for x in epochs]), np.array([scale * x["score"] for x in epochs])
    end = max([r.status.steps for r in chosen] + [1])
    digits = isinstance(chosen[0].recipe, Classification)
    with left:
        st.plotly_chart(charts.lines(losses, "step", "loss", [0, end]), key="loss", theme="streamlit")
        st.caption("The loss of the batches as they come, smoothed a little. It trembles, for every batch is another.")
    with right:
        last = max(r.recipe.epochs for r in chosen)
        st.plotly_chart(
            charts.lines(
                scores, "epoch", "digits read right, %" if digits else "validation PSNR, dB", [0.8, last + 0.2]
            ),
            key="score",
            theme="streamlit",
        )
        what = (
            f"{min(worker.EXAMINED, len(cache.dataset('mnist', 'test'))):,} test digits"
            if digits
            else f"{recipes.VALIDATION:,} pictures set aside (a tenth of a sample)"
        )
        st.caption(f"After each epoch, on {what}.")


def smoothed(values: np.ndarray) -> np.ndarray:
    """Average over five neighbours, fewer at the ends."""
    if len(values) < 5:
        return values
    padded = np.pad(values, 2, mode="edge")
    return np.convolve(padded, np.ones(5) / 5, "valid")


def picture(run: Run, key: str) -> None:
    """Slide through what the run made of the same few test images after each epoch."""
    found = folder.samples(run.id)
    if found:
        strip(strips.epochs(found), key=key, start=len(found) - 1)


def compared(one: Run, others: list[Run]) -> None:
    """Say in what runs differ, and show what each makes of the same pictures."""
    records = [recipes.record(r.recipe) for r in (one, *others)]
    names = dict.fromkeys(k for record in records for k in record if k not in ("name", "title"))
    differ = [k for k in names if len({str(r.get(k)) for r in records}) > 1]
    st.dataframe(
        [{"what differs": k.replace("_", " "), **{run.id: str(r.get(k, "")) for run, r in zip((one, *others), records, strict=True)}} for k in differ],
        hide_index=True, width="stretch",
    )  # fmt: skip
    for run in others:
        st.markdown(f"**{run.id}**")
        picture(run, f"samples-{run.id}")


told = st.session_state.get("told")
if may and st.toggle("Start a run", not folder.every(), key="launching"):
    with st.container(border=True):
        launcher()
for broken, why in folder.damaged().items():
    st.warning(why, icon=":material/broken_image:")
    if may:
        st.button(f"Delete {broken}", key=f"broken-{broken}", on_click=pressed, args=(partial(control.delete, broken),))
known = folder.every()
if not known:
    if told:
        st.info(told, icon=":material/info:")
    st.info("There is no run yet." + (" Open “Start a run” and press Launch." if may else ""), icon=":material/info:")
    data.source(cache.dataset("mnist", "test"))
    st.stop()
ids = [run.id for run in known]
address.restore("run", ids[0], address.one_of(ids, "the run"))
left, right = st.columns([1, 1])
chosen = str(
    left.selectbox("Run", ids, key="run", format_func=lambda i: f"{i} ({folder.read(i).state})" if i in ids else i)
)
others = [i for i in ids if i != chosen and type(folder.read(i).recipe) is type(folder.read(chosen).recipe)]
st.session_state["against"] = [i for i in st.session_state.get("against", []) if i in others]
against = right.multiselect("Compare with", others, key="against", placeholder="no other run")
address.publish(run=chosen)
active = any(run.state in folder.ACTIVE for run in known)


def silent(run: Run) -> bool:
    """Say whether a run at work has stood still for a minute while this visitor watched."""
    sign, (known, since) = (run.id, run.status.beat), st.session_state.get("sign", (None, 0.0))
    if sign != known:
        st.session_state["sign"] = sign, time.monotonic()
        return False
    return run.state in folder.ACTIVE and time.monotonic() - since > SILENT


@st.fragment(run_every=1.0 if active else None)
def live() -> None:
    """Show how the run is doing, again and again while anything is at work."""
    try:
        run, rivals = folder.read(chosen), [folder.read(i) for i in against]
    except UserError:
        st.rerun()  # somebody has deleted it
    st.markdown(f"**{WORDS[run.state]}**" + (f": {run.status.why}" if run.status.why else ""))
    if run.status.steps:
        rest = f", about {spoken(run.left)} left" if run.state == "running" else ""
        st.progress(
            run.status.step / run.status.steps,
            f"Step {run.status.step:,} of {run.status.steps:,}, {run.status.speed:,.0f} images a second{rest}",
        )
    if silent(run):
        st.warning(
            "It has given no sign of life for a minute: it may hang. End its process, then resume it from where it was last saved.",
            icon=":material/heart_broken:",
        )
        if may:
            st.button("End its process", key="end", on_click=pressed, args=(lambda: control.end(run.id),))
    if may:
        steering(run)
    if told := st.session_state.get("told"):
        st.info(told, icon=":material/info:")
    curves([run, *rivals])
    picture(run, "samples")
    if any(r.state in folder.ACTIVE for r in folder.every()) != active:
        st.rerun()  # from watching to resting, or back


live()
run = folder.read(chosen)
if against:
    st.subheader("Side by side")
    compared(run, [folder.read(i) for i in against])
st.subheader("Take it with you")
exports(run)
with st.expander("Log", icon=":material/notes:"):
    st.code((folder.log(chosen) if may else "Only who may train reads the log.") or "Nothing yet.", language=None)
with st.expander("Recipe", icon=":material/receipt_long:"):
    st.json(recipes.record(run.recipe))
data.source(cache.dataset(run.recipe.dataset, "test"))
