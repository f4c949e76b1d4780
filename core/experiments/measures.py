"""Which curves are measured of every digit network, and at which strengths."""

from core.attacks import FGSM, PGD
from core.experiments.accuracy import Corruption
from core.noise import ReplaceGaussian, SaltAndPepper

SEED = 0
FRACTIONS = tuple(round(0.05 * k, 2) for k in range(21))  # Figure 7: 0 to 100 %
EPSILONS = tuple(round(0.025 * k, 3) for k in range(21))  # Figure 12, to 0.5
MEASURES: tuple[tuple[Corruption, tuple[float, ...]], ...] = (
    (SaltAndPepper(), FRACTIONS),
    (ReplaceGaussian(), FRACTIONS),
    (FGSM(), EPSILONS),
    (PGD(), EPSILONS),
)
