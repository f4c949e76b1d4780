"""What has it learned? The filters of both layers (Figure 6), and the test images that excite each most."""

import streamlit as st

from app import cache, controls, show
from core.models import DigitCNN

st.title("What has it learned?")
st.markdown("Each filter is a small pattern the network looks for. **Find what the pictures under a filter have in common.**")

name = controls.network(architecture="DigitCNN")
model, card = cache.network(name)
assert isinstance(model, DigitCNN)
test = cache.dataset("mnist", "test")
exciters = cache.exciters(name, card.sha256, 6)
controls.publish(network=name)

for layer, convolution, field, stride in (("conv1", model.conv1, 5, 1), ("conv2", model.conv2, 14, 2)):
    weights = convolution.weight
    limit = float(weights.abs().max())
    st.subheader(f"Layer {layer[-1]}: {len(weights)} filters, {'x'.join(map(str, weights.shape[1:]))} weights each")
    st.caption(f"Red weights add, blue ones subtract; full colour at ±{limit:.2f}, one scale for the layer. Below: the {len(exciters[layer][0])} test images that excite the filter most, the framed part is what it sees.")
    for column, (k, filters) in zip(st.columns(len(weights)), enumerate(weights), strict=True):
        with column, st.container(border=True):
            st.markdown(f"**Filter {k + 1}**")
            st.image(show.row([show.diverging(f, limit) for f in filters], 14), output_format="PNG", width="stretch", alt=f"Layer {layer[-1]}, filter {k + 1}")
            found = exciters[layer][k]
            pictures = [show.framed(test.images([i])[0], row * stride, place * stride, field) for i, row, place, _ in found]
            st.image(show.grid(pictures, 3), output_format="PNG", width="stretch", alt=f"Test images that excite filter {k + 1} most")
            st.caption(f"no. {', '.join(str(i) for i, *_ in found)}: answers {found[0][3]:.2f} to {found[-1][3]:.2f}")

st.caption(f"Network: {name}, seed {card.seed}. The strongest answer of a filter anywhere in an image counts, before pooling; n = {len(test):,}.")
controls.source(test)
