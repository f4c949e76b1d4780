"""Which networks are here? Every network with its recipe, training curve, scores, hash, and a download."""

import json
from dataclasses import asdict

import streamlit as st

from app import adopted, cache
from app.controls import choices, data, pickers
from app.draw import charts, words
from app.inputs import Trained
from core import UserError, checkpoints
from core.checkpoints import Card
from core.experiments import accuracy, denoising, directions, unfamiliar, worst_curves
from core.training import recipes

STRENGTHS = (0.1, 0.2, 0.3)  # of the worst case

st.markdown(
    "Every network was trained here, by a recipe you can run again. **Which learned longest, which scores best?**"
)

names = pickers.classifiers() + pickers.denoisers("mnist") + pickers.denoisers()
adopted.damaged()
pickers.none_here(names)


def scores(card: Card) -> None:
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


name = choices.listed("Network", {n: f"{n}: {pickers.title(n)}" for n in names}, "network", "the network", key="card")
adopted.removal(name)
try:
    weights = checkpoints.path(name, ".safetensors").read_bytes()
    card = (network := Trained.named(name)).card
    (cache.classifier if name in pickers.classifiers() else cache.denoiser)(network)
except OSError:
    raise UserError(f"The weights of {name} are missing: train it with `python -m core train {name}`.") from None
left, right = st.columns([1, 1.4])
with left:
    st.header("Recipe")
    told = {k: v for k, v in card.recipe.items() if k not in ("name", "title") and v not in ("", None)}
    st.markdown("\n".join(f"- {name.replace('_', ' ')}: `{value}`" for name, value in told.items()))
    st.caption(f"Weights {len(weights) / 1e6:.1f} MB, SHA-256 `{card.sha256[:16]}…`, code at commit `{card.commit}`.")
    record, icon = json.dumps(asdict(card), indent=2), ":material/download:"
    columns = st.columns(2)
    columns[0].download_button("Weights", weights, f"{name}.safetensors", icon=icon, width="stretch")
    columns[1].download_button("Card", record, f"{name}.json", "application/json", icon=icon, width="stretch")
with right:
    st.header("Scores")
    scores(card)
    st.header("Training")
    if card.history:
        charts.show(charts.history(card.history), "history")
        annealed = (
            " The loss grows here because its exponent falls." if "AnnealedL0" in str(card.recipe.get("loss")) else ""
        )
        st.caption(
            f"Mean loss of an epoch and, of a denoiser, PSNR on {recipes.VALIDATION:,} images set aside.{annealed}"
        )
        if card.told_by:
            st.caption(
                f"The curve is that of a second training by the same recipe, on another processor, whose weights (SHA-256 `{card.told_by[:16]}…`) differ by rounding."
            )
    else:
        st.caption("Its training curve was not recorded.")
data.source(cache.dataset("mnist" if card.dataset == "mnist" else "cifar10", "test"))
