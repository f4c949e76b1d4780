"""Does it transfer? Decibels that an attack on one denoiser costs all the others, beside chance as strong."""

import streamlit as st

from app import cache
from app.controls import data
from app.draw import charts
from core.experiments import transfer
from core.study.reported import DENOISERS

st.title("Does it transfer?")
st.markdown(
    "An attack is made for one denoiser and shown to all. **Read along a row: who else is hurt by it? Read down a column: who is hurt by everybody?**"
)
rows = {name: row for name, row in transfer.STORE.current().items() if name in DENOISERS}
if not rows:
    st.info("Nothing is measured yet: `python -m core measure transfer`.", icon=":material/info:")
    data.source(cache.dataset("cifar10", "test"))
    st.stop()
names = [name for name in DENOISERS if name in rows]
columns = [*(n for n in DENOISERS if all(n in r.lost for r in rows.values())), *transfer.CLASSICS]
table = [[rows[name].lost[column] for column in columns] for name in names]
charts.show(charts.matrix(table, columns, names, "evaluated", "attacked", "dB lost"), "transfer")
one = rows[names[0]]
widest = max(max(row.interval.values()) for row in rows.values())
st.caption(
    f"PSNR after white noise less PSNR after the attack, both of exactly the same L2 in each image: what the aim costs beyond its strength. Red: the attack "
    f"hurts more than chance; blue: less. {one.attack}, n = {one.n} images a row, blind levels, seed {one.seed}, {one.data}; 95 % intervals are no wider than "
    f"±{widest:.2f} dB. Mean L2 of the attacks: {', '.join(f'{name} {rows[name].l2:.1f}' for name in names)}."
)
own = {name: rows[name].lost[name] for name in names if name in rows[name].lost}
others = {
    name: sum(rows[name].lost[c] for c in names if c != name) / (len(names) - 1) for name in names if len(names) > 1
}
if others:
    far = max(others, key=lambda name: others[name])
    classical = {c: sum(rows[name].lost[c] for name in names) / len(names) for c in transfer.CLASSICS}
    st.info(
        f"Attacked itself, a network loses {min(own.values()):.1f} to {max(own.values()):.1f} dB beyond chance. The attack that travels best is made for **{far}**: the other "
        f"networks lose {others[far]:.1f} dB on average. Methods that learned nothing: "
        + ", ".join(f"{c} {lost:+.1f} dB" for c, lost in classical.items())
        + ".",
        icon=":material/swap_horiz:",
    )
data.source(cache.dataset("cifar10", "test"))
