"""What networks score on full test sets: one of them in full, or all in a table to sort."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.draw import words
from core.checkpoints import Card
from core.experiments import accuracy, denoising, directions, unfamiliar, worst_curves
from core.experiments.results import SEED

STRENGTHS = (0.1, 0.2, 0.3)  # of the worst case
FIGURES = st.column_config.NumberColumn(format="%.2f")


def tables(cards: Sequence[Card]) -> None:
    """Show what networks score, a row each, in tables to sort: those that read digits, and those that take noise away."""
    for rows in (
        [_reads(c) for c in cards if "noise" not in c.recipe],
        [_cleans(c) for c in cards if "noise" in c.recipe],
    ):
        if rows:
            figures = {name: FIGURES for name in rows[0] if name.endswith(("%", "dB"))}
            st.dataframe(rows, hide_index=True, width="stretch", column_config=figures)
    st.caption(
        f"Press the head of a column to sort by it. Of networks that read digits: MNIST's test digits, clean and by the worst attack at an epsilon; of others: the test images of their data under the noise they were trained for. Seed {SEED}. None: not measured."
    )


def _reads(card: Card) -> dict[str, Any]:
    clean, worst = accuracy.clean(card.name), accuracy.STORE.get(f"{card.name}.worstcase")
    return {
        "network": card.name,
        "what": card.title,
        "digits right, %": clean[0] if clean else None,
        "n": clean[1].n if clean else None,
        **{f"worst case {e:g}, %": worst.at([e])[0] if worst else None for e in STRENGTHS},
        "n, worst case": worst.n if worst else None,
    }


def _cleans(card: Card) -> dict[str, Any]:
    found = denoising.STORE.get(card.name)
    own = found.own if found else None
    return {
        "network": card.name,
        "what": card.title,
        "noisy, dB": own["noisy"]["mean"] if own else None,
        "denoised, dB": own["denoised"]["mean"] if own else None,
        "made worse, %": own["worse"] if own else None,
        "n": found.n if found else None,
    }


def during(card: Card) -> str:
    """Say what was scored after each epoch of its training."""
    return "validation PSNR, dB" if "noise" in card.recipe else "share of test digits read right"


def show(card: Card) -> None:
    """Show how well a network does on the full test set."""
    if found := denoising.STORE.get(card.name):
        st.dataframe(words.settings(found), hide_index=True, width="stretch")
        st.caption(
            f"Mean PSNR in dB and SSIM on {found.data}, n = {found.n:,}, noise seed {found.seed}, 8-bit input; "
            f"in brackets the {100 * denoising.QUANTILES[0]:.0f} and {100 * denoising.QUANTILES[-1]:.0f} % quantiles. "
            "First row: the noise it was trained on; second: no noise at all."
        )
        if held := unfamiliar.STORE.get(card.name):
            st.caption(f"On pictures unlike its training set, {held.line} (n = {held.n:,}).")
        for one in (worst_curves.STORE.get(card.name), directions.STORE.get(card.name)):
            if one:
                st.caption(f"{one.line}.")
    elif clean := accuracy.clean(card.name):
        low, high = clean[1].interval(0.0)
        st.metric("Test digits read right", f"{clean[0]:.2f} %")
        st.caption(f"95 % interval {low:.2f} to {high:.2f} %, n = {clean[1].n:,}.")
        if worst := accuracy.STORE.get(f"{card.name}.worstcase"):
            for column, epsilon in zip(st.columns(len(STRENGTHS)), STRENGTHS, strict=True):
                column.metric(f"At its worst, epsilon {epsilon:g}", f"{worst.at([epsilon])[0]:.1f} %")
            bounds = ", ".join("{:.1f} to {:.1f}".format(*worst.interval(epsilon)) for epsilon in STRENGTHS)
            st.caption(
                f"95 % intervals {bounds} %, n = {worst.n:,}, seed {worst.seed}; each digit by the worst of `{worst.corruption}`."
            )
        else:
            st.caption(f"At its worst not measured yet: `python -m core measure accuracy {card.name}`.")
    else:
        experiment = "denoising" if "noise" in card.recipe else "accuracy"
        st.caption(f"Not measured yet: `python -m core measure {experiment} {card.name}`.")
