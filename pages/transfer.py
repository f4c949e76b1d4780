"""Does it transfer? Decibels that an attack on one denoiser costs all the others, beside chance as strong."""

import streamlit as st

from app import cache
from app.controls import data
from app.draw import charts, rates
from core.experiments import results, transfer

st.markdown(
    "An attack is made for one denoiser and shown to all. **Read along a row: who else is hurt by it? Read down a column: who is hurt by everybody?**"
)
rows = {name: row for name, row in transfer.STORE.current().items() if name in transfer.attackable()}
if not rows:
    st.info("Nothing is measured yet: `python -m core measure transfer`.", icon=":material/info:")
    data.source(cache.dataset("cifar10", "test"))
    st.stop()
rows = {name: rows[name] for name in transfer.attackable() if name in rows}
columns = [*(n for n in transfer.attackable() if all(n in r.evaluated for r in rows.values())), *transfer.CLASSICS]
table = [[row.lost[column] for column in columns] for row in rows.values()]
charts.show(charts.matrix(table, columns, list(rows), "evaluated", "attacked", "dB lost"), "transfer")
one = next(iter(rows.values()))
widest = max(max(row.interval.values()) for row in rows.values())
st.caption(
    f"PSNR after white noise less PSNR after the attack, both of exactly the same L2 in each image: what the aim costs beyond its strength. Red: the attack "
    f"hurts more than chance; blue: less. {one.attack}, n = {results.counted(rows.values())} images a row, blind levels, seed {one.seed}, {one.data}; 95 % intervals are no wider than "
    f"±{widest:.2f} dB. Mean L2 of the attacks, which differs: {', '.join(f'{name} {row.l2:.1f}' for name, row in rows.items())}."
)
st.header("Is it the start they share?")
st.info(transfer.verdict(rows), icon=":material/swap_horiz:")
st.dataframe(rates.kinship(rows), hide_index=True, width="stretch")
st.caption(
    "The same losses, as means over networks with their 95 % intervals. Same start: networks that go back to the same drawn weights as the one attacked, though they learned "
    "another noise. Another draw: their first weights were drawn anew. The last column compares two that learned the same noise: they differ in the draw, and the stranger was taught with clean targets."
)
data.source(cache.dataset("cifar10", "test"))
