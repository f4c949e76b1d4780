"""What networks score on full test sets: one of them in full, or all in a table to sort."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.draw import words
from core import checkpoints
from core.checkpoints import Card
from core.experiments import accuracy, denoising, directions, unfamiliar, worst_curves

STRENGTHS = (0.1, 0.2, 0.3)  # of the worst case
RIGHT, WORST = "digits right, %", f"at its worst, epsilon {STRENGTHS[0]:g}, %"
NOISY, DENOISED, HARMED = "noisy, dB", "denoised, dB", "made worse, %"
COLUMNS = {name: st.column_config.NumberColumn(format="%.2f") for name in (RIGHT, WORST, NOISY, DENOISED, HARMED)}


def every(names: Sequence[str]) -> list[dict[str, Any]]:
    """Write what networks were made for and what they score, a row each."""
    return [_row(checkpoints.read(name)) for name in names]


def _row(card: Card) -> dict[str, Any]:
    found, clean, worst = denoising.STORE.get(card.name), accuracy.clean(card.name), accuracy.STORE.get(f"{card.name}.worstcase")  # fmt: skip
    own = found.own if found else None
    return {
        "network": card.name,
        "what": card.title,
        RIGHT: clean[0] if clean and not found else None,
        WORST: worst.at([STRENGTHS[0]])[0] if worst else None,
        NOISY: own["noisy"]["mean"] if own else None,
        DENOISED: own["denoised"]["mean"] if own else None,
        HARMED: own["worse"] if own else None,
        "epochs": card.recipe.get("epochs"),
        "seed": card.seed,
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
