"""Work that a visitor waits for."""

from collections.abc import Iterator
from typing import TypeVar

import streamlit as st

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
