"""What does that word mean? Every term on the pages, in one sentence."""

import streamlit as st

from app import address, cache
from app.controls import data
from app.glossary import terms

st.markdown(
    "On every page the words below are dotted where they first stand: **point at one, or tap it.** The line at the end of a page lists those it uses."
)
address.restore("find", "", str)
wanted = st.text_input("Find", key="find", placeholder="a word, or part of one", max_chars=40)
found = [t for t in terms() if wanted.casefold() in " ".join((*t.forms, t.says)).casefold()]
half = -(-len(found) // 2)
for column, part in zip(st.columns(2), (found[:half], found[half:]), strict=True):
    column.markdown("\n\n".join(f"**{t.name}**  \n{t.says}" for t in part))
if not found:
    st.info("None of the words here has that in it.", icon=":material/info:")
data.source(cache.dataset("mnist", "test"))
