"""How does a network learn? Launch a training run, watch it, pause and resume it, compare runs, adopt its network."""

from functools import partial

import streamlit as st

from app import access, address, adopted, cache, progress, received, watching
from app.controls import choices, data, presses
from app.controls import recipes as controls
from app.draw import words
from core import UserError
from core.runs import control, folder
from core.training import recipes

st.markdown(
    "A run trains in a process of its own: it goes on when you close this page, and you find it here again. "
    "**Start the first, a short one, watch its curve, and stop it when you have seen enough.**"
)
may = access.allowed("train")


def launcher() -> None:
    """Choose, change and launch."""
    plan = controls.plan()
    times, whys = zip(*map(progress.training_time, plan), strict=True)
    needs = [controls.need(r) for r in plan]
    st.caption(
        f"It will take about **{words.duration(sum(times))}** on this machine, measured on a few batches just now, one thread, and needs {needs[0].parameters:,} weights, {sum(n.megabytes for n in needs):.0f} MB on disk, "
        f"half the cores, and {needs[0].data}. {' '.join({*whys})}"
    )
    presses.button(st, "Launch", "launch", partial(launch, plan), icon=":material/play_arrow:", type="primary")


def launch(plan: tuple[recipes.Recipe, ...]) -> None:
    """Launch every recipe of a plan and look at the first."""
    names = [control.launch(r) for r in plan]
    st.session_state.update(run=names[0], against=names[1:], launching=False)  # what is to be watched moves up


if may and choices.switched("Start a run", "launch", not folder.every(), "launching"):
    with st.container(border=True):
        launcher()
for broken, why in folder.damaged().items():
    st.warning(received.plain(why), icon=":material/broken_image:")
    if may:
        watching.deletion(st, f"Delete {broken}", broken)


def watch(known: dict[str, folder.Run]) -> None:
    """Choose a run and others beside it, and watch them."""
    left, right = st.columns([1, 1])
    with left:
        chosen = choices.listed("Run", {i: f"{i} ({run.state})" for i, run in known.items()}, "run", "the run")
    others = [i for i, run in known.items() if i != chosen and type(run.recipe) is type(known[chosen].recipe)]
    st.session_state["against"] = [i for i in st.session_state.get("against", []) if i in others]
    with right:
        against = choices.several("Compare with", others, "beside", "the run", key="against", placeholder="no other run")  # fmt: skip
    active = any(run.state in folder.ACTIVE for run in known.values())

    @st.fragment(run_every=1.0 if active else None)
    def live() -> None:
        """Show how the run is doing, again and again while anything is at work."""
        try:
            run, rivals = folder.read(chosen), [folder.read(i) for i in against]
        except UserError as gone:  # somebody has deleted it
            st.session_state["told"] = st.session_state["told"] or str(gone)
            st.rerun()
        watching.state(run)
        if may:
            watching.steering(run)
        presses.told()
        watching.curves([run, *rivals])
        watching.picture(run)
        address.publish()
        if any(r.state in folder.ACTIVE for r in folder.every()) != active or st.session_state.pop("adopted", False):
            st.rerun()  # from watching to resting, or back; or there is more to show below

    live()
    run = folder.read(chosen)
    for card in adopted.of(run):
        adopted.led(card)
    if against:
        st.header("Side by side")
        watching.compared(run, [folder.read(i) for i in against])
    st.header("Take it with you")
    watching.exports(run)
    with st.expander("Log", icon=":material/notes:"):
        st.code((folder.log(chosen) if may else "Only who may train reads the log.") or "Nothing yet.", language=None)
    with st.expander("Recipe", icon=":material/receipt_long:"):
        st.json(recipes.record(run.recipe))
    data.source(cache.dataset(run.recipe.dataset, "test"))


if known := {run.id: run for run in folder.every()}:
    watch(known)
else:
    presses.told()
    st.info("There is no run yet." + (" Open “Start a run” and press Launch." if may else ""), icon=":material/info:")
    data.source(cache.dataset("mnist", "test"))
