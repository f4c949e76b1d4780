"""What ships: the recipe of every network. Its name is the checkpoint's and the one in the address bar."""

from dataclasses import fields
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from core import UserError, checkpoints, models, noise, params, records
from core.attacks import PGD, ObsAtk
from core.checkpoints import Card
from core.data.datasets import SOURCES, Dataset
from core.measures import metrics
from core.models import Network
from core.networks.digits import DigitCNN, DigitMLP
from core.networks.unet import ConditionedUNet
from core.noise import BlindGaussian, BlindImpulse, BlindPoisson, Noise, RandomImpulse
from core.params import Span, validated
from core.training import loop, pairs
from core.training.loop import Fit
from core.training.losses import L1, L2, LOSSES, AnnealedL0, CrossEntropy, Loss
from core.types import generator

if TYPE_CHECKING:
    from lightning_fabric import Fabric

ENDS = {"down.0.weight", "out.weight"}  # from the image and to it
VALIDATION = 2000  # images at the end of the training set that nothing is trained on
CYCLE: Any = dict(pct_start=0.15, div_factor=10, final_div_factor=100)  # of a denoiser's learning rate

EPOCHS = Span(1, 200, 1, label="Epochs")
BATCH = Span(8, 1024, 8, unit="images", label="Batch")
RATE = Span(1e-5, 0.5, 1e-5, label="Learning rate")
SEEDS = Span(0, 2**31 - 1, 1, label="Seed")


@validated
class Classification:
    """How a classifier is trained: everything that, with the data and the seed, decides its weights."""

    name: str
    title: str
    architecture: str
    dataset: str = "mnist"
    epochs: Annotated[int, EPOCHS] = 5
    batch: Annotated[int, BATCH] = 64
    learning_rate: Annotated[float, RATE] = 0.01
    momentum: Annotated[float, Span(0, 0.99, 0.01, label="Momentum")] = 0.5
    attack: PGD | None = None  # trained on what this makes of its images
    ramp: Annotated[int, Span(0, 50, 1, unit="epochs", label="Growth of the attack")] = 0  # to its full strength
    seed: Annotated[int, SEEDS] = 2
    stored: ClassVar = torch.float32


@validated
class Denoising:
    """How a denoiser is trained; one cycle of the learning rate, and at its end the average of the weights."""

    name: str
    title: str
    noise: Noise
    loss: Loss
    target: Literal["noisy", "clean"] = "noisy"
    levels: Annotated[int, Span(1, 2, 1, label="Levels of noise in a pair")] = 1  # the study draws two
    start: str = ""  # the network whose weights it begins with; empty: drawn from the seed
    architecture: str = "UNet"
    dataset: str = "cifar10"
    epochs: Annotated[int, EPOCHS] = 12
    batch: Annotated[int, BATCH] = 64
    synthetic: Annotated[float, Span(0, 0.9, 0.05, share=True, label="Dead leaves in a batch")] = 0.25
    unclipped: Annotated[float, Span(0, 1, 0.005, share=True, label="Inputs left unclipped")] = 0.125
    optimiser: Literal["AdamW", "Muon"] = "Muon"
    learning_rate: Annotated[float, RATE] = 3e-3
    decay: Annotated[float, Span(0, 1, 0.01, label="Weight decay of the kernels")] = 0.6
    clip: Annotated[float, Span(0, 10, 0.1, label="Largest norm of the gradient")] = 1.0
    attack: ObsAtk | None = None  # half of each batch is what this makes of it
    seed: Annotated[int, SEEDS] = 2
    stored: ClassVar = torch.float16


