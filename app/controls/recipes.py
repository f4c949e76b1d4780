"""Change a training recipe: a preset goes in, controls come up, a filled-in one comes out."""

from dataclasses import dataclass, replace

import streamlit as st

from app import cache
from app.controls import parameters, pickers
from app.draw import words
from core.attacks import PGD
from core.noise import TRAINABLE, Noise
from core.training.losses import LOSSES, Loss
from core.training.recipes import OPTIMISERS, PRESETS, RECIPES, Classification, Denoising, Recipe, untrained

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
    kept = 6 if isinstance(recipe, Denoising) else 3  # copies in the state: weights, moments, averages, best
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
    rate = float(
        columns[3].number_input(
            "Learning rate", 1e-5, 0.5, first.learning_rate, 1e-4, format="%.5f", key=f"rate-{first.name}"
        )
    )
    one = replace(first, epochs=epochs, seed=seed, batch=batch, learning_rate=rate)
    return (denoising(one) if isinstance(one, Denoising) else classification(one),)


def denoising(one: Denoising) -> Denoising:
    """Let somebody choose network and data, noise, loss, targets and where a denoiser begins."""
    columns = st.columns(5)
    data = {r.architecture: r.dataset for r in RECIPES.values() if isinstance(r, Denoising)}
    network = columns[0].selectbox(
        "Network and data",
        list(data),
        list(data).index(one.architecture),
        key=f"unet-{one.name}",
        format_func=lambda n: f"{n}, {SHOWN[data[n]]}",
    )
    one = replace(one, architecture=network, dataset=data[network])
    kinds = list(TRAINABLE)
    kind = columns[1].selectbox(
        "Noise", kinds, kinds.index(type(one.noise).__name__), key=f"noise-{one.name}", format_func=words.title
    )
    loss = columns[2].selectbox(
        "Loss", list(LOSSES), list(LOSSES).index(type(one.loss).__name__), key=f"loss-{one.name}"
    )
    target = columns[3].selectbox(
        "Targets",
        list(TARGETS),
        list(TARGETS).index(one.target),
        key=f"target-{one.name}",
        format_func=TARGETS.__getitem__,
    )
    starts = ["", *(t.name for t in pickers.sound(pickers.denoisers(one.dataset, one.architecture)))]
    start = columns[4].selectbox(
        "Begins with",
        starts,
        starts.index(one.start) if one.start in starts else 0,
        key=f"start-{one.name}-{network}",
        format_func=lambda n: n or "drawn weights",
    )
    made = one.noise if kind == type(one.noise).__name__ else TRAINABLE[kind]()
    with st.expander("Levels of the noise, exponent of the loss, optimiser"):
        optimiser = st.segmented_control(
            "Optimiser", list(OPTIMISERS), default=one.optimiser, required=True, key=f"optimiser-{one.name}"
        )
        made = parameters.sliders(made, (), f"{one.name}.")
        shaped = parameters.sliders(
            one.loss if loss == type(one.loss).__name__ else LOSSES[loss](), ("epsilon",), f"{one.name}."
        )
    assert isinstance(made, Noise)
    assert isinstance(shaped, Loss)
    return replace(
        one,
        noise=made,
        loss=shaped,
        target="clean" if target == "clean" else "noisy",
        start=start,
        optimiser="Muon" if optimiser == "Muon" else "AdamW",
    )


def classification(one: Classification) -> Classification:
    """Let somebody choose the network, and whether it is trained against attacks."""
    columns = st.columns(4)
    networks = ["DigitCNN", "DigitMLP"]
    architecture = columns[0].selectbox(
        "Network", networks, networks.index(one.architecture), key=f"architecture-{one.name}"
    )
    momentum = columns[1].slider("Momentum", 0.0, 0.99, one.momentum, 0.01, key=f"momentum-{one.name}")
    hard = columns[2].toggle("Against attacks", one.attack is not None, key=f"attack-{one.name}")
    attack = None
    if hard:
        strength = columns[3].slider(
            "Strength (epsilon), of the grey range",
            0.0,
            0.5,
            one.attack.epsilon if one.attack else 0.1,
            0.01,
            key=f"epsilon-{one.name}",
        )
        attack = replace(one.attack or PGD(steps=5, step=0.35), epsilon=strength)
    return replace(one, architecture=architecture, momentum=momentum, attack=attack, ramp=one.ramp if hard else 0)
