"""Which pixels turned an answer (Figure 11): their blame, and what the network says when the worst are set back."""

import streamlit as st
import torch

from app.controls import choices
from app.draw import pictures
from core.experiments.trial import Trial
from core.measures import blame
from core.networks.digits import Classifier
from core.params import Span


def turned(model: Classifier, found: Trial) -> None:
    """Show what every changed pixel added to the wrong answer, and set them back one after the other, the worst first."""
    st.header("Which pixels turned it?")
    x, z = found.clean, found.corrupted
    before, after = (int(logits.argmax()) for logits in (found.before, found.after))
    if before == after:
        st.caption(f"None: it is still read as {after}. Change more.")
        return
    blamed = blame.blame(model, x, z, before, after)
    order = blame.worst_first(blamed)
    few = blame.needed(model, x, z, order, before)
    label, key = "Pixels set back, the most to blame first", f"back-{before}-{after}-{few}-{len(order)}"
    count = choices.dialled(label, Span(0, len(order), 1), "back", few, key)
    restored = blame.set_back(x, z, order)[[count]]
    with torch.no_grad():
        says = model(restored).softmax(1)[0]
    limit = float(blamed.abs().max())
    shown = {
        f"read as {after}": pictures.grey(z[0, 0]),
        "blame: red pixels led astray, blue ones held against it": pictures.diverging(blamed[0, 0], limit),
        f"read as {int(says.argmax())} ({100 * float(says.max()):.0f} % sure)": pictures.grey(restored[0, 0]),
    }
    pictures.beside(shown)
    st.caption(
        f"{few} of the {int((x != z).sum())} changed pixels are enough to set back. Blame: what a pixel's change added to the logit of {after} beyond that of {before}, "
        f"by integrated gradients; all of it adds up to {float(blamed.sum()):+.2f}. Full colour at ±{limit:.2f}."
    )
