"""The challenge on a screen: a digit to paint over, what the server says of an attempt, and the board."""

import streamlit as st

from app import browser, cache, received
from app.challenge import MEASURES, TOP, Board
from app.turns import visitor
from core import UserError

EVERY = 1.0  # seconds between two looks at a board


def easel(board: Board) -> None:
    """Let a visitor paint over the digit and send it in; say what the server found."""

    about = board.network, board.digit

    def taken(values: bytes) -> None:
        try:
            found = board.send(cache.classifier(board.network), visitor(), values)
            told = f"Checked: the network reads {found.answer}, {found.pixels} pixels, L2 {found.l2:.2f}."
        except UserError as refusal:
            told = str(refusal)
        st.session_state["checked"] = about, told

    browser.challenge(cache.weights(board.network), cache.challenge(board.network, board.digit), "challenge", taken)
    checked, told = st.session_state.get("checked", (None, ""))
    mine = board.names.get(visitor())
    if checked == about:
        st.info(received.plain(told + (f" You are {mine}." if mine else "")), icon=":material/fact_check:")


def standing(board: Board) -> None:
    """Show the board: the best by each measure, under names that were drawn."""
    for column, measure in zip(st.columns(len(MEASURES)), MEASURES, strict=True):
        with column:
            st.markdown(f"**{measure}**")
            rows = [
                {"": place, "who": name, "pixels": a.pixels, "L2": f"{a.l2:.2f}", "read as": a.answer}
                for place, (name, a) in enumerate(board.top(measure), 1)
            ]
            if rows:
                st.dataframe(rows, hide_index=True, width="stretch")
            else:
                st.caption("Nobody yet.")
    st.caption(
        f"The first {TOP}, of {len(board.names):,} who have fooled it. The server asks the network itself; names are drawn, and kept in memory only."
    )
