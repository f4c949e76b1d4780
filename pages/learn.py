"""How can it learn from noise alone? Training pairs, photons, losses and their statistics, clipping (Figures 15, 17, 20 to 22, 25)."""

import streamlit as st

from app import address, cache, learning
from app.controls import choices, data, images

VIEWS = {  # and the lesson that a picture is for
    "pair": ("A training pair", learning.pair),
    "statistic": ("Loss and statistic", None),
    "losses": ("Three losses", learning.three_losses),
    "clean": ("Noisy or clean targets", learning.clean_targets),
    "photons": ("Photons", learning.photons),
    "clipping": ("Clipping", learning.clipping),
}

st.markdown(
    "Noise2Noise needs no clean target: it learns to turn one noisy picture into another. **Why does that work?**"
)
address.restore("view", "pair", address.one_of(VIEWS, "the view"), key="learn-view")
view = choices.buttons(st, "Look at", {name: title for name, (title, _) in VIEWS.items()}, key="learn-view")
lesson = VIEWS[view][1]
if lesson:
    with st.columns([2.6, 1.4])[0]:
        chosen = images.photo()
    if chosen:
        lesson(chosen)
    pair = st.session_state.get("pair") if view == "pair" else None
    address.publish(view=view, **images.picked(images.PHOTOS, chosen), pair=pair)
else:
    learning.one_pixel()
    address.publish(view=view)
data.source(cache.dataset("cifar10", "test"))
