"""How fast does it break? Accuracy over the strength of noise and attacks, beside what the study published (Figures 7, 12)."""

import streamlit as st

from app import address, cache
from app.controls import data, pickers
from app.draw import charts, words
from core import UserError
from core.attacks import ATTACKS
from core.experiments import accuracy
from core.experiments.accuracy import Curve
from core.experiments.measures import MEASURES, SEED
from core.params import strength
from core.study.reported import REPORTED

st.title("How fast does it break?")
st.markdown(
    "Every point asks all test digits. **Which hurts most for the same strength, and which network holds out longest?**"
)

cards = {}
for name in pickers.classifiers():
    try:
        cards[name] = cache.network(name)[1]
    except UserError as refusal:
        st.warning(str(refusal), icon=":material/info:")
if not cards:
    st.warning("No trained network is here: make one with `python -m core train digit-cnn`.", icon=":material/info:")
    st.stop()

VIEWS = {"noise": "Noise: Figure 7", "attack": "Attack: Figure 12"}
address.restore("view", "noise", address.one_of(VIEWS, "the view"))
left, right = st.columns([1, 2], vertical_alignment="bottom")
view = left.segmented_control("Strength of", list(VIEWS), key="view", required=True, format_func=VIEWS.__getitem__)
names = right.pills("Networks", list(cards), selection_mode="multi", default=list(cards))
address.publish(view=view)
measures = [(c, levels) for c, levels in MEASURES if (type(c).__name__ in ATTACKS) == (view == "attack")]
kinds = [type(c).__name__ for c, _ in measures]
dataset = cache.dataset("mnist", "test")
jobs = cache.jobs()


def shown() -> list[Curve]:
    """Return the curves of the chosen networks, as far as they are measured, those under way included."""
    live = {(c.network, c.corruption, c.data): c for job in jobs.running() if (c := job.curve())}
    kept = {
        (c.network, c.corruption, c.data): c
        for name in names
        for c in accuracy.curves(name)
        if c.sha256 == cards[name].sha256
    }
    return [c for c in {**kept, **live}.values() if c.kind in kinds and c.network in names]


@st.fragment(run_every=0.5 if jobs.running() else None)
def picture() -> None:
    """Draw the curves; while something is being measured, again and again."""
    curves = shown()
    st.plotly_chart(
        charts.accuracy(curves, [r for r in REPORTED if r.kind in kinds], list(cards), view == "noise"),
        key="curves",
        theme="streamlit",
    )
    sizes = sorted({(c.n, c.data) for c in curves}, reverse=True)
    st.caption(
        f"{'; '.join(f'n = {n:,} a point ({data})' for n, data in sizes) or 'Nothing is measured yet'}. Noise seed {SEED}. "
        "Shaded: 95 % interval (Wilson). Diamonds: what the study printed, typed in from its figures."
    )
    under_way = jobs.running()
    for job in under_way:
        text, button = st.columns([5, 1], vertical_alignment="center")
        text.progress(
            job.n / len(job.dataset), f"{job.card.name}, {words.title(type(job.corruption).__name__)}: {job.state()}"
        )
        button.button("Stop", key=f"stop-{id(job)}", on_click=job.halt.set, width="stretch")
    if st.session_state.get("watching") and not under_way:
        st.session_state["watching"] = False
        st.rerun()
    st.session_state["watching"] = bool(under_way)


picture()
for problem in jobs.problems():
    st.warning(problem, icon=":material/info:")

for reported in REPORTED:
    gaps = charts.gaps(reported, shown()) if reported.kind in kinds and reported.suspect else []
    if gaps:
        apart = "; ".join(f"{gap:.1f} points from **{network}**" for gap, network in gaps)
        st.info(
            f"**A suspect row.** {reported.suspect} Measured here, that row (open diamonds) lies on average {apart}. "
            f"It is closest to {gaps[0][1]}: compare the two kinds of noise on digit-cnn, and say which hurts it more.",
            icon=":material/search:",
        )

st.subheader("What does it say instead?")
curves = shown()
if curves:
    columns = st.columns([2, 2, 3], vertical_alignment="bottom")
    network = columns[0].selectbox("Network", list(dict.fromkeys(c.network for c in curves)), key="confused")
    mine = {f"{words.title(c.kind)}, {c.data}": c for c in curves if c.network == network}
    kind = columns[1].selectbox("Under", list(mine), key="under")
    chosen = mine[kind]
    percent = chosen.field == "fraction"
    level = columns[2].select_slider(
        "Strength" + (", share of pixels" if percent else " (epsilon)"),
        chosen.levels,
        value=chosen.levels[len(chosen.levels) // 5],
        format_func=lambda v: f"{100 * v:.0f} %" if percent else f"{v:g}",
    )
    table = chosen.counts[chosen.levels.index(level)]
    st.plotly_chart(charts.confusion(table), key="confusion", theme="streamlit")
    low, high = accuracy.wilson(chosen.hits[chosen.levels.index(level)], chosen.n)
    st.caption(
        f"{network} under {words.title(chosen.kind)}: {100 * chosen.hits[chosen.levels.index(level)] / chosen.n:.2f} % right (95 % interval {100 * low:.2f} to {100 * high:.2f}), n = {chosen.n:,}, seed {chosen.seed}, {chosen.data}. Look for a dark column off the diagonal: the answer it falls back on."
    )

st.subheader("Measure it yourself")
st.caption(
    f"On {dataset.title}. The curve appears at once and its shaded band shrinks as more digits are counted; stop whenever you have seen enough."
)
columns = st.columns([2, 2, 1], vertical_alignment="bottom")
name = columns[0].selectbox("Which network", list(cards), key="measure-network")
kind = columns[1].segmented_control(
    "Under which noise or attack",
    kinds,
    default=kinds[0],
    required=True,
    key=f"measure-{view}",
    format_func=words.title,
)
corruption, levels = measures[kinds.index(kind or kinds[0])]
if columns[2].button(
    "Measure",
    icon=":material/play_arrow:",
    width="stretch",
    help=f"{strength(type(corruption))[1].label} from {levels[0]:g} to {levels[-1]:g}, {len(levels)} strengths",
):
    _, new = jobs.start(*cache.network(name), dataset, corruption, levels, SEED)
    if new:
        st.rerun()
    st.toast("Somebody has started this measurement already: watch it above.")
data.source(dataset)
