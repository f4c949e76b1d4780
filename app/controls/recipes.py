"""Change a training recipe: a preset goes in, controls come up, a filled-in one comes out."""

from dataclasses import dataclass, replace
from itertools import count

import streamlit as st

from app import address, cache
from app.controls import choices, parameters, pickers
from core import models
from core.attacks import PGD
from core.noise import TRAINABLE, Noise
from core.params import Span
from core.runs import folder
from core.training.losses import LOSSES, Loss
from core.training.recipes import HYBRID, OPTIMISERS, PRESETS, RECIPES, Classification, Denoising, Recipe, untrained

SHOWN = {"cifar10": "colour pictures", "mnist": "digits"}
TARGETS = {"noisy": "other noisy pictures (Noise2Noise)", "clean": "the clean pictures"}


def plan() -> tuple[Recipe, ...]:
    """Let somebody choose recipes to begin with, and change them."""
    plans: dict[str, tuple[Recipe, ...]] = {**PRESETS, **{r.name: (r,) for r in RECIPES.values()}}
    titles = {name: f"{name}: {RECIPES[name].title}" if name in RECIPES else name for name in plans}
    return configured(plans[choices.listed("Begin with the recipe of", titles, "plan", "the recipe")])


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


def unused(recipe: Recipe) -> int:
    """Return a seed that no run of a recipe has had: a second one is to be another draw."""
    had = {run.recipe.seed for run in folder.every() if run.recipe.name == recipe.name}
    return next(seed for seed in count(recipe.seed) if seed not in had)


def configured(plan: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
    """Let somebody change a recipe; of several at once only what they share."""
    first = plan[0]
    of = first.name
    columns = st.columns(4)
    with columns[0]:
        epochs = choices.counted("Epochs", 1, 200, "epochs", first.epochs, key=f"epochs-{of}")
    with columns[1]:
        seed = choices.counted("Seed", 0, 9999, "seed", unused(first), key=f"seed-{of}")
    if len(plan) > 1:
        return tuple(replace(r, epochs=epochs, seed=seed) for r in plan)
    with columns[2]:
        batch = choices.counted("Batch, images", 8, 1024, "batch", first.batch, key=f"batch-{of}", step=8)
    with columns[3]:
        span, key = Span(1e-5, 0.5, 1e-4), f"rate-{of}"
        address.restore("rate", first.learning_rate, address.real(span, "the learning rate", float), key)
        rate = st.number_input("Learning rate", span.low, span.high, step=span.step, format="%.5f", key=key)
    one = replace(first, epochs=epochs, seed=seed, batch=batch, learning_rate=float(rate))
    return (denoising(one) if isinstance(one, Denoising) else classification(one),)


def denoising(one: Denoising) -> Denoising:
    """Let somebody choose network and data, noise, loss, targets and where a denoiser begins."""
    columns, of = st.columns(5), one.name
    data = {r.architecture: r.dataset for r in RECIPES.values() if isinstance(r, Denoising)}
    networks = {name: f"{name}, {SHOWN[dataset]}" for name, dataset in data.items()}
    with columns[0]:
        network = choices.listed("Network and data", networks, "architecture", "the network", one.architecture, f"unet-{of}")  # fmt: skip
    one = replace(one, architecture=network, dataset=data[network])
    noises = {kind: noise.TITLE for kind, noise in TRAINABLE.items()}
    its_noise, its_loss = type(one.noise).__name__, type(one.loss).__name__
    with columns[1]:
        kind = choices.listed("Noise", noises, "add", "the noise", its_noise, f"noise-{of}")
    with columns[2]:
        loss = choices.listed("Loss", LOSSES.keys(), "loss", "the loss", its_loss, f"loss-{of}")
    with columns[3]:
        target = choices.listed("Targets", TARGETS, "targets", "the targets", one.target, f"target-{of}")
    kinds = dict.fromkeys((one.architecture, models.EXTENDED.get(one.architecture, one.architecture)))
    sound = [t.name for t in pickers.sound([n for kind in kinds for n in pickers.denoisers(one.dataset, kind)])]
    starts = {"": "drawn weights", **dict(zip(sound, sound, strict=True))}
    with columns[4]:
        first = one.start if one.start in starts else ""
        start = choices.listed("Begins with", starts, "begins", "the weights", first, f"start-{of}-{network}")
    made = one.noise if kind == its_noise else TRAINABLE[kind]()
    shaped = one.loss if loss == its_loss else LOSSES[loss]()
    with st.expander("Levels of the noise, exponent of the loss, optimiser, attack"):
        names = {name: name for name in OPTIMISERS}
        optimiser = choices.pressed("Optimiser", names, "optimiser", "the optimiser", one.optimiser, f"optimiser-{of}")
        made = parameters.sliders(made, (), f"{of}.")
        shaped = parameters.sliders(shaped, ("epsilon",), f"{of}.")
        label, most = (
            "Half of each batch under ObsAtk: L2, 0 for none",
            one.attack.epsilon if one.attack else 0.0,
        )
        strength = choices.dialled(label, Span(0, 3, 0.1), "obsatk", most, f"obsatk-{of}")
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
    columns, of = st.columns(4), one.name
    with columns[0]:
        kinds = ("DigitCNN", "DigitMLP")
        architecture = choices.listed("Network", kinds, "architecture", "the network", one.architecture, f"architecture-{of}")  # fmt: skip
    with columns[1]:
        momentum = choices.dialled("Momentum", Span(0, 0.99, 0.01), "momentum", one.momentum, f"momentum-{of}")
    with columns[2]:
        hard = choices.switched("Against attacks", "hard", one.attack is not None, f"attack-{of}")
    attack = None
    if hard:
        label, first = "Strength (epsilon), of the grey range", one.attack.epsilon if one.attack else 0.1
        with columns[3]:
            strength = choices.dialled(label, Span(0, 0.5, 0.01), "epsilon", first, f"epsilon-{of}")
        attack = replace(one.attack or PGD(steps=5, step=0.35), epsilon=strength)
    return replace(one, architecture=architecture, momentum=momentum, attack=attack, ramp=one.ramp if hard else 0)
