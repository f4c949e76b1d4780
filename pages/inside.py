"""What happens inside? A network drawn from its code (Figures 5 and 16), and what each block makes of one picture."""

import streamlit as st
import torch

from app import address, cache
from app.controls import choices, data, examples, images, parameters, pickers
from app.draw import charts, network, pictures
from app.progress import attacked
from core import noise, params
from core.attacks import DAG
from core.measures import energy, inside, metrics
from core.measures.inside import Staged
from core.noise import Gaussian
from core.types import Images

VIEWS = {"pictures": "that takes noise away", "digits": "that reads digits"}
SHOW = {"maps": "what it makes of them", "changes": "what is more or less than on the clean one"}


def clicked() -> None:
    """Show the block that was clicked."""
    points = st.session_state["drawn"].get("selection", {}).get("points", [])
    if points and "customdata" in points[0]:
        address.choose("block", str(points[0]["customdata"][0]))


def look(model: Staged, shown: dict[str, Images]) -> tuple[str, str]:
    """Draw a network, and what one block makes of some pictures, the clean one first; return the block and how it is shown."""
    clean = next(iter(shown.values()))
    blocks, found = inside.blocks(model, clean), inside.maps(model, torch.cat([*shown.values()]))
    titles = {name: f"{b.stage.layer}, {b.stage.title}" for name, b in blocks.items()}
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        chosen = choices.listed("Block", titles, "block", "the block")
    with right:
        how = choices.pressed("Show", SHOW, "show", "what is shown")
    st.plotly_chart(network.drawn(blocks, chosen), key="drawn", theme="streamlit", on_select=clicked, selection_mode="points")  # fmt: skip
    block = blocks[chosen]
    beside = f" and “{block.stage.beside}”" if block.stage.beside else ""
    st.caption(f"Click a block. Its maps are written below it: how many, and of how many pixels. Chosen: {titles[chosen]}: {block.stage.operation} of “{block.stage.source}”{beside}.")  # fmt: skip
    sheets, low, high = network.sheets(found[chosen], how == "changes")
    moved = inside.moved(found)
    for k, ((name, picture), sheet, column) in enumerate(zip(shown.items(), sheets, st.columns(len(shown)), strict=True)):  # fmt: skip
        paint = pictures.colour(picture[0]) if picture.shape[1] == 3 else pictures.grey(picture[0, 0])
        off = f": L2 {float(metrics.l2(picture, clean)):.2f}, moves the block by {100 * moved[chosen][k]:.0f} %" if k else ""  # fmt: skip
        with column:
            st.image(pictures.enlarged(paint, 4), output_format="PNG", alt=name)
            st.image(sheet, output_format="PNG", width="stretch", alt=f"What {titles[chosen]} makes of the {name} picture")  # fmt: skip
            st.caption(f"**{name}**{off}")
    scale = f"Blue is less, red is more, full colour at ±{high:.2f}" if how == "changes" else f"Black is {low:.2f}, white {high:.2f}"  # fmt: skip
    st.caption(f"{scale}: one scale for all {len(shown)} pictures. Look for maps that keep the picture, and for maps that hold the noise.")  # fmt: skip
    st.subheader("How far is each block moved?")
    charts.show(network.away(moved, list(shown), blocks, chosen), "away")
    st.caption("How far what a block computes is from what it computes of the clean picture, as a share of the latter's length (L2), on this one picture. Where do the lines part?")  # fmt: skip
    return chosen, how


def denoiser() -> None:
    """Look into a denoiser: a picture clean, noisy, attacked, and under white noise as strong as the attack."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        chosen = pickers.denoiser()
    with right:
        photo = images.numbered(images.PHOTOS, "photo", images.SHIP, "Test picture")
    found = attacked(chosen, photo, DAG(), 0, photo)
    shown = {
        "clean": found.batch.clean, "noisy": found.batch.noisy, "attacked": found.attacked[-1:],
        "white noise, as strong as the attack": found.white[-1:],
    }  # fmt: skip
    block, how = look(cache.unet(chosen), shown)
    st.caption(f"{chosen.name}; noise {chosen.noise.nominal!r}, seed 0; attack {DAG()!r}.")
    address.publish(of=None, denoiser=chosen.name, photo=photo.index, block=block, show=how)
    data.source(cache.dataset("cifar10", "test"))


def digits() -> None:
    """Look into a network that reads digits: a digit clean, with what is added, and under white noise as strong."""
    chosen, digit, thing, seed = pickers.experiment()
    thing = parameters.strength(thing)
    said = dict(network=chosen.name, **images.picked(images.DIGITS, digit), **parameters.chosen(thing, seed, params.level(thing)))  # fmt: skip
    if digit:
        found = cache.tried(chosen, digit, thing, seed)
        white = noise.noisy_batch(found.clean, Gaussian(25.0), seed).white
        chance = energy.match_l2(found.clean, white, metrics.l2(found.corrupted, found.clean))
        shown = {"clean": found.clean, type(thing).__name__: found.corrupted, "white noise, as strong": chance}
        block, how = look(cache.classifier(chosen), shown)
        said |= dict(block=block, show=how)
        st.caption(f"{chosen.name}; {thing!r}, seed {seed}.")
    address.publish(of=view, **said)
    examples.digits()
    data.source(cache.dataset("mnist", "test"))


st.title("What happens inside?")
st.markdown("A network is a chain of blocks, each of which makes maps of what the last one gave. **Which block still holds the noise, and which is the first that an attack turns?**")  # fmt: skip
view = choices.pressed("A network", VIEWS, "of", "the kind of network")
denoiser() if view == "pictures" else digits()
