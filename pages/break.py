"""How fast does it break? Accuracy over the strength of noise and attacks, beside what the study published (Figures 7, 12)."""

import streamlit as st

from app import cache, received
from app.controls import choices, data, measuring, pickers
from app.draw import charts, measured, words
from core.attacks import Attack
from core.experiments import accuracy
from core.experiments.accuracy import Curve
from core.experiments.results import SEED
from core.study import findings
from core.study.reported import REPORTED

VIEWS = {"noise": "Noise: Figure 7", "attack": "Attack: Figure 12"}

st.markdown(
    "Every point asks many test digits. **Which hurts most for the same strength, and which network holds out longest?**"
)

known = {trained.name: trained for trained in pickers.sound(pickers.classifiers(), cache.classifier)}
pickers.none_here(list(known))

left, right = st.columns([1, 2], vertical_alignment="bottom")
with left:
    view = choices.pressed("Strength of", VIEWS, "view", "the view", key="break-view")
with right:
    names = choices.ticked("Networks", list(known), "networks", "the network", list(known))
measures = [m for m in accuracy.MEASURED.values() if isinstance(m[0], Attack) == (view == "attack")]
kinds = [type(c).__name__ for c, _ in measures]
jobs = cache.jobs()


def shown() -> list[Curve]:
    """Return the curves of the chosen networks, as far as they are measured, those under way included."""
    live = [c for job in jobs.running() if (c := job.curve())]
    kept = [c for name in names for c in accuracy.of(name)]
    latest = {(c.network, c.corruption, c.data): c for c in (*kept, *live)}
    here = [c for c in latest.values() if c.kind in kinds and c.network in names]
    return sorted(here, key=lambda c: (names.index(c.network), c.kind))


@st.fragment(run_every=0.5 if jobs.running() else None)
def picture() -> None:
    """Draw the curves; while something is being measured, again and again."""
    curves = shown()
    printed = [r for r in REPORTED if r.kind in kinds]
    charts.show(measured.accuracy(curves, printed, list(known), view == "noise"), "curves")
    sizes: dict[tuple[int, str], dict[str, None]] = {}
    for c in curves:
        sizes.setdefault((c.n, c.data), {})[words.title(c.kind)] = None
    told = "; ".join(f"{', '.join(titles)}: n = {n:,} a point ({data})" for (n, data), titles in sizes.items())
    st.caption(
        f"{told or 'Nothing is measured yet'}. Noise seed {SEED}. "
        "Shaded: 95 % interval (Wilson). Diamonds: what the study printed, typed in from its figures."
    )


picture()
for problem in jobs.problems():
    st.warning(received.plain(problem), icon=":material/info:")

flattered = [f for name in names if view == "attack" and (f := accuracy.flattered(name))]
if flattered:
    told = "; ".join(
        f"**{worst.network}** at epsilon {epsilon:g}: {fgsm.at([epsilon])[0]:.1f} % right under FGSM (n = {fgsm.n:,}), {worst.at([epsilon])[0]:.1f} % at its worst (n = {worst.n:,})"
        for epsilon, fgsm, worst in flattered
    )
    st.warning(
        f"**FGSM flatters.** One step along the gradient says little of how robust a network is. {told}. Worst case: `{flattered[0][2].corruption}`, every digit by the worst of APGD on two losses, with restarts, and Square.",
        icon=":material/gpp_bad:",
    )

for reported in REPORTED:
    gaps = findings.gaps(reported, shown()) if reported.kind in kinds and reported.suspect else []
    if gaps:
        apart = "; ".join(f"{gap:.1f} points from **{network}**" for gap, network in gaps)
        st.info(
            f"**The wrong network's row.** {reported.suspect} Trained anew here, that row (open diamonds) lies on average {apart}. "
            "Compare the two kinds of noise on digit-cnn, and say which hurts it more.",
            icon=":material/search:",
        )

st.header("What does it say instead?")
if curves := shown():
    chosen, place = measuring.chosen(curves)
    low, high = chosen.interval(chosen.levels[place])
    charts.show(charts.confusion(chosen.counts[place]), "confusion")
    st.caption(
        f"{chosen.network} under {words.title(chosen.kind)}: {chosen.accuracy[place]:.2f} % right (95 % interval {low:.2f} to {high:.2f}), n = {chosen.n:,}, seed {chosen.seed}, {chosen.data}. "
        "Look for a dark column off the diagonal: the answer it falls back on."
    )
measuring.start(jobs, known, measures, view)
data.source(cache.dataset("mnist", "test"))