Recipe = Classification | Denoising
LATER: Any = dict(
    start="n2n-gaussian-50", epochs=2, learning_rate=1e-3
)  # what a denoiser of one noise learns carries over
HYBRID = ObsAtk(1.1, steps=3, step=0.5)  # L2: 5 grey levels a value, as Yan et al. have it
SHARP = AnnealedL0(1.5, 0.7, 0.004)  # holds where the study's 2 -> 0 falls back to the noisy image (docs/log.md)
MODE = AnnealedL0(1.5, 0.5, 0.004)
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Classification("digit-cnn", "The study's digit network", "DigitCNN"),
        Classification("digit-mlp", "A network without convolutions", "DigitMLP"),
        Classification(
            "digit-cnn-robust", "The digit network, trained against attacks", "DigitCNN",
            epochs=12, learning_rate=0.02, momentum=0.9, attack=PGD(epsilon=0.15, steps=5, step=0.35), ramp=4,
        ),
        Denoising("n2n-gaussian-50", "Gaussian noise, sigma to 50", BlindGaussian(50.0), L2()),
        Denoising("n2n-gaussian-100", "Gaussian noise, sigma to 100", BlindGaussian(100.0), L2(), **LATER),
        Denoising("n2n-poisson-100", "Shot noise, about 100 photons", BlindPoisson(100.0), L1(), **LATER),
        Denoising("n2n-poisson-200", "Shot noise, about 200 photons", BlindPoisson(200.0), L1(), **LATER),
        Denoising("n2n-poisson-500", "Shot noise, about 500 photons", BlindPoisson(500.0), L1(), **LATER),
        Denoising("n2n-impulse-0.2", "One value in five hit", BlindImpulse(0.2, 50.0), SHARP, **LATER),
        Denoising("n2n-impulse-0.5", "Every other value hit", BlindImpulse(0.5, 50.0), SHARP, **LATER),
        Denoising("n2n-impulse-0.2-l1", "One value in five hit, learned with L1", BlindImpulse(0.2, 50.0), L1(), **LATER),
        Denoising("n2n-impulse-0.2-l2", "One value in five hit, learned with L2", BlindImpulse(0.2, 50.0), L2(), **LATER),
        Denoising("n2n-random-impulse-l2", "Half the pixels replaced, learned with L2", RandomImpulse(0.5), L2(), **LATER),
        Denoising("n2n-random-impulse-l1", "Half the pixels replaced, learned with L1", RandomImpulse(0.5), L1(), **LATER),
        Denoising("n2n-random-impulse-l0", "Half the pixels replaced, learned with annealed L0", RandomImpulse(0.5), MODE, **LATER),
        Denoising("n2c-gaussian-50", "As n2n-gaussian-50, from other draws and taught with clean images", BlindGaussian(50.0), L2(), "clean", seed=3),
        Denoising("n2n-gaussian-50-robust", "As n2n-gaussian-50, then with half of each batch attacked", BlindGaussian(50.0), L2(), attack=HYBRID, **LATER),
        Denoising("n2n-gaussian-50-told", "As n2n-gaussian-50, and may be told what a picture shows", BlindGaussian(50.0), L2(), architecture="ConditionedUNet", **LATER),
        Denoising("n2n-digits", "Digits under Gaussian noise, sigma to 100", BlindGaussian(100.0), L2(), architecture="DigitUNet", dataset="mnist", epochs=4, synthetic=0.0),
    )
}  # fmt: skip


IMPULSE = BlindImpulse(0.5, 100.0)
QUICK: Any = dict(architecture="DigitUNet", dataset="mnist", epochs=2, synthetic=0.0)
PRESETS: dict[str, tuple[Recipe, ...]] = {  # of the training page: runs to watch, not networks that ship
    "One minute, digits": (
        Classification(
            "one-minute",
            "A digit network, trained while you watch",
            "DigitCNN",
            epochs=6,
            learning_rate=0.02,
            momentum=0.9,
        ),
    ),
    "Three losses on impulse noise": tuple(
        Denoising(f"impulse-{name}", f"Digits under impulse noise, learned with {title}", IMPULSE, loss, **QUICK)
        for name, title, loss in (("l2", "L2", L2()), ("l1", "L1", L1()), ("l0", "annealed L0", SHARP))
    ),
}


