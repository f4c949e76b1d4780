"""Can an answer be guaranteed? Denoised smoothing: how far, and beside it the best attack found on the vote and without any."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from core import checkpoints, models
from core.attacks import l2
from core.attacks.l2 import DDN
from core.attacks.worst_case import margin
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import defence, networks, results
from core.experiments.defence import SHIELD
from core.experiments.results import Experiment, Store, Tabled
from core.measures import metrics, smoothing
from core.measures.smoothing import ALPHA, FIRST
from core.networks.digits import Classifier
from core.types import Images, Labels, Model, Scores, generator

SIGMAS = (0.0, 0.25, 0.5, 1.0)  # of the grey range; 0: no noise, no vote, no guarantee
RADII = tuple(round(0.05 * step, 2) for step in range(81))  # L2
TOLD = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)  # of them, in the document
BASES = {"alone": "the network alone", "denoised": "denoised first"}  # what votes under noise
# of an answer 1, or 0 where it abstains, or -1; L2 that is guaranteed; L2 of the nearest change found that alters the answer
FOUND = ("right", "radius", "broken")
DIGITS, BATCH, VOTES = 1000, 20, 1000
ATTACK = DDN()
DRAWS = 4  # of noise, for each step of the attack
SEARCH, LEAD = 100, 0.15  # votes at a point on the way; by what share of them another class is to lead
SHARES, ROUNDS = (0.7, 1.3), 5  # of the way, between which it looks; halvings
VERDICT, STRETCHES = 500, (1.0, 1.1, 1.5, 2.5)  # votes of a verdict; where it is asked for, as shares of what was found

Rows = Float[Tensor, "n bases sigmas 3"]


def bases(classifier: Classifier, denoiser: Model) -> dict[str, Model]:
    """Return what answers under noise, by BASES.

    Before the denoiser the noisy picture is clipped to [0, 1], as those it was trained on: part of what votes, not of the noise.
    """
    clean = models.autocast(denoiser)
    return dict(zip(BASES, (classifier, defence.behind(classifier, lambda z: clean(z.clamp(0, 1)))), strict=True))


@torch.no_grad()
def unguarded(model: Model, x: Images, y: Labels) -> tuple[Images, Scores]:
    """Attack a classifier that is asked without noise: images not read as `y`, as near as found, and how far they are, (N,).

    Infinitely far where none was found.
    """

    def misread(z: Images) -> l2.Flags:
        return model(z).argmax(1) != y

    with torch.enable_grad():
        z = ATTACK.closest(model, x, y)
    z = l2.along(x, z, l2.shortened(x, z, misread, 0.0, 1.0, 12))
    return z, torch.where(misread(z), metrics.l2(z, x), torch.inf)


def broken(model: Model, x: Images, y: Labels, sigma: float, rng: Generator) -> tuple[Images, Scores]:
    """Attack a smoothed classifier: images whose likeliest answer is not `y`, as near as found, and how far they are, (N,).

    The vote is random, so a change counts only where a test on VERDICT votes of its own says, wrongly with a probability of
    ALPHA at most for all its tries together, that another class is likelier. Infinitely far where no change counts.
    """

    def led(z: Images) -> l2.Flags:
        return margin(smoothing.votes(model, z, sigma, SEARCH, rng).float(), y) > LEAD * SEARCH

    aim = ATTACK.last(l2.expected(model, sigma, DRAWS, rng), x, y)
    share = l2.shortened(x, aim, led, *SHARES, ROUNDS)
    best, length = aim.clone(), torch.full_like(share, torch.inf)
    for stretch in STRETCHES:
        left = length.isinf()
        if not left.any():
            break
        z, own = l2.along(x[left], aim[left], stretch * share[left]), y[left]
        first, votes = (smoothing.votes(model, z, sigma, count, rng) for count in (SEARCH, VERDICT))
        other = first.scatter(1, own[:, None], -1).argmax(1)
        fallen = smoothing.overtakes(votes, own, other, ALPHA / len(STRETCHES))
        best[left], length[left] = z, torch.where(fallen, metrics.l2(z, x[left]), torch.inf)
    return best, length


def scored(model: Model, x: Images, y: Labels, sigma: float, votes: int, rng: Generator) -> Float[Tensor, "n 3"]:
    """Certify a batch and attack what is not misread: FOUND, image by image."""
    if sigma == 0:
        _, length = unguarded(model, x, y)
        return torch.stack([2.0 * (length > 0) - 1, torch.zeros_like(length), length], 1)
    found = smoothing.certify(model, x, sigma, votes, rng)
    right = torch.where(found.answer == y, 1, -1) * ~found.abstains
    misread = (found.answer != y) & smoothing.overtakes(found.votes, y, found.answer)
    length = torch.zeros(len(x), device=x.device)
    if not misread.all():
        length[~misread] = broken(model, x[~misread], y[~misread], sigma, rng)[1]
    return torch.stack([right, found.radius, length], 1).float()


@dataclass(frozen=True, kw_only=True, eq=False)
class Certified(Tabled):
    """What is guaranteed of n digits, and what an attack finds: `rows` hold FOUND by base and sigma, image by image."""

    denoiser: str
    sigmas: tuple[float, ...]
    votes: int
    alpha: float
    attack: str
    rows: Rows

    def column(self, base: str, sigma: float, what: str) -> Scores:
        """Return one of FOUND."""
        return self.rows[:, list(BASES).index(base), self.sigmas.index(sigma), FOUND.index(what)]

    def certified(self, base: str, sigma: float, radii: Sequence[float] = RADII) -> list[int]:
        """Count the digits whose right answer no change as long as each radius can alter, as guaranteed."""
        right, radius = (self.column(base, sigma, what) for what in ("right", "radius"))
        return [int(((right == 1) & (radius > r)).sum()) for r in radii]

    def standing(self, base: str, sigma: float, radii: Sequence[float] = RADII) -> list[int]:
        """Count the digits of which the attack found no change as short as each radius that makes another answer likelier."""
        return [int((self.column(base, sigma, "broken") > r).sum()) for r in radii]

    def breaches(self, base: str, sigma: float) -> int:
        """Count the guarantees that the attack broke, digit by digit: but for chance there are none."""
        right, radius, length = (self.column(base, sigma, what) for what in FOUND)
        return int(((right == 1) & (length < radius)).sum())

    @property
    def guarantees(self) -> tuple[int, int]:
        """Return how many guarantees of right answers were given in all, and how many of them were broken."""
        pairs = [(base, sigma) for base in BASES for sigma in self.sigmas if sigma]
        return sum(self.certified(*pair, (0.0,))[0] for pair in pairs), sum(self.breaches(*pair) for pair in pairs)

    @property
    def line(self) -> str:
        """Say how many guarantees were given and broken."""
        given, lost = self.guarantees
        return f"{self.network}, n = {self.n:,}: {given:,} right answers guaranteed, {lost} of these guarantees broken"


STORE = Store("certificate", Certified)


def begin(card: Card, shield: Card, dataset: Dataset, device: str = "cpu") -> Certified:
    """Return a result on no digit yet."""
    precision = " and ".join(dict.fromkeys(("float32", models.precision(device))))  # classifier, denoiser
    about = STORE.provenance([card, shield], dataset, precision, device)
    rows = torch.empty(0, len(BASES), len(SIGMAS), len(FOUND))
    return Certified(
        **about, denoiser=shield.name, sigmas=SIGMAS, votes=VOTES, alpha=ALPHA, attack=f"{ATTACK!r}, {DRAWS} draws a step", rows=rows
    )  # fmt: skip


def spread(
    known: Certified, answering: Mapping[str, Model], dataset: Dataset, n: int, workers: int = 1
) -> Iterator[Certified]:
    """Measure ever more digits, from what is known to n."""

    def rows(piece: tuple[int, Tensor]) -> Rows:
        number, chosen = piece
        x, y, rng = dataset.images(chosen), dataset.labels[chosen], generator(known.seed + number)
        found = [scored(model, x, y, sigma, known.votes, rng) for model in answering.values() for sigma in known.sigmas]
        return torch.stack(found, 1).view(len(x), len(answering), len(known.sigmas), -1).cpu()

    yield from results.grown(rows, known, dataset, BATCH, n, workers)


def measure(key: str, n: int) -> Iterator[Certified]:
    """Certify and attack a digit network, alone and behind the denoiser of digits; raises UserError where one is not here."""
    device = networks.device()
    (model, card), (shield, shield_card) = checkpoints.classifier(key, device), checkpoints.denoiser(SHIELD, device)
    dataset = datasets.full(card.dataset, "test")
    known = STORE.resume(key, begin(card, shield_card, dataset, device))
    yield known
    here = dataset.to(torch.device(device))
    yield from spread(known, bases(model, shield), here, n, networks.workers(device))


def section() -> Iterator[str]:
    """Write its part of docs/attacks.md."""
    yield "## Guarantees"
    yield ""
    found = {name: known for name, known in STORE.current().items() if known.n}
    if not found:
        yield "Not measured yet: `python -m core measure certificate`."
        return
    first = next(iter(found.values()))
    yield f"Percent of MNIST test digits whose right answer, by vote under Gaussian noise, no change up to an L2 of r alters: guaranteed ({first.votes:,} votes, {FIRST} others choose the class; each"
    yield f"guarantee fails with a probability of {first.alpha:g} at most), and in brackets not altered by the nearest change found (`{first.attack}`; each counts by a test that fails as rarely)."
    yield f"The truth lies between the two. Sigma 0: no noise, no vote, no guarantee. Abstains: no class is surely answered more often than not. `{first.denoiser}` denoises first."
    yield ""
    yield "| network | answers | sigma | n | " + " | ".join(f"r = {r:g}" for r in TOLD) + " | abstains |"
    yield "|---|---|---|---|" + "---|" * (len(TOLD) + 1)
    for name, one in found.items():
        for base, sigma in ((base, sigma) for base in BASES for sigma in one.sigmas):
            pairs = zip(one.certified(base, sigma, TOLD), one.standing(base, sigma, TOLD), strict=True)
            shares = [(f"{100 * safe / one.n:.1f} " if sigma else "", 100 * left / one.n) for safe, left in pairs]
            cells = [f"{safe}({left:.1f})" for safe, left in shares]
            away = float((one.column(base, sigma, "right") == 0).double().mean())
            yield f"| `{name}` | {BASES[base]} | {sigma:g} | {one.n:,} | {' | '.join(cells)} | {100 * away:.1f} |"
    yield ""
    yield " ".join(f"{one.line}: chance alone may break {2 * one.alpha:.1%} of them." for one in found.values())


EXPERIMENT = Experiment(
    "how far the answers of a vote under noise are guaranteed, beside the best attack", STORE, lambda: ("digit-cnn",), measure,
    lambda _: DIGITS, document="attacks", table=section,
)  # fmt: skip
