"""Is a denoiser a defence? A classifier's accuracy under attack, without, behind and through a denoiser."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from core import checkpoints
from core.attacks import PGD
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import tables
from core.models import Classifier, Denoiser
from core.types import Images, Labels, Logits

EPSILONS = tuple(round(0.05 * k, 2) for k in range(9))
ATTACK = PGD(steps=20, step=0.1)
BATCH = 250
SEED = 0
WAYS = {
    "attacked": "attacked",
    "denoised": "attacked, then denoised",
    "through": "attacked through the denoiser, then denoised",
}


@dataclass(frozen=True)
class Defence:
    """How many of n digits are read right at every epsilon, by each of WAYS."""

    network: str
    sha256: str
    denoiser: str
    denoiser_sha256: str
    attack: str
    n: int
    seed: int
    data: str
    commit: str
    epsilons: Sequence[float]
    hits: dict[str, list[int]]


def behind(classifier: Classifier, denoiser: Denoiser) -> Callable[[Images], Logits]:
    """Put a denoiser before a classifier; what it gives is clipped to [0, 1], as a picture is."""
    return lambda x: classifier(denoiser(x).clamp(0, 1))


def counted(classifier: Classifier, denoiser: Denoiser, x: Images, y: Labels) -> Tensor:
    """Count right answers: int64 (ways, epsilons).

    The second attacker does not know of the denoiser; the third takes his gradient through it.
    """
    whole = behind(classifier, denoiser)
    blind = ATTACK.levels(classifier, x, y, list(EPSILONS))
    through = ATTACK.levels(whole, x, y, list(EPSILONS))
    with torch.no_grad():
        pairs = ((classifier, blind), (whole, blind), (whole, through))
        return torch.tensor([[int((model(z).argmax(1) == y).sum()) for z in levels] for model, levels in pairs])


def measure(
    classifier: Classifier, card: Card, denoiser: Denoiser, shield: Card, dataset: Dataset, n: int
) -> Iterator[Defence]:
    """Measure on n test digits, in an order drawn from SEED, yielding what is measured so far."""
    hits, done = torch.zeros(len(WAYS), len(EPSILONS), dtype=torch.int64), 0
    for chosen in datasets.shuffled(len(dataset), SEED)[:n].split(BATCH):
        hits += counted(classifier, denoiser, dataset.images(chosen), dataset.labels[chosen])
        done += len(chosen)
        yield Defence(
            card.name, card.sha256, shield.name, shield.sha256, repr(ATTACK), done, SEED, dataset.title,
            checkpoints.commit(), EPSILONS, dict(zip(WAYS, hits.tolist(), strict=True)),
        )  # fmt: skip


def keep(found: Defence) -> None:
    """Put what is measured into checkpoints/curves/defence.json; raises UserError where the disk refuses."""
    tables.put("defence", found.network, asdict(found))


def current() -> dict[str, Defence]:
    """Return what is measured of networks as they are now, by classifier."""
    return {
        name: d
        for name, d in kept().items()
        if checkpoints.current(name, d.sha256) and checkpoints.current(d.denoiser, d.denoiser_sha256)
    }


def kept() -> dict[str, Defence]:
    """Return what is measured, by classifier."""
    return {name: Defence(**record) for name, record in tables.records("defence").items()}
