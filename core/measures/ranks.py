"""Do two things rise together? Rank correlation, with an interval that says how far a few units bear it out."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.types import Labels, Scores, generator


@dataclass(frozen=True)
class Correlation:
    """A rank correlation, from -1 to 1, and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """Return 1 or -1 where the interval leaves out 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def correlation(
    one: Scores, other: Scores, group: Labels | None = None, draws: int = 1000, seed: int = 0
) -> Correlation:
    """Return Spearman's rank correlation of two figures, and its 95 % interval by bootstrap (Efron 1979) over what they are of.

    With a `group` of each, ranks are taken and draws are made within the groups: what only tells groups apart does not count.
    Nothing is said of one or two; 0 where all are alike.
    """
    group = torch.zeros(len(one), dtype=torch.int64) if group is None else group.cpu()
    rng, ranked = generator(seed), []
    for name in group.unique():
        inside = (group == name).nonzero().flatten()
        drawn = torch.randint(len(inside), (draws, len(inside)), generator=rng)
        rows = inside[torch.cat([torch.arange(len(inside))[None], drawn])]  # the first is what there is
        ranked.append([_standing(values.cpu()[rows]) for values in (one, other)])
    p, q = (np.concatenate(parts, 1) for parts in zip(*ranked, strict=True))
    found = (p * q).sum(1) / np.sqrt((p**2).sum(1) * (q**2).sum(1)).clip(1e-30)
    low, high = np.quantile(found[1:], (0.025, 0.975))
    return Correlation(float(found[0]), float(low), float(high))


def _standing(rows: Tensor) -> np.ndarray:
    """Return the rank of every value in its row, centred, as a share of the row."""
    from scipy.stats import rankdata  # it takes half a second to import

    ranks = rankdata(rows.double().numpy(), axis=1)
    return np.asarray((ranks - ranks.mean(1, keepdims=True)) / rows.shape[1])
