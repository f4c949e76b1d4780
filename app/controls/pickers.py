"""Pick a network, a noise, an attack."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app import address, cache, received
from app.controls import choices, images, parameters
from app.draw import words
from app.inputs import Digit, Photo, Trained
from core import UserError, checkpoints, params
from core.attacks import ATTACKS, DENOISER_ATTACKS, Attack, DenoiserAttack, TargetedPGD
from core.experiments import networks
from core.experiments.trial import Corruption
from core.noise import NOISES, Blind, Noise
from core.training.recipes import RECIPES, Denoising
from core.types import generator

CORRUPTIONS: dict[str, Any] = {**NOISES, **ATTACKS}


def classifiers(architecture: str | None = None) -> list[str]:
    """List the networks that read digits."""
    return _listed(False, "mnist", architecture)


def denoisers(dataset: str = "cifar10", architecture: str | None = None) -> list[str]:
    """List the networks that take noise away from the pictures of a data set."""
    return _listed(True, dataset, architecture)


def _listed(denoising: bool, dataset: str, architecture: str | None) -> list[str]:
    """List networks of one kind: those that ship, then those that were trained and adopted here."""
    known = [(RECIPES.get(card.name, card), "noise" in card.recipe) for card in networks.cards()]
    kind = [r for r, noise in known if (noise or isinstance(r, Denoising)) == denoising]
    return [r.name for r in kind if r.dataset == dataset and architecture in (None, r.architecture)]


def title(name: str) -> str:
    """Return the title of a network."""
    return RECIPES[name].title if name in RECIPES else checkpoints.read(name).title


def classifier(architecture: str | None = None) -> Trained:
    """Let somebody choose a network that reads digits; stops the page with one sentence where there is none."""
    return _network(classifiers(architecture), "digit-cnn")


def denoiser() -> Trained:
    """Let somebody choose a denoiser; stops the page with one sentence where there is none."""
    return _network(denoisers(), "n2n-gaussian-50", "denoiser")


def denoiser_and_picture() -> tuple[Trained, Photo]:
    """Let somebody choose a denoiser and, beside it, a test picture for it."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        network = denoiser()
    with right:
        return network, images.numbered(images.PHOTOS, "image", images.SHIP, "Test picture")


def told(network: Trained) -> Trained:
    """Let somebody tell a network what the picture shows, where it can be told, and return it so."""
    if not network.classes:
        return network
    options = {"": "no label", **dict(zip(network.classes, network.classes, strict=True))}
    label = choices.listed("Tell it: the picture shows", options, "label", "the label")
    return replace(network, label=network.classes.index(label) if label else None)


def _network(names: list[str], shipped: str, kind: str = "network") -> Trained:
    none_here(names, kind, shipped)
    titles = "\n\n".join(f"**{n}**: {title(n)}" for n in names)
    return Trained.named(choices.listed("Network", names, "network", "the network", key=kind, help=titles))


def none_here(names: Sequence[str], kind: str = "network", shipped: str = "digit-cnn") -> None:
    """Stop the page with one sentence where there are no networks of a kind."""
    if not names:
        st.warning(
            f"No trained {kind} is here: make one with `python -m core train {shipped}`.", icon=":material/info:"
        )
        st.stop()


def sound(names: Sequence[str], load: Callable[[Trained], object] = cache.denoiser) -> list[Trained]:
    """Return the networks that can be loaded, and say what is wrong with the others."""
    found = []
    for name in names:
        try:
            load(trained := Trained.named(name))
            found.append(trained)
        except UserError as refusal:
            st.warning(received.plain(str(refusal)), icon=":material/info:")
    return found


def corruption(kinds: Sequence[str] = tuple(CORRUPTIONS), default: str = "FGSM") -> Corruption:
    """Let somebody choose a noise or an attack; its strength is slid on the picture, `details` has the rest."""
    titles = {kind: _sort(kind) for kind in kinds}
    return CORRUPTIONS[choices.listed("We add", titles, "add", "the noise or attack", default)]()  # type: ignore[no-any-return]


def noise(default: str) -> Noise:
    """Let somebody choose a noise, not an attack; its strength is slid on the picture, `details` has the rest."""
    thing = corruption(list(NOISES), default)
    assert not isinstance(thing, Attack)
    return thing


def level(made_for: Noise) -> Noise | None:
    """Let somebody choose how noisy a picture is, from clean (None) to the levels a denoiser is measured at."""
    unit = made_for.LEVEL.unit if isinstance(made_for, Blind) else params.strength(type(made_for))[1].unit
    noises: dict[str, Noise | None] = {
        "clean": None,
        **{f"{float(n.draw(1, generator(0))):g}": n for n in made_for.fixed},
    }
    titles = {key: key if n is None else f"{key} {unit}" for key, n in noises.items()}
    return noises[choices.listed("Noise in the picture", titles, "level", "the level")]


def denoiser_attack() -> DenoiserAttack:
    """Let somebody choose an attack on a denoiser, L2PGD to begin with, for it does more harm than DAG; `sliders` has its parameters."""
    titles = {kind: attack.TITLE for kind, attack in DENOISER_ATTACKS.items()}
    return DENOISER_ATTACKS[choices.listed("Attack", titles, "attack", "the attack", "L2PGD")]()


def experiment(architecture: str | None = None) -> tuple[Trained, Digit | None, Corruption, int]:
    """Show one row of controls: network, digit, what is added, and the rest behind "More"; the last is the seed."""
    row = st.columns([1.15, 2.3, 1.75, 0.85], vertical_alignment="bottom")
    with row[0]:
        network = classifier(architecture)
    with row[1]:
        digit = images.digit(network)
    with row[2]:
        thing = corruption()
    with row[3], st.popover("More", icon=":material/tune:", width="stretch"):
        thing, seed = parameters.details(thing)
    return network, digit, thing, seed


def aim(target: int) -> None:
    """Attack the digit towards a class: what a click on that class asks for."""
    address.choose("add", TargetedPGD.__name__)
    address.choose(f"{TargetedPGD.__name__}.target", target)


def _sort(kind: str) -> str:
    """Name a noise or an attack with its sort, as a list shows it."""
    return f"{words.title(kind)} ({'attack' if kind in ATTACKS else 'noise'})"
