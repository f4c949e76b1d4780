"""The study's two pictures under each of its networks' noise and attack: how alike are the two (Figures 29 to 33)?"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from core import checkpoints, noise
from core.attacks import DAG
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments.attack_rates import NETWORKS
from core.experiments.results import Experiment, Result, Store
from core.measures import noise_similarity
from core.types import Model

PICTURES = {"ship": 5034, "truck": 2727}  # CIFAR-10 test images
ATTACK = DAG()


@dataclass(frozen=True, kw_only=True)
class Pictures(Result):
    """How far noise and adversarial noise are apart on each picture: L2 of both, correlation, and `noise_similarity.distance`."""

    FOUND: ClassVar = ("found",)

    noise: str  # the nominal one
    attack: str
    found: dict[str, dict[str, float]]

    @property
    def line(self) -> str:
        """Say how alike they are."""
        return f"{self.network}: " + ", ".join(f"{title} {f['correlation']:.2f}" for title, f in self.found.items())


STORE = Store("study-pictures", Pictures)


def begin(card: Card, dataset: Dataset) -> Pictures:
    """Return a result on no picture yet."""
    nominal = noise.parse(card.recipe["noise"]).nominal
    return Pictures(**STORE.provenance([card], dataset, "float32"), noise=repr(nominal), attack=repr(ATTACK), found={})


def compared(model: Model, known: Pictures, dataset: Dataset) -> Iterator[Pictures]:
    """Compare noise and attack on the pictures that are not known yet, yielding what is found so far."""
    for title in [title for title in PICTURES if title not in known.found]:
        batch = noise.noisy_batch(dataset.images([PICTURES[title]]), noise.parse(known.noise), known.seed)
        added, n = ATTACK(model, batch.clean, batch.noisy) - batch.clean, batch.noisy - batch.clean
        figures = dict(
            correlation=noise_similarity.correlation(n, added), noise_l2=float(n.norm()), attack_l2=float(added.norm()),
            **asdict(noise_similarity.distance(n, added)),
        )  # fmt: skip
        known = replace(known, n=known.n + 1, found={**known.found, title: figures})
        yield known


def measure(key: str, n: int) -> Iterator[Pictures]:
    """Compare noise and attack on both pictures, whatever n; raises UserError where the network is no denoiser."""
    model, card = checkpoints.denoiser(key)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, dataset))
    yield known
    yield from compared(model, known, dataset)


EXPERIMENT = Experiment(
    "how alike noise and attack are on the study's two pictures", STORE, lambda: NETWORKS, measure, lambda _: len(PICTURES)
)  # fmt: skip
