"""What has it learned? The filters of both layers (Figure 6), and the test images that excite each most."""

import streamlit as st

from app import cache, progress
from app.controls import data, pickers
from app.draw import filters

SHOWN = 8  # images beside a filter

st.markdown(
    "Each filter is a small pattern the network looks for. **Find what the pictures beside a filter have in common.**"
)

left, _ = st.columns([1, 2])
with left:
    network = pickers.classifier(architecture="DigitCNN")
model = cache.cnn(network)
test = cache.dataset("mnist", "test")

fields = {stage.name: stage for stage in model.STAGES}
for layer, weights in (("conv1", model.conv1.weight), ("conv2", model.conv2.weight)):
    limit = float(weights.abs().max())
    inputs = weights.shape[1]
    st.header(f"Layer {layer[-1]}")
    for k, (patterns, peaks) in enumerate(zip(weights, progress.excited(network, layer, SHOWN), strict=True)):
        left, right = st.columns([1, 3.4], vertical_alignment="center")
        left.image(
            filters.patterns(patterns, limit), output_format="PNG", alt=f"Layer {layer[-1]}, filter {k + 1}",
            caption=f"Filter {k + 1}" + (f", one pattern for each of the {inputs} maps of layer 1" if inputs > 1 else ""),
        )  # fmt: skip
        right.image(
            filters.excited(test, peaks, fields[layer]), output_format="PNG", alt=f"Test images that excite filter {k + 1} most",
            caption=filters.numbers(peaks, network.name),
        )  # fmt: skip
    st.caption(
        f"Red weights add, blue ones subtract, full colour at ±{limit:.2f}: one scale for the layer. The orange frame is the part of the image the filter answers to, {fields[layer].field} x {fields[layer].field} pixels."
    )

st.caption(
    f"Network: {network.name}, seed {network.card.seed}. An image is placed by the strongest answer of the filter anywhere in it, before pooling; the {SHOWN} strongest of n = {len(test):,}."
)
data.source(test)
