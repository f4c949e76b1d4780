"""The study, re-measured: what it reports, what is measured here, and why they differ."""

from collections import Counter
from pathlib import Path
from typing import Literal

import streamlit as st

from app import cache
from app.controls import choices, data
from core.study import findings
from core.study.background import VERDICTS

HERE = Path(__file__).parent
COLOURS: dict[str, Literal["green", "orange", "gray"]] = {
    "holds": "green",
    "differs": "orange",
    "beside": "gray",
    "missing": "gray",
}

st.markdown(
    "Noisescope implements Plummer and Hauser, *Learning-based denoising with adversarial noise* (2022). **Which of its claims hold, which do not, and why?** "
    "Left: what the study prints. Right: what is computed here, from the result files of this copy or from its code."
)
part = choices.pressed("Part of the study", (*findings.PARTS, findings.ALL), "part", "the part of the study")
cards = findings.findings(part)
counts = Counter(finding.verdict for finding in cards)
verdicts = {
    "": "all",
    **{verdict: f"{words} ({counts[verdict]})" for verdict, words in VERDICTS.items() if counts[verdict]},
}
verdict = choices.pressed("Verdict", verdicts, "verdict", "the verdict")
for finding in cards:
    if verdict not in ("", finding.verdict):
        continue
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{finding.figure}**")
            st.badge(VERDICTS[finding.verdict], color=COLOURS[finding.verdict])
            st.page_link(
                HERE / f"{finding.page}.py",
                label="Explore",
                icon=":material/arrow_forward:",
                query_params=finding.query or None,
            )
        if finding.table:
            st.dataframe(list(finding.table), hide_index=True, width="stretch")
            st.caption(
                "Test digits read right, in percent, at each strength. The first row is typed in from the study."
            )
        else:
            left, right = st.columns(2)
            left.markdown(f":gray[:small[The study says]]\n\n{finding.says}")
            here = finding.here.replace("; ", "  \n")
            right.markdown(f":gray[:small[Here]]\n\n{here}")
        if finding.why:
            st.markdown(f"*{finding.why}*")
data.source(cache.dataset("mnist", "test"))
