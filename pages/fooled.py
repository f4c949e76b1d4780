"""Can a denoiser be fooled? One picture attacked step by step; then all of the study's networks (Figures 30 and 32)."""

from functools import partial

import streamlit as st

from app import cache, parts, snippets
from app.attacking import attacked, packed
from app.controls import choices, data, examples, images, parameters, pickers
from app.draw import pictures, words
from app.inputs import Photo
from core.attacks import DenoiserAttack
from core.experiments import attack_path, worst_curves
from core.measures import metrics
from core.study.reported import DENOISERS

COLUMNS = ("noisy", "denoised", "adversarial", "adversarial, denoised", "chance, as strong", "chance, denoised")

st.markdown(
    "An attack changes a picture a little, step by step, and looks for what the network gets most wrong. "
    "**Drag through its steps: when do you see the change, and when does the network?**"
)

row = st.columns([1.3, 2.3, 1.7, 1.0], vertical_alignment="bottom")
with row[0]:
    network = pickers.denoiser()
with row[1]:
    photo = images.photo()
with row[2]:
    attack = pickers.denoiser_attack()
with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
    attack = parameters.sliders(attack, ("seed",))
    seed = parameters.seeded()
examples.photos()
test = cache.dataset("cifar10", "test")
aim = photo or Photo.of(test, 0)
if attack.AIMED:
    aim = images.numbered(images.PHOTOS, "aim", images.TRUCK, "Make it look like test image", "aim")


def lead(photo: Photo, attack: DenoiserAttack) -> None:
    """Show the steps of one attack."""
    found, chosen = list[attack_path.Timeline](), (network, photo, attack, seed, aim)

    def whole() -> bytes | None:
        done = packed(*chosen)
        found.extend(done[1:] if done else ())
        return done[0] if done else None

    parameters.slid(cache.unattacked(*chosen), "timeline", attack.steps, whole=whole)
    st.caption(
        f"{network.name}; noise {network.noise.nominal!r}, seed {seed}; {attack!r}. {''.join(map(words.lengths, found))}“Chance, as strong” is white noise of exactly the attack's L2 at every step: only a "
        "loss beyond it is the aim's. Red and blue: added, taken away; full colour at ±32 grey levels."
    )
    if one := worst_curves.current([network.name]).get(network.name):
        st.caption(worst_curves.by_attack(one, worst_curves.BUDGETS[-1]))
    if max(cache.pixels(photo).shape[-2:]) > attack_path.SIDE:
        st.caption(f"The picture is scaled down to {attack_path.SIDE} pixels: attacking a larger one takes minutes.")
    snippets.show()


def everyone(photo: Photo) -> None:
    """Show what the attack does to each of the study's networks."""
    heads = st.columns([1.3] + [1.0] * len(COLUMNS))
    for head, title in zip(heads[1:], COLUMNS, strict=True):
        head.markdown(f"**{title}**")
    for one in pickers.sound([n for n in DENOISERS if n in pickers.denoisers()]):
        found = attacked(one, photo, attack, seed, aim)
        x = found.batch.clean
        shown = (
            found.batch.noisy, found.noisy_denoised, found.attacked[-1:], found.denoised[-1:], found.white[-1:],
            found.white_denoised[-1:],
        )  # fmt: skip
        cells = st.columns([1.3] + [1.0] * len(COLUMNS), vertical_alignment="center")
        cells[0].markdown(f"**{one.name}**  \nL2 {float(found.l2[-1]):.2f}")
        for cell, picture in zip(cells[1:], shown, strict=True):
            large = pictures.enlarged(pictures.colour(picture[0]), max(1, 128 // picture.shape[2]))
            caption = f"{float(metrics.psnr(picture, x)):.1f} dB"
            cell.image(large, output_format="PNG", width="stretch", caption=caption, alt=caption)


if photo is None:
    st.info("Choose a picture above.", icon=":material/image:")
else:
    parts.part(partial(lead, photo, attack), "Can a denoiser be fooled?")
    st.header("The study's seven networks, same picture, same attack")
    if choices.switched("Attack them all", "all", key="attack-all", help="about two seconds each, the first time"):
        everyone(photo)
        st.caption(
            f"Each under its own noise, seed {seed}, after {attack.steps} steps. The study shows the first four columns (Figures 30 and 32); the last two, "
            "chance at the attack's own strength, say how much of the damage is aim."
        )
data.source(test)
