"""How far a denoiser is led astray, image by image: the study's ratio, and the fair one (Figure 34).

Test images are attacked under the noise the denoiser was trained on, its level drawn for each image: with one fixed level
the study's figures do not come out (docs/log.md).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from core import UserError, checkpoints, models, noise
from core.attacks import DAG
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.results import Experiment, Store, Tabled
from core.measures import energy, metrics
from core.measures.paired import interval
from core.noise import Noise, NoisyBatch
from core.types import Images, Model, Scores

BATCH = 64  # a seventh faster than 32
IMAGES = 10_000  # all test images; what there is of them is shown meanwhile
NETWORKS = (  # the study's seven
    "n2n-gaussian-50", "n2n-gaussian-100", "n2n-poisson-100", "n2n-poisson-200", "n2n-poisson-500", "n2n-impulse-0.2",
    "n2n-impulse-0.5",
)  # fmt: skip
BESIDE = ("n2n-gaussian-50-robust", "n2n-gaussian-50-told")  # begun with the first, and trained otherwise
ATTACK = DAG()
STEPS = (30, 40)  # both are kept: the study does not say which of its figures took how many
AFTER = ("l2", "adversarial", "fooled", "random", "own")
COLUMNS = ("noisy_l2", "noisy", "denoised", *(f"{what}_{steps}" for steps in STEPS for what in AFTER))

Rows = Float[Tensor, "n 13"]  # a row per image, COLUMNS; L2, and PSNR in dB


def adversarial(model: Model, batch: NoisyBatch) -> Iterator[tuple[int, Images]]:
    """Attack a batch, yielding (steps, images) at each of STEPS."""
    for steps, images in enumerate(islice(ATTACK.path(model, batch.clean, batch.noisy), max(STEPS) + 1)):
        if steps in STEPS:
            yield steps, images


def scored(model: Model, x: Images, corrupt: Noise, seed: int) -> Rows:
    """Measure a batch of images under noise, under attack, and under chance of the attack's own energy."""
    batch = noise.noisy_batch(x, corrupt, seed)

    def after(z: Images) -> Scores:
        with torch.no_grad():
            return metrics.psnr(model(z), x)

    columns = [metrics.l2(batch.noisy, x), metrics.psnr(batch.noisy, x), after(batch.noisy)]
    for _, z in adversarial(model, batch):
        l2 = metrics.l2(z, x)
        chance = [energy.match_l2(x, change, l2) for change in (batch.white, batch.noise)]
        columns += [l2, metrics.psnr(z, x), after(z), *map(after, chance)]
    return torch.stack(columns, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rates(Tabled):
    """What every attacked image cost a denoiser: `rows` in the order of the batches, COLUMNS."""

    noise: str
    attack: str
    rows: Rows

    @property
    def means(self) -> dict[str, float]:
        """Return the mean of every column; an image that is left as it is has no finite PSNR and does not count in it."""
        return {name: float(v[v.isfinite()].double().mean()) for name, v in zip(COLUMNS, self.rows.T, strict=True)}

    @property
    def line(self) -> str:
        """Say what noise and attack left."""
        after = (
            f"{self.means['denoised']:.1f} dB after noise, {self.means[f'fooled_{STEPS[-1]}']:.1f} dB after the attack"
        )
        return f"{self.network}, n = {self.n:,}: {after}"

    def beyond(self, steps: int) -> Scores:
        """Return what the attack cost each image beyond white noise as strong, in dB."""
        columns = dict(zip(COLUMNS, self.rows.T, strict=True))
        lost: Scores = columns[f"random_{steps}"] - columns[f"fooled_{steps}"]
        return lost[lost.isfinite()]  # an image that is left as it is has no finite PSNR

    def ratio(self, steps: int, fair: bool) -> Scores:
        """Divide the PSNR after noise by the PSNR after the attack: the study's noise, or white noise of equal energy."""
        columns = dict(zip(COLUMNS, self.rows.T, strict=True))
        ratio: Scores = columns[f"random_{steps}" if fair else "denoised"] / columns[f"fooled_{steps}"]
        return ratio


STORE = Store("attack-rates", Rates, version=2)


def ranked(found: Iterable[Rates], steps: int) -> list[tuple[str, float]]:
    """Order networks by their mean ratio as the study has it, the highest first; at one budget they are compared in `worst_curves`."""
    means = [(f.network, float(f.ratio(steps, fair=False).double().mean())) for f in found]
    return sorted(means, key=lambda pair: -pair[1])


def share(ratios: Scores, low: float, high: float) -> float:
    """Return the share of images whose ratio lies between two bounds, both included, in percent."""
    return 100 * float(((ratios >= low) & (ratios <= high)).float().mean())


def begin(card: Card, dataset: Dataset, device: str = "cpu") -> Rates:
    """Return an empty table; raises UserError where the network is none that was trained on noise."""
    if "noise" not in card.recipe:
        raise UserError(f"{card.name} is not a network that takes noise away: choose another.")
    about = STORE.provenance([card], dataset, models.precision(device), device)
    return Rates(**about, noise=card.recipe["noise"], attack=repr(ATTACK), rows=torch.empty(0, len(COLUMNS)))


def attacked(model: Model, known: Rates, dataset: Dataset, n: int, workers: int = 1) -> Iterator[Rates]:
    """Attack ever more test images, from what is known to n, and yield what is found so far."""
    corrupt = noise.parse(known.noise)

    def rows(piece: tuple[int, Tensor]) -> Rows:
        number, chosen = piece
        return scored(model, dataset.images(chosen), corrupt, known.seed + number).cpu()

    yield from results.grown(rows, known, dataset, BATCH, n, workers)


def measure(key: str, n: int) -> Iterator[Rates]:
    """Attack a denoiser on n test images; raises UserError where it is none."""
    device = networks.device()
    model, card = checkpoints.denoiser(key, device)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, dataset, device))
    yield known
    yield from attacked(models.autocast(model), known, dataset.to(torch.device(device)), n, networks.workers(device))


