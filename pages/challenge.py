"""Who fools it with the least? A digit to paint over; the server checks what is sent in, and keeps a board."""

from functools import partial

import streamlit as st

from app import cache, daring, parts, player
from app.controls import data, images, pickers

FIRST = 20  # the study's 9

st.markdown(
    "Paint pixels black or white until the network reads something else, and send it in. **Who needs the fewest pixels, who the least L2?**"
)
left, right = st.columns(2)
with left:
    network = pickers.classifier()
with right:
    digit = images.numbered(images.DIGITS, "image", FIRST, "Test image")
of_class = player.dared(network, digit)
board = of_class or cache.board(network, digit)
if not of_class:
    daring.easel(board)
st.subheader("The board")
parts.part(partial(daring.standing, board), "Who fools it with the least?", daring.EVERY)
if of_class:  # which paints elsewhere, and looks at the board here
    daring.easel(board)
data.source(cache.dataset("mnist", "test"))
