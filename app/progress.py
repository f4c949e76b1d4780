"""Work that a visitor waits for."""

from collections.abc import Iterator
from functools import partial
from typing import TypeVar

import streamlit as st

from app import cache
from app.inputs import Digit, Trained
from core.experiments import defence
from core.experiments.defence import Sent

R = TypeVar("R")


def watched(steps: Iterator[float | R], doing: str) -> R:
    """Show the shares that are done as they come, and return the result, which comes last."""
    with st.empty():
        for step in steps:
            if isinstance(step, float):
                st.progress(step, f"{doing}, {100 * step:.0f} %")
            else:
                result = step
        st.write("")
    return result


def threatened(trained: Trained, shield: Trained, digit: Digit, epsilon: float) -> dict[str, Sent]:
    """Try every threat on a digit before a denoiser; what came of them is kept."""
    model, its, x = cache.classifier(trained), cache.denoiser(shield), digit.image()
    work = partial(defence.tried, model, its, x, digit.labels(model), epsilon)
    return watched(cache.kept("threatened", (trained, shield, digit, epsilon), work, most=50), "Attacking")
