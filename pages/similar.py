"""Which training images look like this? The nearest by second-layer feature map, before and after (Figures 9, 10, 13, 14)."""

import streamlit as st
import torch

from app import cache, progress
from app.controls import choices, data, examples, parameters, pickers
from app.draw import pictures
from core.measures import feature_neighbours

AMONG = {"class": "same answer", "all": "all digits"}

st.markdown(
    "The network knows only its training images. **Which of them does the digit resemble inside the network, before and after?**"
)

network, digit, thing, seed = pickers.experiment(architecture="DigitCNN")
left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
with left:
    thing = parameters.strength(thing)
with middle:
    hint = "SSIM is the study's: structure in small windows. Cosine: direction only. L2: plain distance."
    metric = choices.pressed("Alike by", feature_neighbours.METRICS, "metric", "the measure", "SSIM", help=hint)
with right:
    within = choices.pressed("Among", AMONG, "among", "the choice")

if digit:
    train = cache.dataset("mnist", "train")
    trial, maps = cache.digit_trial(network, digit, thing, seed)
    found = progress.neighbours(network, digit, thing, seed, metric, within == "class", 8)
    limits = float(maps.min()), float(maps.max())
    pair = train.images([found.clean[0][0], found.corrupted[0][0]])
    relatives = feature_neighbours.maps(cache.cnn(network), pair)
    sure = torch.stack([trial.before[0], trial.after[0]]).softmax(1)
    says = [f"{int(p.argmax())}, {100 * float(p.max()):.0f} % sure" for p in sure]
    likest = [
        f"no. {i[0]:,}, a {int(train.labels[i[0]])}, {metric} {s[0]:.3f}" for i, s in (found.clean, found.corrupted)
    ]
    rows = (
        ("Training digit most like the clean one", likest[0], pair[0], relatives[0]),
        ("The clean digit", f"the network says {says[0]}", trial.clean[0], maps[0]),
        ("The corrupted digit", f"the network says {says[1]}", trial.corrupted[0], maps[1]),
        ("Training digit most like the corrupted one", likest[1], pair[1], relatives[1]),
    )
    for title, detail, image, its_maps in rows:
        text, picture = st.columns([1, 2.8], vertical_alignment="center")
        text.markdown(f"**{title}**  \n{detail}")
        large = [pictures.enlarged(pictures.grey(m, *limits), 14) for m in its_maps]
        sheet = pictures.grid([pictures.enlarged(pictures.grey(image[0]), 4), *large], 6, gap=8)
        alt = f"{title}: the image and its five second-layer feature maps"
        picture.image(sheet, output_format="PNG", width=650, alt=alt)
    st.caption(
        "Left: the image. Then the five second-layer feature maps before pooling, all in one scale of greys. Look at the two middle rows: how little changes where the answer flips?"
    )
    for title, (indices, scores) in ((rows[0][0], found.clean), (rows[3][0], found.corrupted)):
        with st.expander(f"{title}: the next seven"):
            tiles = [pictures.enlarged(pictures.grey(i[0]), 3) for i in train.images(indices)]
            st.image(pictures.grid(tiles, 8), output_format="PNG", alt=title)
            st.caption(", ".join(f"no. {i:,} ({s:.3f})" for i, s in zip(indices, scores, strict=True)))
    st.caption(
        f"Network: {network.name}. Compared with {len(train):,} training images; L2 counts as minus the distance, so more is more alike. Noise seed {seed}."
    )
examples.digits()
data.source(cache.dataset("mnist", "test"))
