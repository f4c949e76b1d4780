"""How can it learn from noise alone? Training pairs, photons, losses and their statistics, clipping (Figures 15, 17, 20 to 22, 25)."""

import streamlit as st

from app import address, cache, lessons
from app.controls import data, images

VIEWS = {
    "pair": "A training pair",
    "statistic": "Loss and statistic",
    "losses": "Three losses",
    "clean": "Noisy or clean targets",
    "photons": "Photons",
    "clipping": "Clipping",
}
PICTURED = {
    "pair": lessons.pair,
    "losses": lessons.three_losses,
    "clean": lessons.clean_targets,
    "photons": lessons.photons,
    "clipping": lessons.clipping,
}

st.title("How can it learn from noise alone?")
st.markdown(
    "Noise2Noise trains without a clean picture: it learns to turn one noisy picture into another. **Why does that work?**"
)
address.restore("view", "pair", address.one_of(VIEWS, "the view"), key="learn-view")
view = st.segmented_control("Look at", list(VIEWS), key="learn-view", required=True, format_func=VIEWS.__getitem__)
if view in PICTURED:
    left, _ = st.columns([2.6, 1.4])
    with left:
        chosen = images.photo()
    if chosen:
        PICTURED[view](chosen)
    address.publish(view=view, **images.picked(images.PHOTOS, chosen))
else:
    lessons.one_pixel()
    address.publish(view=view)
data.source(cache.dataset("cifar10", "test"))
