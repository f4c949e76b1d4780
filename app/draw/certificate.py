"""A vote under noise: what it sees, what it says, how far that is guaranteed, and what an attack finds."""

from collections.abc import Mapping, Sequence
from math import isfinite

import plotly.graph_objects as go
import streamlit as st

from app.browser.strips import Line, Scale, Series, Tile, curve, pack
from app.draw import charts, pictures
from core.experiments.certificate import BASES, RADII, Certified
from core.experiments.voting import LEVELS, Changed, Vote
from core.measures.smoothing import Certificate

TINTS = {"alone": charts.NOISE, "denoised": charts.DENOISED}
NAMES = {"alone": "alone, no noise", "denoised": "denoised first, no noise", "vote": "the vote"}
LIMIT = 0.5  # of the grey range: full colour of a change


def strip(found: Vote) -> bytes:
    """Pack one draw of noise, what the denoiser makes of it, and both votes, for every sigma."""

    def says(base: str) -> tuple[Line, ...]:
        told = (Line("{} % of the votes", 100 * found.share(base)), Line("say {}", found.answer(base).float(), 0))
        return (*told, Line("guaranteed: L2 {}", found.radius(base), 2))

    tiles = [
        Tile("the digit", "clean"),
        Tile("noisy", "noisy", "", says("alone"), "One draw of the noise. The votes: of the network alone."),
        Tile("denoised first", "denoised", "", says("denoised"), "What the denoiser makes of it. The votes: of the network behind it."),
    ]  # fmt: skip
    radii = {base: found.radius(base) for base in BASES}
    top = max(0.5, *(float(r.max()) for r in radii.values()))
    lines = [Series(BASES[base], r, TINTS[base], dashed=base == "alone") for base, r in radii.items()]
    chart = curve(
        "Guaranteed radius (L2) over the noise", lines, "0: no guarantee, the vote abstains", top=round(1.1 * top, 1), wide=True
    )  # fmt: skip
    images = dict(clean=found.clean, noisy=found.noisy, denoised=found.denoised)
    return pack(Scale(list(LEVELS), "Noise (sigma)", "of the grey range"), images, tiles, limit=LIMIT, curve=chart)


def verdict(given: Certificate, label: int | None) -> str:
    """Say what is guaranteed of a digit, and how that comes about; or why nothing is. A guaranteed answer may be wrong."""
    answer, hits, n, p = int(given.answer), int(given.hits), int(given.votes.sum()), float(given.p)
    told = f"{hits:,} of {n:,} votes say {answer}"
    if given.abstains:
        return f"**The vote abstains.** {told}: that is too few to be sure that {answer} is likelier than all others together (p ≥ {p:.3f} is not above one half). Nothing is guaranteed."
    wrong = (
        ""
        if label in (None, answer)
        else f" It is wrong all the same: this is a {label}. What is sure is that the answer stays."
    )
    return (
        f"**Guaranteed: {answer}.** {told}, so under this noise {answer} has a probability of at least p = {p:.4f} (wrong for one digit in {1 / given.alpha:,.0f} at most). "
        f"No change shorter than {given.sigma:g} · Φ⁻¹({p:.4f}) = L2 **{float(given.radius):.2f}** can make anything else likelier.{wrong}"
    )


def votes(given: Certificate) -> go.Figure:
    """Draw the share of votes for each class, the line that p has to pass, and p."""
    counts = given.votes[0]
    figure = go.Figure()
    tint = [charts.DENOISED if k == int(given.answer) else charts.GREY for k in range(len(counts))]
    figure.add_bar(
        x=list(range(len(counts))), y=(100 * counts / counts.sum()).tolist(), marker_color=tint, showlegend=False,
        hovertemplate="%{y:.1f} % say %{x}<extra></extra>",
    )  # fmt: skip
    figure.add_hline(50, line=dict(color=charts.GREY, dash="dash"))
    bound = dict(symbol="line-ew-open", size=26, line_width=3, color=charts.ATTACK)
    figure.add_scatter(
        x=[int(given.answer)], y=[100 * float(given.p)], mode="markers", marker=bound, name="p, at least", hovertemplate="%{y:.2f} %"
    )  # fmt: skip
    charts.axes(figure, "the network says", "votes, %", 300, hovermode="closest")
    figure.update_xaxes(dtick=1, range=[-0.6, len(counts) - 0.4])
    figure.update_yaxes(range=[0, 103])
    return figure


def lengths(given: Certificate, changed: Mapping[str, Changed]) -> go.Figure:
    """Draw how far is guaranteed beside how far each attack had to go; what was not broken has no bar."""
    bars = {"guaranteed": (float(given.radius), charts.DENOISED)}
    bars |= {NAMES[name]: (c.length, charts.ATTACK if name == "vote" else charts.GREY) for name, c in changed.items()}
    shown = {name: bar for name, bar in bars.items() if isfinite(bar[0])}
    figure = go.Figure(
        go.Bar(
            y=list(shown), x=[length for length, _ in shown.values()], orientation="h", marker_color=[tint for _, tint in shown.values()],
            texttemplate="%{x:.2f}", hovertemplate="%{y}: L2 %{x:.2f}<extra></extra>",
        )
    )  # fmt: skip
    charts.axes(figure, "length of the change, L2", "", 240, hovermode="closest")
    figure.update_yaxes(autorange="reversed")
    return figure


def gallery(found: Vote, changed: Mapping[str, Changed]) -> None:
    """Show the digit, every changed version, and below it the change, in one scale around grey."""
    columns = st.columns(1 + len(changed))
    with columns[0]:
        st.markdown("**the digit**")
        pictures.show(pictures.grey(found.clean[0, 0]), alt="the digit")
    for (name, c), column in zip(changed.items(), columns[1:], strict=True):
        with column:
            st.markdown(f"**{NAMES[name]}**")
            pictures.show(pictures.grey(c.image[0, 0]), alt=NAMES[name])
            told = f"L2 {c.length:.2f}: {c.before} becomes {c.after}" if isfinite(c.length) else "no change found"
            pictures.show(pictures.diverging((c.image - found.clean)[0, 0], LIMIT), told)


def measured(one: Certified, base: str, radii: Sequence[float] = RADII[::2]) -> go.Figure:
    """Draw what is guaranteed (solid) and what the attack leaves (dashed) over the length of the change, for every sigma."""
    figure = go.Figure()
    for sigma, tint in zip(one.sigmas, (charts.GREY, *charts.SERIES), strict=False):
        name = f"sigma {sigma:g}" if sigma else "no noise"
        charts.band(figure, radii, one.standing(base, sigma, radii), one.n, f"{name}: not broken", tint, "dash")
        if sigma:
            charts.band(figure, radii, one.certified(base, sigma, radii), one.n, f"{name}: guaranteed", tint)
    charts.axes(figure, "length of the change, L2", "test digits, %")
    figure.update_yaxes(range=[0, 101])
    return figure
