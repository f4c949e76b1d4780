"""What has it learned? The filters of both layers (Figure 6), and the test images that excite each most."""

import streamlit as st

from app import address, cache
from app.controls import data, pickers
from app.draw import pictures
from core.models import DigitCNN

st.title("What has it learned?")
st.markdown(
    "Each filter is a small pattern the network looks for. **Find what the pictures beside a filter have in common.**"
)

left, _ = st.columns([1, 2])
with left:
    name = pickers.network(architecture="DigitCNN")
model, card = cache.network(name)
assert isinstance(model, DigitCNN)
test = cache.dataset("mnist", "test")
top_activations = cache.top_activations(name, card.sha256, 8)
address.publish(network=name)

fields = {stage.name: stage for stage in model.STAGES}
for layer, weights in (("conv1", model.conv1.weight), ("conv2", model.conv2.weight)):
    limit = float(weights.abs().max())
    inputs = weights.shape[1]
    st.subheader(f"Layer {layer[-1]}")
    for k, filters in enumerate(weights):
        left, right = st.columns([1, 3.4], vertical_alignment="center")
        found = top_activations[layer][k]
        left.image(
            pictures.row([pictures.diverging(f, limit) for f in filters], 14), output_format="PNG", alt=f"Layer {layer[-1]}, filter {k + 1}",
            caption=f"Filter {k + 1}" + (f", one pattern for each of the {inputs} maps of layer 1" if inputs > 1 else ""),
        )  # fmt: skip
        stage = fields[layer]
        excited = [
            pictures.framed(test.images([i])[0], row * stage.stride, column * stage.stride, stage.field)
            for i, row, column, _ in found
        ]
        right.image(
            pictures.grid(excited, len(excited)), output_format="PNG", alt=f"Test images that excite filter {k + 1} most",
            caption=f"no. {', '.join(str(i) for i, *_ in found)}: it answers {found[0][3]:.2f} to {found[-1][3]:.2f}",
        )  # fmt: skip
    st.caption(
        f"Red weights add, blue ones subtract, full colour at ±{limit:.2f}: one scale for the layer. The orange frame is the part of the image the filter answers to, {fields[layer].field} x {fields[layer].field} pixels."
    )

st.caption(
    f"Network: {name}, seed {card.seed}. An image is placed by the strongest answer of the filter anywhere in it, before pooling; the {len(top_activations['conv1'][0])} strongest of n = {len(test):,}."
)
data.source(test)