def recipe(name: str) -> Recipe:
    """Return the recipe called `name`; raises UserError, listing the names, where there is none."""
    if name not in RECIPES:
        raise UserError(f"There is no recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def record(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as a card keeps it: numbers and words as they are, everything else as it is printed."""
    plain = str | int | float | None
    values = {f.name: getattr(recipe, f.name) for f in fields(recipe)}
    return {name: value if isinstance(value, plain) else repr(value) for name, value in values.items()}


def provenance(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's record and, where it begins with another network, the hash of these weights; raises UserError where they are missing."""
    start = recipe.start if isinstance(recipe, Denoising) else ""
    return {**record(recipe), **({"start_sha256": checkpoints.read(start).sha256} if start else {})}


def parse(record: dict[str, Any]) -> Recipe:
    """Build the recipe a record speaks of; raises UserError, KeyError or ValueError where it is none."""
    values = {name: value for name, value in record.items() if name != "start_sha256"}
    if values.get("attack"):
        values["attack"] = params.parse(values["attack"], {"PGD": PGD, "ObsAtk": ObsAtk})
    if "noise" in values:
        values["noise"], values["loss"] = noise.parse(values["noise"]), params.parse(values["loss"], LOSSES)
    found: Recipe = records.build(Denoising, values) if "noise" in values else records.build(Classification, values)
    if found.architecture not in models.ARCHITECTURES or found.dataset not in SOURCES:
        raise UserError(f"{found.architecture} on {found.dataset} is not known to this version: update Noisescope.")
    return found


def sound(card: Card) -> Card:
    """Return a card; raises UserError where this version does not know the data set or the noise that it speaks of."""
    if card.dataset not in SOURCES:
        raise UserError(
            f"{card.name} learned from {card.dataset!r}, which is not known to this version: update Noisescope."
        )
    try:
        if "noise" in card.recipe:
            noise.parse(str(card.recipe["noise"]))
    except UserError as refusal:
        raise UserError(f"The noise that {card.name} learned from: {refusal}") from None
    return card


def train(recipe: Recipe, model: Network, dataset: Dataset, devices: int = 1, nodes: int = 1) -> Fit:
    """Return the training of `model`, in place and where the GPU is, if any, on a training set, as `recipe` says.

    The last images of a denoiser's set are put aside to score it. `devices` on each of so many `nodes` take a share of every
    batch each; more than one are started here, or joined under torchrun. Iterate over the Fit to train; raises UserError where
    the training diverges.
    """
    precision: Literal["quickest", "32-true"] = "quickest" if isinstance(recipe, Denoising) else "32-true"
    fabric = loop.on_device("auto", precision, devices, nodes)
    model.to(fabric.device)
    if isinstance(recipe, Denoising):
        return _denoiser(recipe, model, dataset, fabric)
    return _classifier(recipe, model, dataset, fabric)


def _classifier(recipe: Classification, model: Network, dataset: Dataset, fabric: "Fabric") -> Fit:
    feed = pairs.labelled(dataset.to(fabric.device), recipe.batch)
    if recipe.attack:
        assert isinstance(model, DigitCNN | DigitMLP)
        feed = pairs.adversarial(feed, recipe.attack, model, recipe.ramp)
    optimiser = torch.optim.SGD(model.parameters(), recipe.learning_rate, recipe.momentum)
    steps = recipe.epochs * ceil(len(dataset) / recipe.batch)
    return loop.Fit(
        model, feed, CrossEntropy(), optimiser, epochs=recipe.epochs, steps=steps, seed=recipe.seed, fabric=fabric
    )


def _denoiser(recipe: Denoising, model: Network, dataset: Dataset, fabric: "Fabric") -> Fit:
    learned = dataset.part(slice(-_aside(dataset))).to(fabric.device)
    scenes = pairs.scenes(learned, recipe.batch, recipe.synthetic, isinstance(model, ConditionedUNet))
    if recipe.target == "clean":
        feed = pairs.noise2clean(scenes, recipe.noise, recipe.unclipped)
    else:
        feed = pairs.noise2noise(scenes, recipe.noise, recipe.unclipped, recipe.levels)
    if recipe.attack:
        feed = pairs.hybrid(feed, recipe.attack, models.autocast(model))
    optimiser = OPTIMISERS[recipe.optimiser](model, recipe.learning_rate, recipe.decay)
    steps = recipe.epochs * ceil(len(learned) / recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, steps, **CYCLE, cycle_momentum=recipe.optimiser == "AdamW"
    )
    watched: Any = dict(averaged=loop.average(model), validate=validation(recipe, dataset, fabric.device))
    settings: Any = dict(epochs=recipe.epochs, steps=steps, seed=recipe.seed, clip=recipe.clip, fabric=fabric)
    return loop.Fit(model, feed, recipe.loss, optimiser, schedule=schedule, **watched, **settings)


def _groups(model: nn.Module, decay: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the kernels within, which a decoupled weight decay holds small, from all the others."""
    within = {f"{name}.weight" for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)} - ENDS
    kernels = [p for name, p in model.named_parameters() if name in within]
    others = [p for name, p in model.named_parameters() if name not in within]
    return dict(params=kernels, weight_decay=decay), dict(params=others, weight_decay=0.01)


def _adamw(model: nn.Module, rate: float, decay: float) -> Optimizer:
    return torch.optim.AdamW(_groups(model, decay), rate, fused=True)


def _muon(model: nn.Module, rate: float, decay: float) -> Optimizer:
    """Let Muon (Jordan et al. 2024) step along orthogonalised gradients of the kernels within, AdamW along all the others.

    Its steps are scaled so that one learning rate serves both (Liu et al. 2025).
    """
    from pytorch_optimizer import Muon  # two seconds, which the app need not wait for

    kernels, others = _groups(model, decay)
    return Muon(
        [{**kernels, "use_muon": True, "use_adjusted_lr": True, "lr": rate}, {**others, "use_muon": False, "lr": rate}]
    )


OPTIMISERS = {"AdamW": _adamw, "Muon": _muon}


def _aside(dataset: Dataset) -> int:
    """Say how many images are set aside: VALIDATION, of a sample a tenth."""
    return min(VALIDATION, len(dataset) // 10)


def validation(recipe: Denoising, dataset: Dataset, device: torch.device | str = "cpu") -> loop.Score:
    """Return what scores a denoiser on `device` while it is trained: its mean PSNR, in dB, on images set aside under one draw of noise."""
    aside = dataset.part(slice(-_aside(dataset), None)).images()
    clean, noisy = aside.to(device), noise.eight_bit(recipe.noise(aside, generator(1))).to(device)

    @torch.no_grad()
    def score(model: nn.Module) -> float:
        return float(metrics.psnr(torch.cat([model(x) for x in noisy.split(100)]), clean).mean())

    return score


def untrained(recipe: Recipe) -> Network:
    """Build the network of a recipe with its first weights: drawn from its seed, or those of the network it starts from.

    A conditioned one begins with a plain one by being it: what labels add is zero.
    """
    model = models.build(recipe.architecture, recipe.seed)
    if isinstance(recipe, Denoising) and recipe.start:
        model.load_state_dict({**model.state_dict(), **checkpoints.load(recipe.start)[0].state_dict()})
    return model
