"""What is it worth to know what a picture shows? A network that may be told beside one that may not, three trainings each.

Both begin with n2n-gaussian-50 and go on by the same recipe: the same pictures, noise and number of steps for one seed. The study
suggests it (section 4.2): a denoiser that knows of a cat might keep its fur.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from core import UserError, checkpoints, models
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import denoising, networks, trainings, worst_curves
from core.experiments.results import SEED, Experiment, Result, Store
from core.experiments.trainings import Variant
from core.measures.paired import interval, of_few
from core.models import Network
from core.networks.unet import ConditionedUNet
from core.training import recipes
from core.training.recipes import Denoising
from core.types import Labels, Model, Scores, generator

RECIPE = "n2n-gaussian-50-told"
SEEDS = 3  # trainings, with the seeds 1, 2, 3
ATTACKED = 256  # test images that are attacked
BUDGET = 2.0  # L2
BATCH = 250
GIVEN = ("no label", "the right label", "a wrong label")


def variants() -> dict[str, Variant]:
    """Return what is compared, by key."""
    recipe = recipes.recipe(RECIPE)
    assert isinstance(recipe, Denoising)
    return {"plain": Variant(replace(recipe, architecture="UNet")), "told": Variant(recipe)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Taught(Result):
    """What n trainings came to: PSNR in dB of test images under noise, and of the first of them under attack.

    The network is given GIVEN, a plain one only the first; of these the first two are attacked, at L2 BUDGET.
    """

    FOUND: ClassVar = ("shows", "scores", "attacked")

    variant: str
    shows: Int64[Tensor, " images"]  # what each test image is of
    scores: Float[Tensor, "n given images"]
    attacked: Float[Tensor, "n two some 6"]  # worst_curves.COLUMNS

    @property
    def line(self) -> str:
        """Say how well they did, given each."""
        means = self.scores.double().mean((0, 2)) if self.n else ()
        return "; ".join(f"{given} {float(mean):.3f} dB" for given, mean in zip(GIVEN, means, strict=False))

    def psnr(self, given: str = GIVEN[0]) -> Float[Tensor, "n images"]:
        """Return the PSNR of every image after each training."""
        rows: Tensor = self.scores[:, GIVEN.index(given)].double()
        return rows

    def lost(self, given: str = GIVEN[0], noisy: bool = False) -> Float[Tensor, "n some"]:
        """Return what the worst attack costs each image beyond white noise as strong, in dB; `noisy`: ObsAtk, on the noisy image."""
        columns = dict(zip(worst_curves.COLUMNS, self.attacked[:, GIVEN.index(given)].double().unbind(-1), strict=True))
        if noisy:
            return columns["noisy, white"] - columns["noisy, ObsAtk"]
        return columns["white"] - torch.stack([columns[name] for name in worst_curves.ATTACKS]).amin(0)


STORE = Store("told", Taught)


def views(model: Network, labels: Labels, seed: int) -> list[Model]:
    """Return a network as it is for images of which it is said nothing, what they show, and something else, drawn; a plain one once."""
    if not isinstance(model, ConditionedUNet):
        return [model]
    others = torch.randint(1, model.CLASSES, labels.shape, generator=generator(seed)).to(labels.device)
    return [model, model.given(labels), model.given((labels + others) % model.CLASSES)]


def scored(model: Network, recipe: Denoising, test: Dataset) -> Float[Tensor, "given images"]:
    """Return the PSNR of all images under the recipe's noise, in dB, given each of GIVEN."""
    rows = []
    for number, chosen in enumerate(torch.arange(len(test)).split(BATCH)):
        seed, x = SEED + number, test.images(chosen)
        told = map(models.autocast, views(model, test.labels[chosen], seed))
        rows.append(torch.stack([denoising.scored(view, x, recipe.noise, seed)[:, 2] for view in told]).cpu())
    return torch.cat(rows, 1)


def attacked(model: Network, recipe: Denoising, test: Dataset) -> Float[Tensor, "given images 6"]:
    """Attack all images at L2 BUDGET, given no label and the right one."""
    rows = []
    for number, chosen in enumerate(torch.arange(len(test)).split(worst_curves.BATCH)):
        seed, x = SEED + number, test.images(chosen)
        told = map(models.autocast, views(model, test.labels[chosen], seed)[:2])
        rows.append(
            torch.stack([worst_curves.scored(view, x, recipe.noise, seed, (), (BUDGET,))[:, 0] for view in told]).cpu()
        )
    return torch.cat(rows, 1)


