"""Pick a network, a noise, an attack."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import address, cache
from app.controls import images, parameters
from app.draw import words
from app.inputs import Digit, Photo
from core import UserError, checkpoints, params
from core.attacks import ATTACKS, IMAGE_ATTACKS, Attack, ImageAttack
from core.experiments import denoising
from core.experiments.accuracy import Corruption
from core.experiments.attack_path import Timeline
from core.noise import NOISES, Blind, Noise
from core.training import recipes
from core.training.recipes import Classification, Denoising

CORRUPTIONS: dict[str, Any] = {**NOISES, **ATTACKS}
ATTACKING = {
    "DAG": "DAG (the study's)",
    "L2PGD": "L2PGD (furthest from the truth)",
    "ObsAtk": "ObsAtk (on the noisy picture, zero mean)",
    "Lookalike": "Lookalike (as another picture)",
}


def described(kind: str) -> str:
    """Name a noise or an attack with its sort, as a list shows it."""
    return f"{words.title(kind)} ({'attack, aimed' if kind in ATTACKS else 'noise, random'})"


def classifiers(architecture: str | None = None) -> list[str]:
    """List the networks that read digits: those that ship, and those that were trained and adopted here."""
    shipped = [
        r.name
        for r in recipes.RECIPES.values()
        if isinstance(r, Classification) and architecture in (None, r.architecture) and checkpoints.there(r.name)
    ]
    return shipped + [
        c.name for c in cache.adopted() if "noise" not in c.recipe and architecture in (None, c.architecture)
    ]


def denoisers(dataset: str = "cifar10") -> list[str]:
    """List the networks that take noise away from the pictures of a data set: those that ship, and those adopted here."""
    shipped = [
        r.name
        for r in recipes.RECIPES.values()
        if isinstance(r, Denoising) and r.dataset == dataset and checkpoints.there(r.name)
    ]
    return shipped + [c.name for c in cache.adopted() if "noise" in c.recipe and c.dataset == dataset]


def title(name: str) -> str:
    """Return the title of a network."""
    return recipes.RECIPES[name].title if name in recipes.RECIPES else checkpoints.read(name).title


def network(architecture: str | None = None) -> str:
    """Let somebody choose a network; stops the page with one sentence where there is none."""
    names = classifiers(architecture)
    if not names:
        st.warning(
            "No trained network is here: make one with `python -m core train digit-cnn`.", icon=":material/info:"
        )
        st.stop()
    address.restore("network", names[0], address.one_of(names, "the network"))
    return str(st.selectbox("Network", names, key="network", help="\n\n".join(f"**{n}**: {title(n)}" for n in names)))


def corruption(kinds: Sequence[str] = tuple(CORRUPTIONS), default: str = "FGSM") -> Corruption:
    """Let somebody choose a noise or an attack; its strength is slid on the picture, `details` has the rest."""
    address.restore("add", default, address.one_of(list(kinds), "the noise or attack"))
    before = st.session_state["add"]
    kind = st.selectbox("We add", kinds, key="add", format_func=described, on_change=_forget_strength, args=(before,))
    return CORRUPTIONS[kind]()  # type: ignore[no-any-return]


def sound(names: list[str]) -> list[str]:
    """Return the denoisers that can be loaded, and say what is wrong with the others."""
    found = []
    for name in names:
        try:
            cache.denoiser(name)
            found.append(name)
        except UserError as refusal:
            st.warning(str(refusal), icon=":material/info:")
    return found


def harm(name: str) -> None:
    """Say below which noise a denoiser makes pictures worse, on the images and levels it was measured with."""
    kept, made_for = cache.quality_of(name), cache.noise_of(cache.denoiser(name)[1])
    if not isinstance(made_for, Blind):
        return
    weakest = denoising.break_even_level(kept.table, made_for.LEVEL.falling)
    if weakest is not None:
        bound = f"{'more' if made_for.LEVEL.falling else 'less'} than {weakest:.3g} {made_for.LEVEL.unit}"
        st.info(
            f"**Do no harm.** Under {words.sentence(made_for)}, {name} makes pictures worse, on average, at {bound} "
            f"({kept.data}, n = {len(kept.table):,}, noise seed {denoising.SEED}).",
            icon=":material/healing:",
        )


def noise(default: str) -> Noise:
    """Let somebody choose a noise, not an attack; its strength is slid on the picture, `details` has the rest."""
    thing = corruption(list(NOISES), default)
    assert not isinstance(thing, Attack)
    return thing


def denoiser() -> str:
    """Let somebody choose a denoiser; stops the page with one sentence where there is none."""
    names = denoisers()
    if not names:
        st.warning(
            "No trained denoiser is here: make one with `python -m core train n2n-gaussian-50`.", icon=":material/info:"
        )
        st.stop()
    address.restore("denoiser", names[0], address.one_of(names, "the network"))
    titles = "\n\n".join(f"**{n}**: {title(n)}" for n in names)
    return str(st.selectbox("Network", names, key="denoiser", help=titles))


def image_attack() -> ImageAttack:
    """Let somebody choose an attack on a denoiser; `sliders` has its parameters."""
    address.restore("attack", "DAG", address.one_of(IMAGE_ATTACKS, "the attack"))
    kind = st.selectbox("Attack", list(IMAGE_ATTACKS), key="attack", format_func=ATTACKING.__getitem__)
    chosen: ImageAttack = IMAGE_ATTACKS[kind]()
    return chosen


def attacked(name: str, photo: Photo, attack: ImageAttack, seed: int, aim: Photo) -> Timeline:
    """Attack a picture, with progress."""
    with st.empty():
        for result in cache.attacked(name, photo, attack, seed, aim):
            if isinstance(result, float):
                st.progress(result, f"Attacking {name}, {100 * result:.0f} %")
        st.write("")
    assert isinstance(result, Timeline)
    return result


def _forget_strength(before: str) -> None:
    """Keep a strength only where it means the same: FGSM's epsilon is PGD's, but not a share of pixels."""
    if params.strength(CORRUPTIONS[st.session_state["add"]]) != params.strength(CORRUPTIONS[before]):
        address.ask("strength", None)


def experiment(architecture: str | None = None) -> tuple[str, Digit | None, Corruption, int]:
    """Show one row of controls: network, digit, what is added, and the rest behind "More"; the last is the seed."""
    row = st.columns([1.15, 2.6, 1.5, 0.8], vertical_alignment="bottom")
    with row[0]:
        name = network(architecture)
    with row[1]:
        picture = images.digit(name)
    with row[2]:
        thing = corruption()
    with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
        thing, seed = parameters.details(thing)
    return name, picture, thing, seed
