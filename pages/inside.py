"""What happens inside? A network drawn from its code (Figures 5 and 16), and what each block makes of one picture."""

import streamlit as st
import torch

from app import address, cache, received
from app.attacking import attacked
from app.controls import choices, data, examples, parameters, pickers
from app.draw import blame, charts, network, words
from core import noise
from core.attacks import DAG, Attack
from core.measures import energy, inside, metrics
from core.measures.inside import Staged
from core.noise import Gaussian
from core.types import Images

VIEWS = {"pictures": "that takes noise away", "digits": "that reads digits"}
SHOW = {"maps": "what it makes of them", "changes": "how they differ from the clean one"}


def clicked(chart: str) -> None:
    """Show the block that was clicked."""
    if name := received.named(chart):
        address.choose("block", name)


def look(model: Staged, clean: Images, others: dict[str, tuple[Images, str]]) -> None:
    """Draw a network, and what one block makes of a picture, clean and changed, each in a colour."""
    shown = {"clean": clean, **{name: picture for name, (picture, _) in others.items()}}
    found = inside.maps(model, torch.cat([*shown.values()]))
    blocks = inside.blocks(model, found)
    titles = {name: b.name for name, b in blocks.items()}
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        chosen = choices.listed("Block", titles, "block", "the block")
    with right:
        how = choices.pressed("Show", SHOW, "show", "what is shown")
    charts.show(network.drawn(blocks, chosen), "drawn", clicked)
    block = blocks[chosen]
    reads = " and ".join(titles.get(name, name) for name in (block.stage.source, block.stage.beside) if name)
    st.caption(f"Click a block. Its maps are written below it: how many, and of how many pixels. Chosen: {titles[chosen]}: {block.stage.operation} of {reads}.")  # fmt: skip
    sheets, low, high = network.sheets(found[chosen], how == "changes")
    moved = inside.moved(found)
    network.beside(shown, sheets, moved[chosen])
    scale = f"Blue is less, red is more, full colour at ±{high:.2f}" if how == "changes" else f"Black is {low:.2f}, white {high:.2f}"  # fmt: skip
    st.caption(f"{scale}: one scale for all {len(shown)} pictures. Look for maps that keep the picture, and for maps that hold the noise.")  # fmt: skip
    st.header("How far is each block moved?")
    charts.show(network.away(moved, {name: colour for name, (_, colour) in others.items()}, blocks, chosen), "away")
    st.caption("How far what a block computes is from what it computes of the clean picture, as a share of the latter's length (L2), on this one picture. Where do the lines part?")  # fmt: skip


def denoiser() -> None:
    """Look into a denoiser: a picture clean, noisy, attacked, and under white noise as strong as the attack."""
    chosen, photo = pickers.denoiser_and_picture()
    found = attacked(chosen, photo, DAG(), 0, photo)
    others = {
        "noisy": (found.batch.noisy, charts.NOISE), "attacked": (found.attacked[-1:], charts.ATTACK),
        "white noise, as strong as the attack": (found.white[-1:], charts.GREY),
    }  # fmt: skip
    look(cache.unet(chosen), found.batch.clean, others)
    st.caption(f"{chosen.name}; noise {chosen.noise.nominal!r}, seed 0; attack {DAG()!r}.")
    data.source(cache.dataset("cifar10", "test"))


def digits() -> None:
    """Look into a network that reads digits: a digit clean, with what is added, and under white noise as strong."""
    chosen, digit, thing, seed = pickers.experiment()
    thing = parameters.strength(thing)
    if digit:
        found = cache.tried(chosen, digit, thing, seed)
        white = noise.noisy_batch(found.clean, Gaussian(25.0), seed).white
        chance = energy.match_l2(found.clean, white, metrics.l2(found.corrupted, found.clean))
        colour = charts.ATTACK if isinstance(thing, Attack) else charts.NOISE
        others = {
            words.title(type(thing).__name__): (found.corrupted, colour),
            "white noise, as strong": (chance, charts.GREY),
        }
        look(cache.classifier(chosen), found.clean, others)
        blame.turned(cache.classifier(chosen), found)
        st.caption(f"{chosen.name}; {thing!r}, seed {seed}.")
    examples.digits()
    data.source(cache.dataset("mnist", "test"))


st.markdown("A network is a chain of blocks, each of which makes maps of what the last one gave. **Which block still holds the noise, and which is the first that an attack turns?**")  # fmt: skip
view = choices.pressed("A network", VIEWS, "view", "the kind of network", key="inside-view")
denoiser() if view == "pictures" else digits()
