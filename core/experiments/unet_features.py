"""Do DAG's perturbations of a denoiser live in useful, brittle features? The experiment the study asked for and did not make.

A feature is a channel on the way down of the U-Net. Its usefulness for the residual is what it is worth to the answer on noisy
pictures, in dB: PSNR with it less PSNR while it is held at its mean. A correlation of its values with the noise would miss
channels that say how strong the noise is, not which sign it has; this does not. Its robust usefulness is the least that it is worth within a
small L2 ball around the noisy picture, by an attack on that very worth. Both in Ilyas et al.'s sense: the same figure, its minimum over the
ball, equal where the ball is a point. What DAG moves is set against white noise of exactly its L2, for some channels are moved by anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from core import UserError, checkpoints, noise
from core.attacks import DAG
from core.attacks.ascent import slope
from core.attacks.denoisers import unit
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import networks, results
from core.experiments.attack_rates import NETWORKS
from core.experiments.results import SEED, Experiment, Store, Tabled
from core.measures import ablation, energy, metrics, ranks
from core.measures.ablation import PerChannel
from core.measures.ranks import Correlation
from core.networks.unet import UNet
from core.noise import Noise
from core.types import Images, Scores

BATCH, IMAGES = 8, 64
LEARNED = 256  # training pictures that say where a channel's mean lies
RADIUS = 0.5  # L2 over all values
SHARES = (1.0, 0.5, 0.25)  # of the radius, the steps of the attack on a channel
ATTACK = DAG()
COLUMNS = ("useful", "at worst", "DAG", "white")  # worth in dB, the least worth in the ball, moved in deviations
STAGES, CHANNELS = UNet.LEVELS + 2, 48
DEEP = (UNet.LEVELS, UNet.LEVELS + 1)  # last encoder stage and bottleneck: of 32 x 32 pixels one value a channel
HYPOTHESIS = (
    "If the study's second explanation holds for denoisers, DAG, beyond what white noise of the same L2 does, moves above all channels that are useful and brittle: the more a channel is worth, "
    "the more DAG moves it (rank correlation above 0), and the less of its worth is left at worst, the more DAG moves it (below 0). Both must hold; if either comes out the other way it does not."
)

Rows = Float[Tensor, "n units 4"]  # COLUMNS, stage by stage


def title(stage: int) -> str:
    """Name a stage.

    >>> title(0), title(5), title(6)
    ('stage 1', 'last encoder stage', 'bottleneck')
    """
    return {DEEP[0]: "last encoder stage", DEEP[1]: "bottleneck"}.get(stage, f"stage {stage + 1}")


def least(
    model: UNet,
    noisy: Images,
    clean: Images,
    stage: int,
    channel: Int64[Tensor, " n"],
    mean: Float[Tensor, " channels"],
) -> tuple[Scores, Scores]:
    """Return what one channel of each picture is worth, and the least it is worth within RADIUS of the noisy picture: never more."""

    def objective(z: Images) -> Scores:
        return -ablation.worth(model, z, clean, stage, channel, mean)

    z, found = noisy, []
    for share in (*SHARES, 0.0):  # where the last step ends, too
        value, g = slope(objective, z)
        found.append(-value)
        change = z + share * RADIUS * unit(g) - noisy
        length = metrics.l2(change, torch.zeros_like(change)).view(-1, 1, 1, 1)
        z = (noisy + change * (RADIUS / length.clamp(min=1e-12)).clamp(max=1)).clamp(0, 1)
    return found[0], torch.stack(found).amin(0)


def scored(model: UNet, x: Images, corrupt: Noise, seed: int, mean: PerChannel, deviation: PerChannel) -> Rows:
    """Measure every channel of every stage on a batch, COLUMNS."""
    batch = noise.noisy_batch(x, corrupt, seed)
    stages, channels = mean.shape
    image, channel = torch.cartesian_prod(*(torch.arange(k, device=x.device) for k in (len(x), channels))).T
    worths = []
    for stage in range(stages):
        parts = [
            least(model, batch.noisy[i], x[i], stage, c, mean[stage])
            for i, c in zip(image.split(UNet.AT_ONCE), channel.split(UNet.AT_ONCE), strict=True)
        ]
        worths.append(torch.stack([torch.cat(values).view(len(x), -1) for values in zip(*parts, strict=True)], 2))
    z = ATTACK(model, x, batch.noisy)
    white = energy.match_l2(x, batch.white, metrics.l2(z, x))
    moves = [ablation.moved(model, x, to, deviation).flatten(1) for to in (z, white)]
    return torch.cat([torch.cat(worths, 1), torch.stack(moves, 2)], 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class UNetFeatures(Tabled):
    """What every channel of the way down is worth, and how far it is moved: `rows` hold COLUMNS for each picture and channel."""

    noise: str
    attack: str
    radius: float
    steps: tuple[float, ...]
    rows: Rows

    def column(self, name: str) -> Scores:
        """Return the mean of one of COLUMNS for every channel."""
        return self.rows[:, :, COLUMNS.index(name)].double().mean(0)

    def half(self, name: str) -> Scores:
        """Return the half width of the 95 % interval of every such mean."""
        half: Scores = 1.96 * self.rows[:, :, COLUMNS.index(name)].double().std(0) / self.n**0.5
        return half

    @property
    def stage(self) -> Int64[Tensor, " units"]:
        """Return the stage of every channel."""
        return torch.arange(STAGES).repeat_interleave(self.rows.shape[1] // STAGES)

    @property
    def beyond(self) -> Scores:
        """Return how many times as far as white noise of the same L2 DAG moves every channel."""
        times: Scores = self.column("DAG") / self.column("white").clamp(min=1e-12)
        return times

    def together(self, name: str, stages: tuple[int, ...] = tuple(range(STAGES))) -> Correlation:
        """Correlate how far DAG moves channels, beyond white noise, with one of COLUMNS: ranks within each of some stages."""
        inside = torch.isin(self.stage, torch.tensor(stages))
        return ranks.correlation(self.beyond[inside], self.column(name)[inside], self.stage[inside])

    @property
    def line(self) -> str:
        """Say what the channels are worth, and whether DAG moves those."""
        if self.n < 2:
            return f"{self.network}, n = {self.n}"
        return f"{self.network}, n = {self.n}: moved beyond white noise and worth {self.together('useful')}, and worth at worst {self.together('at worst')}"


STORE = Store("unet-features", UNetFeatures)


def begin(card: Card, dataset: Dataset, device: str = "cpu") -> UNetFeatures:
    """Return a result on no picture yet."""
    return UNetFeatures(
        **STORE.provenance([card], dataset, "float32", device), noise=card.recipe["noise"], attack=repr(ATTACK), radius=RADIUS, steps=SHARES,
        rows=torch.empty(0, STAGES * CHANNELS, len(COLUMNS)),
    )  # fmt: skip


def spread(
    model: UNet, known: UNetFeatures, learned: Dataset, dataset: Dataset, n: int, workers: int = 1
) -> Iterator[UNetFeatures]:
    """Measure ever more pictures, from what is known to n; `learned` are those that settle mean and deviation of every channel."""
    corrupt = noise.parse(known.noise)
    mean, deviation = ablation.level(model, noise.noisy_batch(learned.images(slice(0, LEARNED)), corrupt, SEED).noisy)

    def rows(piece: tuple[int, Tensor]) -> Rows:
        number, chosen = piece
        return scored(model, dataset.images(chosen), corrupt, known.seed + number, mean, deviation).cpu()

    yield from results.grown(rows, known, dataset, BATCH, n, workers)


def network(name: str, device: str = "cpu") -> tuple[UNet, Card]:
    """Load a U-Net; raises UserError where it is none of photographs."""
    model, card = checkpoints.denoiser(name, device)
    if not isinstance(model, UNet) or card.architecture != "UNet":
        raise UserError(f"{name} is no U-Net of photographs: choose another.")
    return model, card


def measure(key: str, n: int) -> Iterator[UNetFeatures]:
    """Measure the channels of a U-Net on n test pictures; raises UserError where it is none, or its data set is not here."""
    device = networks.device()
    model, card = network(key, device)
    learned, dataset = (datasets.full(card.dataset, split).to(torch.device(device)) for split in ("train", "test"))
    known = STORE.resume(key, begin(card, dataset, device))
    yield known
    yield from spread(model, known, learned, dataset, n, networks.workers(device))


def current() -> dict[str, UNetFeatures]:
    """Return what holds of the networks, in their order."""
    known = STORE.current()
    return {name: known[name] for name in NETWORKS if name in known and known[name].n > 1}


def outcome(one: UNetFeatures) -> str:
    """Say whether the hypothesis holds: "supported", "contradicted", or "undecided" where an interval holds 0 and none speaks against it."""
    signs = one.together("useful").sign, -one.together("at worst").sign
    if -1 in signs:
        return "contradicted"
    return "supported" if signs == (1, 1) else "undecided"


def verdict(one: UNetFeatures) -> str:
    """Say in words what came of the hypothesis for a network, with the figures it rests on."""
    deep = ", ".join(f"{one.together(name, DEEP)}" for name in COLUMNS[:2])
    return (
        f"{one.network}: the hypothesis is **{outcome(one)}**. How far DAG moves a channel beyond white noise and what it is worth: {one.together('useful')}; and what it is worth at worst: "
        f"{one.together('at worst')}; rank correlations within stages over {len(one.stage)} channels, 95 % intervals over the channels, n = {one.n}. "
        f"Last encoder stage and bottleneck alone: {deep}."
    )


def summary(found: Mapping[str, UNetFeatures]) -> str:
    """Say for how many networks the hypothesis is supported."""
    outcomes = [outcome(one) for one in found.values()]
    told = ", ".join(
        f"{outcomes.count(word)} {word}" for word in ("supported", "contradicted", "undecided") if word in outcomes
    )
    return f"Of {len(found)} networks: {told}."


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    yield "## Does DAG live in useful, brittle features?"
    yield ""
    yield f"Stated beforehand: {HYPOTHESIS}"
    yield ""
    found = current()
    if not found:
        yield "Not measured yet: `python -m core measure unet-features`."
        return
    first = next(iter(found.values()))
    yield f"Worth of a channel on the way down: PSNR with it less PSNR while it is held at its mean, on pictures under the network's own noise. At worst: the least within L2 {first.radius:g} of the noisy picture, by"
    yield f"{len(first.steps)} steps on that worth. Moved: `{first.attack}` from the clean picture, over white noise of exactly its L2. Rank correlations within stages (95 % interval over channels)."
    yield ""
    yield "| network | n | channels | worth, median, dB | at worst, median, dB | moved and worth | moved and worth at worst | the same, deepest two stages | the hypothesis is |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, one in found.items():
        medians = " | ".join(f"{float(one.column(c).quantile(0.5)):.3f}" for c in COLUMNS[:2])
        links, deep = ([str(one.together(c, stages)) for c in COLUMNS[:2]] for stages in (tuple(range(STAGES)), DEEP))
        yield f"| `{name}` | {one.n} | {len(one.stage)} | {medians} | {' | '.join(links)} | {'; '.join(deep)} | {outcome(one)} |"
    yield ""
    yield summary(found)


EXPERIMENT = Experiment(
    "whether DAG moves useful, brittle channels of denoisers", STORE, lambda: NETWORKS, measure, lambda _: IMAGES,
    document="attacks", table=section,
)  # fmt: skip
