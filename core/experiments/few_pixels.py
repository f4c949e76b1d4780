"""How few pixels are enough, on test digits: one, three, ... of them searched for (Figure 12)."""

from collections.abc import Iterator

from core import checkpoints
from core.attacks import OnePixel
from core.data import datasets
from core.experiments import accuracy, every_pixel, networks, results
from core.experiments.accuracy import Curve
from core.experiments.results import Experiment, Store

COUNTS = (1, 3, 5, 10, 20, 40)  # Figure 12
SEARCH = OnePixel(population=200, generations=50)
SEARCHED = 1000  # digits
BATCH = 20

STORE = Store("few-pixels", Curve)


def measure(key: str, n: int) -> Iterator[Curve]:
    """Search for the pixels that fool a network, yielding what is counted so far; raises UserError where it is none of digits."""
    device = networks.device()
    model, card = checkpoints.classifier(key, device)
    dataset = datasets.full(card.dataset, "test")
    begun = accuracy.begin(STORE, card, dataset, SEARCH, COUNTS, device)
    yield from accuracy.swept(STORE, key, model, begun, dataset, SEARCH, n, BATCH)


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md, beside what trying every single pixel says."""
    tried, searched = every_pixel.STORE.current(), STORE.current()
    yield "## Few pixels"
    yield ""
    yield f"Digits read right, percent. Every single pixel in black and white: n = {results.counted(tried.values())} test digits. Searched: `{SEARCH!r}` for 1, 3, ... pixels, n = {results.counted(searched.values())}."
    yield ""
    yield "| classifier | clean | every single pixel tried | " + " | ".join(f"{k} searched" for k in COUNTS) + " |"
    yield "|---|---|---|" + "---|" * len(COUNTS)
    for name in networks.classifiers():
        if one := tried.get(name):
            cells = [f"{share:.1f}" for share in searched[name].accuracy] if name in searched else [""] * len(COUNTS)
            alone = f"{100 * one.clean / one.n:.2f} | {100 * one.safe / one.n:.2f}"
            yield f"| `{name}` | {alone} | " + " | ".join(cells) + " |"


EXPERIMENT = Experiment(
    "how often digit networks are right when a few pixels are searched for", STORE, networks.classifiers, measure,
    lambda _: SEARCHED, document="attacks", table=section,
)  # fmt: skip
