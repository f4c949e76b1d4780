"""What the study reports: the only typed-in results in the house, shown beside what is measured here.

Plummer and Hauser, "Learning-based denoising with adversarial noise" (2022); figure numbers are the study's.
"""

from dataclasses import dataclass
from math import inf

from core.experiments.study_digits import SHOWN
from core.experiments.trial import Corruption

ACCURACY = 97.55  # percent of the test digits read right, by the study's code

# Section 2.2.2 of the study, of Ilyas et al. (2019), who used CIFAR-10: percent of adversarial examples read right by
# networks that were trained on robust, or on non-robust, features alone.
ROBUST_ALONE, BRITTLE_ALONE = 50.0, 0.0


FGSM_ERROR, FGSM_SURE = (
    99.9,
    79.3,
)  # percent, of a softmax classifier of MNIST: Goodfellow et al. 2014, as the study quotes it
ONE_PIXEL = {
    "CIFAR-10": 67.97,
    "ImageNet": 16.04,
}  # percent fooled by one pixel: Su et al. 2019, as the study quotes it


@dataclass(frozen=True)
class Reported:
    """One published curve: accuracy in percent at each strength."""

    figure: int
    kind: str  # class name of the noise or attack
    network: str  # what the study says it measured
    levels: tuple[float, ...]
    accuracy: tuple[float, ...]
    suspect: str = ""  # why a reader should doubt it


REPORTED = (
    Reported(7, "SaltAndPepper", "CNN", (0.1, 0.2, 0.3, 0.4, 0.5), (95.92, 90.65, 78.82, 65.00, 50.02)),
    Reported(
        7, "ReplaceGaussian", "CNN", (0.1, 0.2, 0.3, 0.4, 0.5), (91.99, 85.80, 70.56, 56.39, 44.40),
        "The study prints this as the CNN's curve and concludes that Gaussian noise hurts it more than salt and pepper. It is its MLP's: of the "
        "two networks it published the MLP gives this row within 0.13 points, and the CNN lies 11 away (run independently; they are not in here).",
    ),
    Reported(12, "OnePixel", "CNN", (1, 3, 5, 10, 20, 40), (95.98, 95.18, 94.49, 93.23, 90.43, 84.96)),
    Reported(12, "FGSM", "CNN", (0.05, 0.1, 0.15, 0.2, 0.25, 0.3), (88.87, 66.11, 36.18, 14.11, 4.89, 2.02)),
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    """One of the three digits the study follows through the network, and what it reports of it."""

    title: str
    index: int  # MNIST test image
    corruption: Corruption
    seed: int  # of the noise here
    reported: str


EXAMPLES = (
    Example("A 5 under noise", 333, *SHOWN[333], "Figure 8: 5 (76 %) -> 8 (85 %)"),
    Example("A 9 under salt and pepper", 118, *SHOWN[118], "Figure 8: 9 (98 %) -> 4 (65 %)"),
    Example("A 9 under attack", 20, *SHOWN[20], "Figure 13: 9 (83 %) -> 7 (99 %)"),
)


@dataclass(frozen=True)
class Denoiser:
    """What the study's own network scores on the 10,000 test images, blind levels, 8-bit input."""

    noisy: float  # mean PSNR, dB
    denoised: float  # mean PSNR, dB
    worse: float  # share of images made worse, percent


DENOISERS = {
    "n2n-gaussian-50": Denoiser(23.0, 29.6, 7.7),
    "n2n-gaussian-100": Denoiser(17.7, 24.1, 10.8),
    "n2n-poisson-100": Denoiser(21.8, 28.3, 0.4),
    "n2n-poisson-200": Denoiser(25.7, 30.6, 0.4),
    "n2n-poisson-500": Denoiser(30.1, 33.8, 1.1),
    "n2n-impulse-0.2": Denoiser(30.1, 32.9, 17.0),
    "n2n-impulse-0.5": Denoiser(26.1, 30.3, 13.0),
}


@dataclass(frozen=True)
class Share:
    """A share of test images, in percent, whose PSNR ratio lies between two bounds (Figure 34)."""

    low: float
    high: float
    percent: float
    published: float | None = None  # the same share of the 10,000 ratios it published, where the text says another


@dataclass(frozen=True)
class Ratios:
    """What the study says of one histogram of PSNR ratios (Figure 34): shares of images, and where the mean lies.

    `published` and `steps` are from the ratios and networks it published: their mean, and with how many steps of the attack
    these networks give it again.
    """

    shares: tuple[Share, ...]
    mean: tuple[float, float]
    published: float
    steps: int


RATIOS = {
    "n2n-gaussian-50": Ratios((Share(0.95, 1.05, 29.33), Share(1.4, inf, 1.5)), (1.1, 1.15), 1.1148, 30),
    "n2n-poisson-500": Ratios((Share(0.96, 1.06, 0.09, 0.15), Share(1.4, inf, 0.17)), (1.22, 1.24), 1.2324, 30),
    "n2n-impulse-0.2": Ratios((Share(-inf, 1.25, 0.09, 33.67), Share(1.375, inf, 31.58)), (1.275, 1.325), 1.3158, 40),
}


def mixed() -> str:
    """Say, from the study's published data, that its three histograms took different numbers of steps."""
    steps = sorted({said.steps for said in RATIOS.values()})
    took = "; ".join(f"{k} for {' and '.join(n for n, said in RATIOS.items() if said.steps == k)}" for k in steps)
    return f"From the study's published ratios and networks: its means come out with different numbers of steps, {took}. So it mixed budgets, and its three histograms do not rank the noises."
