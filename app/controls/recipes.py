"""Change a training recipe: a preset goes in, controls come up, a filled-in one comes out."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from app import cache
from app.controls import choices, parameters, pickers
from core import models
from core.attacks import PGD
from core.noise import TRAINABLE, Noise
from core.training.losses import LOSSES, Loss
from core.training.recipes import HYBRID, OPTIMISERS, PRESETS, RECIPES, Classification, Denoising, Recipe, untrained

SHOWN = {"cifar10": "colour pictures", "mnist": "digits"}
TARGETS = {"noisy": "other noisy pictures (Noise2Noise)", "clean": "the clean pictures"}


def plan() -> tuple[Recipe, ...]:
    """Let somebody choose recipes to begin with, and change them."""
    plans: dict[str, tuple[Recipe, ...]] = {**PRESETS, **{f"{r.name}: {r.title}": (r,) for r in RECIPES.values()}}
    return configured(plans[st.selectbox("Begin with the recipe of", list(plans), key="plan")])


@dataclass(frozen=True)
class Need:
    """What a training will need: weights, disk, data."""

    parameters: int
    megabytes: float
    data: str


def need(recipe: Recipe) -> Need:
    """Say what a training will need."""
    parameters = sum(p.numel() for p in untrained(recipe).parameters())
    kept = 11 if isinstance(recipe, Denoising) else 5  # weights; in each of two states weights, moments, averages
    return Need(parameters, 4e-6 * kept * parameters + 1, cache.dataset(recipe.dataset, "train").title)


def configured(plan: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
    """Let somebody change a recipe; of several at once only what they share."""
    first = plan[0]
    columns = st.columns(4)
    epochs = int(columns[0].number_input("Epochs", 1, 200, first.epochs, key=f"epochs-{first.name}"))
    seed = int(columns[1].number_input("Seed", 0, 9999, first.seed, key=f"seed-{first.name}"))
    if len(plan) > 1:
        return tuple(replace(r, epochs=epochs, seed=seed) for r in plan)
    batch = int(columns[2].number_input("Batch, images", 8, 1024, first.batch, 8, key=f"batch-{first.name}"))
    label, key = "Learning rate", f"rate-{first.name}"
    rate = columns[3].number_input(label, 1e-5, 0.5, first.learning_rate, 1e-4, format="%.5f", key=key)
    one = replace(first, epochs=epochs, seed=seed, batch=batch, learning_rate=float(rate))
    return (denoising(one) if isinstance(one, Denoising) else classification(one),)


def denoising(one: Denoising) -> Denoising:
    """Let somebody choose network and data, noise, loss, targets and where a denoiser begins."""
    columns = st.columns(5)
    data = {r.architecture: r.dataset for r in RECIPES.values() if isinstance(r, Denoising)}
    networks = {name: f"{name}, {SHOWN[dataset]}" for name, dataset in data.items()}
    network = _listed(columns[0], "Network and data", networks, one.architecture, f"unet-{one.name}")
    one = replace(one, architecture=network, dataset=data[network])
    noises = {kind: noise.TITLE for kind, noise in TRAINABLE.items()}
    its_noise, its_loss = type(one.noise).__name__, type(one.loss).__name__
    kind = _listed(columns[1], "Noise", noises, its_noise, f"noise-{one.name}")
    loss = _listed(columns[2], "Loss", LOSSES.keys(), its_loss, f"loss-{one.name}")
    target = _listed(columns[3], "Targets", TARGETS, one.target, f"target-{one.name}")
    kinds = dict.fromkeys((one.architecture, models.EXTENDED.get(one.architecture, one.architecture)))
    sound = [t.name for t in pickers.sound([n for kind in kinds for n in pickers.denoisers(one.dataset, kind)])]
    starts = {"": "drawn weights", **dict(zip(sound, sound, strict=True))}
    start = _listed(columns[4], "Begins with", starts, one.start, f"start-{one.name}-{network}")
    made = one.noise if kind == its_noise else TRAINABLE[kind]()
    shaped = one.loss if loss == its_loss else LOSSES[loss]()
    with st.expander("Levels of the noise, exponent of the loss, optimiser, attack"):
        optimiser = choices.buttons(
            st, "Optimiser", OPTIMISERS.keys(), default=one.optimiser, key=f"optimiser-{one.name}"
        )
        made = parameters.sliders(made, (), f"{one.name}.")
        shaped = parameters.sliders(shaped, ("epsilon",), f"{one.name}.")
        label, first = "Half of each batch under ObsAtk: L2, 0 for none", one.attack.epsilon if one.attack else 0.0
        strength = st.slider(label, 0.0, 3.0, first, 0.1, key=f"obsatk-{one.name}")
    assert isinstance(made, Noise)
    assert isinstance(shaped, Loss)
    return replace(
        one,
        noise=made,
        loss=shaped,
        target="clean" if target == "clean" else "noisy",
        start=start,
        optimiser="Muon" if optimiser == "Muon" else "AdamW",
        attack=replace(one.attack or HYBRID, epsilon=strength) if strength else None,
    )


def classification(one: Classification) -> Classification:
    """Let somebody choose the network, and whether it is trained against attacks."""
    columns = st.columns(4)
    key = f"architecture-{one.name}"
    architecture = _listed(columns[0], "Network", ("DigitCNN", "DigitMLP"), one.architecture, key)
    momentum = columns[1].slider("Momentum", 0.0, 0.99, one.momentum, 0.01, key=f"momentum-{one.name}")
    hard = columns[2].toggle("Against attacks", one.attack is not None, key=f"attack-{one.name}")
    attack = None
    if hard:
        label, first = "Strength (epsilon), of the grey range", one.attack.epsilon if one.attack else 0.1
        strength = columns[3].slider(label, 0.0, 0.5, first, 0.01, key=f"epsilon-{one.name}")
        attack = replace(one.attack or PGD(steps=5, step=0.35), epsilon=strength)
    return replace(one, architecture=architecture, momentum=momentum, attack=attack, ramp=one.ramp if hard else 0)


def _listed(place: Any, label: str, options: Collection[str], first: str, key: str) -> str:
    names = list(options)
    index = names.index(first) if first in names else 0
    return str(place.selectbox(label, names, index, key=key, format_func=choices.shown(options)))
