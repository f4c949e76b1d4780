"""Does it transfer? Decibels that an attack on one denoiser costs all the others, beside chance as strong; and one such attack to look at."""

import streamlit as st

from app import address, cache, received
from app.controls import choices, data, images, parameters, pickers
from app.draw import charts, rates
from app.inputs import Trained
from app.transferred import cell
from core.experiments import attack_rates, results, transfer

st.markdown(
    "An attack is made for one denoiser and shown to all. **Read along a row: who else is hurt by it? Read down a column: who is hurt by everybody?**"
)
here = [name for name in transfer.attackable() if name in pickers.denoisers()]
rows = {name: row for name, row in transfer.STORE.current().items() if name in here}
rows = {name: rows[name] for name in here if name in rows}
columns = [*(n for n in here if all(n in r.evaluated for r in rows.values())), *transfer.CLASSICS]
pairs = {f"{on} {to}": (on, to) for on in rows for to in columns}


def clicked(chart: str) -> None:
    """Look at the attack whose cell was clicked."""
    if pair := pairs.get(received.named(chart) or ""):
        address.choose("denoiser", pair[0])
        address.choose("to", pair[1])


if rows:
    table = [[row.lost[column] for column in columns] for row in rows.values()]
    figure = charts.matrix(table, columns, list(rows), "evaluated", "attacked", "dB lost")
    charts.show(figure, "transfer", clicked)
    one = next(iter(rows.values()))
    widest = max(max(row.interval.values()) for row in rows.values())
    st.caption(
        f"PSNR after white noise less PSNR after the attack, both of exactly the same L2 in each image: what the aim costs beyond its strength. Red: the attack "
        f"hurts more than chance; blue: less. {one.attack}, n = {results.counted(rows.values())} images a row, blind levels, seed {one.seed}, {one.data}; 95 % intervals are no wider than "
        f"±{widest:.2f} dB. Mean L2 of the attacks, which differs: {', '.join(f'{name} {row.l2:.1f}' for name, row in rows.items())}. Click a cell to see one such attack below."
    )
    st.header("Is it the start they share?")
    st.info(transfer.verdict(rows), icon=":material/swap_horiz:")
    st.dataframe(rates.kinship(rows), hide_index=True, width="stretch")
    st.caption(
        "The same losses, as means over networks with their 95 % intervals. Same start: networks that go back to the same drawn weights as the one attacked, though they learned "
        "another noise. Another draw: their first weights were drawn anew. The last column compares two that learned the same noise: they differ in the draw, and the stranger was taught with clean targets."
    )
else:
    st.info("Nothing is measured yet: `python -m core measure transfer`.", icon=":material/info:")

st.header("One attack, shown to another")
left, middle, right, more = st.columns([1.3, 1.3, 1.3, 0.7], vertical_alignment="bottom")
if here:
    with left:
        on = choices.listed("Made for", here, "network", "the network", key="denoiser")
    with middle:
        to = choices.listed("Shown to", (*here, *transfer.CLASSICS), "to", "the network", here[-1])
    with right:
        photo = images.numbered(images.PHOTOS, "image", images.SHIP, "Test picture")
    with more, st.popover("More", icon=":material/tune:", width="stretch"):
        seed = parameters.seeded()
    made_for = Trained.named(on)
    cell(made_for, to, photo, seed)
    mean = f" Over n = {rows[on].n} images, at blind levels, {rows[on].lost[to]:+.2f} ± {rows[on].interval[to]:.2f} dB." if on in rows and to in rows[on].lost else ""  # fmt: skip
    st.caption(
        f"{attack_rates.ATTACK!r}; noise {made_for.noise.nominal!r}, seed {seed}. Does the picture that {to} makes break where {on}'s does?{mean} "
        f"[Attack {on} in other ways]({address.to('fooled', network=on, image=photo.index)})."
    )
data.source(cache.dataset("cifar10", "test"))
