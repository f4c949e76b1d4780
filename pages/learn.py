"""How can it learn from noise alone? Training pairs, photons, losses and their statistics, clipping (Figures 15, 17, 20 to 22, 25)."""

import streamlit as st

from app import cache, learning
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
titles = {name: title for name, (title, _) in VIEWS.items()}
view = choices.pressed("Look at", titles, "view", "the view", key="learn-view")
lesson = VIEWS[view][1]
if lesson:
    with st.columns([2.6, 1.4])[0]:
        chosen = images.photo()
    if chosen:
        lesson(chosen)
else:
    learning.one_pixel()
data.source(cache.dataset("cifar10", "test"))
