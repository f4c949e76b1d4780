"""Which training images look like this? The nearest by second-layer feature map, before and after (Figures 9, 10, 13, 14)."""

from functools import partial

import streamlit as st

from app import cache, parts, progress, snippets
from app.browser import strip
from app.controls import choices, data, examples, parameters, pickers
from app.draw import pictures
from app.inputs import Digit
from app.reminded import Reminded
from core import params
from core.experiments.trial import Corruption
from core.measures import feature_neighbours

AMONG = {"class": "same answer", "all": "all digits"}

st.markdown(
    "The network knows only its training images. **Which of them does the digit resemble inside the network, before and after?**"
)

network, digit, thing, seed = pickers.experiment(architecture="DigitCNN")
left, right, _ = st.columns([1, 1, 2], vertical_alignment="bottom")
with left:
    hint = "SSIM is the study's: structure in small windows. Cosine: direction only. L2: plain distance."
    metric = choices.pressed("Alike by", feature_neighbours.METRICS, "metric", "the measure", "SSIM", help=hint)
with right:
    within = choices.pressed("Among", AMONG, "among", "the choice")


def slid(digit: Digit) -> None:
    """Slide the strength: the digit, and what the network is reminded of; then the maps where the slider rests."""
    shown = Reminded(network, digit, thing, seed, metric, within == "class")
    asked = parameters.level(thing, shown.levels)
    asked = parameters.nearest(shown.levels, params.level(thing)) if asked is None else asked
    first, anew = parameters.first("similar", shown, asked)
    at = strip(shown.at(first), "similar", first, anew, shown.whole)
    at = first if at is None else at
    parameters.reached(thing, shown.levels[at])
    st.caption(
        "Where does the answer flip, and when do its relatives? They are taken from the class that the network says, or from all digits."
    )
    inside(digit, params.at(thing, shown.levels[at]))
    snippets.show()


def inside(digit: Digit, there: Corruption) -> None:
    """Show the second-layer maps that are compared, of the digit and of what is most like it, clean and corrupted."""
    train = cache.dataset("mnist", "train")
    trial, maps = cache.digit_trial(network, digit, there, seed)
    found = progress.neighbours(network, digit, there, seed, metric, within == "class", 1)
    limits = float(maps.min()), float(maps.max())
    pair = train.images([found.clean[0][0], found.corrupted[0][0]])
    relatives = feature_neighbours.maps(cache.cnn(network), pair)
    rows = (
        ("Training digit most like the clean one", pair[0], relatives[0]),
        ("The clean digit", trial.clean[0], maps[0]),
        ("The corrupted digit", trial.corrupted[0], maps[1]),
        ("Training digit most like the corrupted one", pair[1], relatives[1]),
    )
    st.header("What is compared")
    for title, image, its_maps in rows:
        text, picture = st.columns([1, 2.8], vertical_alignment="center")
        text.markdown(f"**{title}**")
        large = [pictures.enlarged(pictures.grey(m, *limits), 14) for m in its_maps]
        sheet = pictures.grid([pictures.enlarged(pictures.grey(image[0]), 4), *large], 6, gap=8)
        alt = f"{title}: the image and its five second-layer feature maps"
        picture.image(sheet, output_format="PNG", width=650, alt=alt)
    st.caption(
        f"{there!r}. Left: the image. Then the five second-layer feature maps before pooling, all in one scale of greys. Look at the two middle rows: how little changes where the answer flips? "
        f"Network: {network.name}. Compared with {len(train):,} training images; L2 counts as minus the distance, so more is more alike. Noise seed {seed}."
    )


if digit:
    parts.part(partial(slid, digit), "Which training images look like this?")
examples.digits()
data.source(cache.dataset("mnist", "test"))
