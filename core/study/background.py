"""What the study says before its own experiments, in sections 2.1 and 2.2, beside what is measured here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.experiments import every_pixel, input_sizes, softmax
from core.experiments import linearity as lines
from core.study import reported

MISSING = "not measured yet"
VERDICTS = {
    "holds": "comes out here too",
    "differs": "comes out otherwise",
    "beside": "set beside it, no verdict",
    "missing": MISSING,
}


@dataclass(frozen=True)
class Finding:
    """One figure of the study: what it says, what is measured here, and in what they differ."""

    figure: str
    says: str
    here: str
    why: str
    page: str  # where it can be explored
    numbers: tuple[int, ...] = ()  # of the study's figures that it is about
    query: Mapping[str, str] = field(default_factory=dict)  # the picture and the parameters there
    table: tuple[dict[str, str], ...] = ()  # the same, where it is many numbers: the study's row, then ours
    holds: bool | None = None  # whether the same comes out here; None where that is no question of yes or no

    @property
    def verdict(self) -> str:
        """Return one of VERDICTS."""
        if self.here.startswith(MISSING) or self.here.endswith(MISSING):
            return "missing"
        return "beside" if self.holds is None else "holds" if self.holds else "differs"


def fast() -> Iterator[Finding]:
    """Set what the study quotes of FGSM beside the same experiment here."""
    found = softmax.STORE.get(softmax.KEY)
    yield Finding(
        "Section 2.1.1, quoted", f"{reported.FGSM_ERROR} % error and {reported.FGSM_SURE} % average confidence under FGSM on MNIST",
        f"{found.line} (n = {found.n:,})" if found else MISSING,
        "Of Goodfellow et al., of a softmax regression: such a one is trained here by scikit-learn; their training is another.", "linear",
    )  # fmt: skip


def single() -> Iterator[Finding]:
    """Set what the study quotes of one pixel beside the same experiment here."""
    tried = every_pixel.STORE.get("digit-cnn")
    quoted = " and ".join(f"{share} % of {name}" for name, share in reported.ONE_PIXEL.items())
    yield Finding(
        "Section 2.1.2, quoted", f"{quoted} misclassified by one pixel",
        f"{100 - 100 * tried.safe / tried.n:.2f} % of the test digits read wrong by digit-cnn at the worst pixel, every one tried in black and white (n = {tried.n:,})" if tried else MISSING,
        "Of Su et al., on networks and photographs that are not here.", "pixels",
    )  # fmt: skip


def linearity() -> Iterator[Finding]:
    """Say how linear the networks here are, and whether what an attack adds up to grows with the inputs."""
    known, sizes = lines.STORE.current(), input_sizes.STORE.current()
    here, why = MISSING, ""
    if known:
        shares = [
            f"{name} {100 * mean:.1f} ± {100 * half:.1f}"
            for name, found in known.items()
            for mean, half in [found.mean(f"straight, {lines.ATTACK}")]
        ]
        n = min(found.n for found in known.values())
        here = f"a straight line explains so much of the logits along FGSM's direction, to ±{lines.REACH:g}, in percent: {', '.join(shares)} (n = {n:,}, seed 0)"
    if sizes:
        least, most = (f(sizes.values(), key=lambda one: one.side) for f in (min, max))
        why = (
            f"In linear models of the same digits with {(most.side / least.side) ** 2:.0f} times as many pixels the attack adds up to {most.moved / least.moved:.1f} times "
            f"as much: their weights get smaller, {most.m / least.m:.2f} times."
        )
    yield Finding(
        "Section 2.2.1", "networks are piece-wise highly linear, and what an attack adds up to grows linearly with the number of inputs; no conclusion",
        here, why, "linear",
    )  # fmt: skip
