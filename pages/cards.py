"""Which networks are here? Every network with its recipe, training curve, scores, hash, and a download."""

import json
from dataclasses import asdict

import streamlit as st

from app import adopted, cache
from app.controls import choices, data, pickers
from app.draw import charts, scores
from app.inputs import Trained
from core import UserError, checkpoints
from core.training import recipes

st.markdown(
    "Every network was trained here, by a recipe you can run again. **Which learned longest, which scores best?**"
)

names = pickers.classifiers() + pickers.denoisers("mnist") + pickers.denoisers()
adopted.damaged()
pickers.none_here(names)


scores.tables([checkpoints.read(name) for name in names])
name = choices.listed("Network", {n: f"{n}: {pickers.title(n)}" for n in names}, "network", "the network", key="card")
adopted.removal(name)
if name not in recipes.RECIPES and checkpoints.there(name):
    adopted.measured(name)
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
    scores.show(card)
    st.header("Training")
    if card.history:
        charts.show(charts.history(card.history, scores.during(card)), "history")
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
