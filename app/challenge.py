"""The challenge: who fools a network with the fewest pixels, or the least L2? Attempts are checked here, whatever a browser says of them."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import torch

from app.inputs import Digit, Trained
from core import UserError
from core.measures import metrics
from core.networks.digits import Classifier

MOST = 500  # who stand on a board
TOP = 10  # that are shown
PAUSE = 1.0  # seconds between two attempts of one visitor
COLOURS = ("amber", "azure", "blue", "bronze", "coral", "crimson", "golden", "green", "indigo", "ivory", "jade", "lilac", "maroon", "olive", "orange", "pearl", "pink", "purple", "red", "ruby", "silver", "teal", "violet", "white")  # fmt: skip
ANIMALS = ("badger", "bear", "crane", "deer", "dolphin", "eagle", "finch", "fox", "gecko", "hare", "heron", "koala", "lark", "lynx", "mole", "otter", "owl", "panda", "robin", "seal", "swan", "tiger", "turtle", "whale")  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """A painted digit that fools the network: by how many pixels, how far in L2, and what it is read as."""

    pixels: int
    l2: float
    answer: int


MEASURES: dict[str, Callable[[Attempt], tuple[float, float]]] = {
    "Fewest pixels": lambda a: (a.pixels, a.l2),
    "Least L2": lambda a: (a.l2, a.pixels),
}  # where two are equal the other one decides


def judged(model: Classifier, digit: Digit, values: bytes) -> Attempt:
    """Ask the network about a digit that somebody has painted over, 784 grey values. Raises UserError where it is no attempt, or does not fool it."""
    x, z = digit.pixels(), Digit(values).pixels()
    painted = z != x
    if not ((z[painted] == 0) | (z[painted] == 255)).all():
        raise UserError("Pixels may be painted black or white, and nothing else.")
    with torch.no_grad():
        before, after = model(torch.cat([x, z]).float() / 255).argmax(1).tolist()
    if before == after:
        raise UserError(f"The network still reads a {after}: nothing is written down.")
    return Attempt(int(painted.sum()), float(metrics.l2(z.float() / 255, x.float() / 255)), after)


class Board:
    """Who has fooled a network on a digit: of every visitor the best by each measure, under a name that is drawn."""

    def __init__(self, network: Trained, digit: Digit) -> None:
        self.network, self.digit = network, digit
        self.names: dict[str, str] = {}  # by visitor
        self._best: dict[str, dict[str, Attempt]] = {measure: {} for measure in MEASURES}
        self._last: dict[str, float] = {}
        self._lock = Lock()

    def send(self, model: Classifier, visitor: str, values: bytes) -> Attempt:
        """Check an attempt and write it down. Raises UserError where it does not count, or comes too soon after the last."""
        with self._lock:
            now, last = time.monotonic(), self._last.get(visitor)
            if last is not None and now - last < PAUSE:
                raise UserError("One attempt a second: send it in again.")
            if last is None and len(self._last) >= MOST:
                raise UserError("This board is full.")
            self._last[visitor] = now
        found = judged(model, self.digit, values)
        with self._lock:
            self.names.setdefault(visitor, self._drawn())
            for measure, worth in MEASURES.items():
                mine = self._best[measure]
                mine[visitor] = min(mine.get(visitor, found), found, key=worth)
        return found

    def top(self, measure: str) -> list[tuple[str, Attempt]]:
        """Return the names and attempts of the TOP by a measure, the best first."""
        with self._lock:
            best = sorted(self._best[measure].items(), key=lambda item: MEASURES[measure](item[1]))
            return [(self.names[visitor], attempt) for visitor, attempt in best[:TOP]]

    def _drawn(self) -> str:
        taken = {*self.names.values()}
        return secrets.choice([name for c in COLOURS for a in ANIMALS if (name := f"{c} {a}") not in taken])
