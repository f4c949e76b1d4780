"""What has it learned? The filters of both layers (Figure 6), and the test images that excite each most."""

import streamlit as st

from app import address, cache
from app.controls import data, pickers
from app.draw import pictures

SHOWN = 8  # images beside a filter

st.title("What has it learned?")
st.markdown(
    "Each filter is a small pattern the network looks for. **Find what the pictures beside a filter have in common.**"
)

left, _ = st.columns([1, 2])
with left:
    network = pickers.classifier(architecture="DigitCNN")
model = cache.cnn(network)
test = cache.dataset("mnist", "test")
address.publish(network=network.name)

fields = {stage.name: stage for stage in model.STAGES}
for layer, weights in (("conv1", model.conv1.weight), ("conv2", model.conv2.weight)):
    limit = float(weights.abs().max())
    inputs = weights.shape[1]
    st.subheader(f"Layer {layer[-1]}")
    for k, (filters, peaks) in enumerate(zip(weights, cache.excited(network, layer, SHOWN), strict=True)):
        left, right = st.columns([1, 3.4], vertical_alignment="center")
        left.image(
            pictures.row([pictures.diverging(f, limit) for f in filters], 14), output_format="PNG", alt=f"Layer {layer[-1]}, filter {k + 1}",
            caption=f"Filter {k + 1}" + (f", one pattern for each of the {inputs} maps of layer 1" if inputs > 1 else ""),
        )  # fmt: skip
        stage = fields[layer]
        excited = [
            pictures.framed(test.images([p.image])[0], p.row * stage.stride, p.column * stage.stride, stage.field)
            for p in peaks
        ]
        right.image(
            pictures.grid(excited, len(excited)), output_format="PNG", alt=f"Test images that excite filter {k + 1} most",
            caption=f"no. {', '.join(str(p.image) for p in peaks)}: it answers {peaks[0].value:.2f} to {peaks[-1].value:.2f}",
        )  # fmt: skip
    st.caption(
        f"Red weights add, blue ones subtract, full colour at ±{limit:.2f}: one scale for the layer. The orange frame is the part of the image the filter answers to, {fields[layer].field} x {fields[layer].field} pixels."
    )

st.caption(
    f"Network: {network.name}, seed {network.card.seed}. An image is placed by the strongest answer of the filter anywhere in it, before pooling; the {SHOWN} strongest of n = {len(test):,}."
)
data.source(test)