def measure(key: str, n: int) -> Iterator[Taught]:
    """Train a variant, by key, n times; raises UserError where there is none of that name, or the data set is missing."""
    if key not in (known := variants()):
        raise UserError(f"There is no such training {key!r}: choose one of {', '.join(known)}.")
    variant, device = known[key], networks.device()
    learned, test = (datasets.full("cifar10", split) for split in ("train", "test"))
    given = 3 if key == "told" else 1
    about = STORE.provenance([checkpoints.read(variant.recipe.start)], test, models.precision(device), device)
    nothing = torch.empty(0, given, len(test)), torch.empty(0, min(2, given), ATTACKED, len(worst_curves.COLUMNS))
    begun = Taught(
        **about, variant=repr(variant), shows=test.labels, scores=nothing[0], attacked=nothing[1]
    )  # fmt: skip
    found = STORE.resume(key, begun)
    yield found
    here = test.to(torch.device(device))
    while found.n < n:
        model = trainings.trained(variant, found.n + 1, learned)
        under_noise = scored(model, variant.recipe, here)
        under_attack = attacked(model, variant.recipe, here.part(slice(0, ATTACKED)))
        found = replace(
            found, n=found.n + 1, scores=torch.cat([found.scores, under_noise[None]]),
            attacked=torch.cat([found.attacked, under_attack[None]]),
        )  # fmt: skip
        yield found


@dataclass(frozen=True)
class Gain:
    """A mean difference in dB, with the half widths of its 95 % intervals over images, paired, and over trainings (Student)."""

    mean: float
    images: float
    trainings: float

    @classmethod
    def of(cls, one: Float[Tensor, "n images"], other: Float[Tensor, "m images"], comparisons: int = 1) -> "Gain":
        """Compare two, image by image and training by training."""
        n = min(len(one), len(other))
        apart = one[:n] - other[:n]
        mean, half = interval(apart.mean(0), comparisons)
        return cls(mean, half, of_few(apart.mean(1))[1])

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ± {self.images:.3f} ± {self.trainings:.3f}"


def current() -> tuple[Taught, Taught] | None:
    """Return both results where they hold and speak of the same test images."""
    known = STORE.current()
    plain, told = known.get("plain"), known.get("told")
    if plain and told and plain.n and told.n and (plain.data, plain.seed) == (told.data, told.seed):
        return plain, told
    return None


def gains(plain: Taught, told: Taught) -> dict[str, Gain]:
    """Compare what it is given with another thing it is given, or with the plain network."""
    none, right, wrong = map(told.psnr, GIVEN)
    return {
        "the right label, beyond no label": Gain.of(right, none),
        "a wrong label, beyond no label": Gain.of(wrong, none),
        "no label, beyond the plain network": Gain.of(none, plain.psnr()),
        "the right label, beyond the plain network": Gain.of(right, plain.psnr()),
    }


def attacks(plain: Taught, told: Taught) -> dict[str, Gain]:
    """Compare what attacks at L2 BUDGET cost, beyond white noise as strong: above 0, more."""
    found = {}
    for where, noisy in (("from the clean picture", False), ("ObsAtk, on the noisy one", True)):
        none, right = (told.lost(given, noisy) for given in GIVEN[:2])
        found[f"{where}: no label, beyond the plain network"] = Gain.of(none, plain.lost(noisy=noisy))
        found[f"{where}: the right label, beyond no label"] = Gain.of(right, none)
    return found


def by_class(plain: Taught, told: Taught) -> Iterator[tuple[str, Scores, Gain]]:
    """Yield for each class the mean PSNR in dB of the plain network and given each of GIVEN, and the gain of the right label.

    The intervals hold for all classes at once.
    """
    names = datasets.SOURCES["cifar10"].classes
    for label, name in enumerate(names):
        of = plain.shows == label
        rows = [plain.psnr()[:, of], *(told.psnr(given)[:, of] for given in GIVEN)]
        yield name, torch.stack([row.mean() for row in rows]).float(), Gain.of(rows[2], rows[1], len(names))


def _tabled(found: dict[str, Gain]) -> Iterator[str]:
    """Write gains as a table, an empty line before and behind it."""
    yield from ("", "| | dB |", "|---|---|", *(f"| {what} | {gain} |" for what, gain in found.items()), "")


def section() -> Iterator[str]:
    """Write its part of docs/denoisers.md."""
    yield "## Knowing what a picture shows"
    yield ""
    if not (found := current()):
        yield "Not measured yet: `python -m core measure told`."
        return
    plain, told = found
    some = plain.attacked.shape[2]
    yield f"A network that may be told the class (`{RECIPE}`'s recipe) beside one that may not, {min(plain.n, told.n)} trainings each from the same start with the same pictures, noise and steps."
    yield f"Mean PSNR on {plain.data}: plain {plain.line.removeprefix(GIVEN[0]).strip()}; told {told.line}. Differences in dB, the first ± over images (paired), the second over trainings (Student):"
    yield from _tabled(gains(plain, told))
    yield f"Lost to the worst attack at L2 {BUDGET:g} beyond white noise as strong, on {some} of these images; above 0, more is lost:"
    yield from _tabled(attacks(plain, told))
    yield f"| class | plain | {' | '.join(GIVEN)} | the right label, beyond no label |"
    yield "|---" * 6 + "|"
    for name, means, gain in by_class(plain, told):
        yield f"| {name} | " + " | ".join(f"{mean:.2f}" for mean in means.tolist()) + f" | {gain} |"


EXPERIMENT = Experiment(
    "what it is worth to know what a picture shows", STORE, variants, measure, lambda _: SEEDS, document="denoisers", table=section
)  # fmt: skip