def table() -> Iterator[str]:
    """Write what DAG does to the study's seven denoisers, beside chance as strong."""
    steps, known = STEPS[-1], STORE.current()
    yield "| network | n | L2 of noise, attack | after noise | **after the attack** | after white noise as strong | after its own noise as strong | beyond white noise | study's ratio |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in NETWORKS:
        if name in known:
            m = known[name].means
            cells = (
                f"`{name}`", f"{known[name].n:,}", f"{m['noisy_l2']:.1f}, {m[f'l2_{steps}']:.1f}", f"{m['denoised']:.1f} dB",
                f"**{m[f'fooled_{steps}']:.1f} dB**", f"{m[f'random_{steps}']:.1f} dB", f"{m[f'own_{steps}']:.1f} dB",
                "{:.2f} ± {:.2f} dB".format(*interval(known[name].beyond(steps))), f"{float(known[name].ratio(steps, fair=False).double().mean()):.3f}",
            )  # fmt: skip
            yield f"| {' | '.join(cells)} |"


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    yield "## Denoisers led astray"
    yield ""
    yield f"`{ATTACK!r}` on CIFAR-10 test images in an order drawn from the seed, the level of the noise drawn for each image. *As strong*: of exactly"
    yield "the attack's L2 length in each image, after clipping. Beyond white noise: what the attack costs more than white noise as strong, with its 95 % interval; its L2"
    yield "differs from network to network, so this is no ranking (that is made below, at one budget). Study's ratio: PSNR after noise / PSNR after the attack."
    yield ""
    yield from table()


EXPERIMENT = Experiment(
    "how far an attack leads denoisers astray, image by image", STORE, lambda: NETWORKS, measure, lambda _: IMAGES,
    document="attacks", table=section,
)  # fmt: skip
