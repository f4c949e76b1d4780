"""How well do denoisers do under noise that they were not trained for? Those that began with n2n-gaussian-50, beside it."""

from collections.abc import Iterator

from core import checkpoints, models, noise
from core.data import datasets
from core.experiments import denoising, networks
from core.experiments.attack_rates import BESIDE
from core.experiments.denoising import COLUMNS, Denoised
from core.experiments.results import Experiment, Store
from core.measures.paired import interval
from core.noise import Gaussian, Impulse, Poisson, RandomImpulse, SaltAndPepper
from core.types import Scores

IMAGES = 1000
PLAIN = "n2n-gaussian-50"
OTHERS = (Gaussian(75.0), Poisson(200.0), Poisson(30.0), Impulse(0.2, 100.0), RandomImpulse(0.1), SaltAndPepper(0.05))

STORE = Store("other-noise", Denoised)


def measure(key: str, n: int) -> Iterator[Denoised]:
    """Measure a denoiser under its own noise and under OTHERS; raises UserError where it, or the data set, is not here."""
    device = networks.device()
    model, card = checkpoints.denoiser(key, device)
    dataset = datasets.full(card.dataset, "test")
    about = STORE.provenance([card], dataset, models.precision(device), device)
    noises = (noise.parse(card.recipe["noise"]), *OTHERS)
    begun = denoising.begin(about, noises)
    yield from denoising.gone_on(STORE, key, models.autocast(model), begun, dataset, n, n, len(noises))


def denoised(found: Denoised, corrupt: str) -> Scores:
    """Return the PSNR of every image under a noise, given by its repr, in dB."""
    psnr: Scores = found.rows[found.noises.index(corrupt), :, COLUMNS.index("denoised")]
    return psnr


def beyond(one: Denoised, plain: Denoised, corrupt: str) -> tuple[float, float]:
    """Return the mean difference to the plain network under a noise, in dB, image by image, and the half width of its 95 % interval.

    The intervals hold for all noises at once.
    """
    apart = denoised(one, corrupt) - denoised(plain, corrupt)
    return interval(apart[apart.isfinite()], len(one.noises))


def section() -> Iterator[str]:
    """Write its part of docs/denoisers.md."""
    known = STORE.current()
    plain = known.get(PLAIN)
    found = {
        name: known[name] for name in BESIDE if name in known and plain and known[name].rows.shape == plain.rows.shape
    }
    yield "## Under noise they were not trained for"
    yield ""
    if not plain:
        yield "Not measured yet: `python -m core measure other-noise`."
        return
    yield f"Networks that began with `{PLAIN}` beside it, n = {plain.n:,}, the same noise on the same images; dB, and more than it with 95 % intervals that hold at once for all noises."
    yield ""
    yield f"| noise | noisy | `{PLAIN}` | " + " | ".join(f"`{name}` | more" for name in found) + " |"
    yield "|---" * (3 + 2 * len(found)) + "|"
    for corrupt, row in zip(plain.noises, plain.summaries, strict=True):
        cells = [f"`{corrupt}`", f"{row['noisy']['mean']:.2f}", f"{row['denoised']['mean']:.2f}"]
        for one in found.values():
            cells += [
                f"{float(denoised(one, corrupt).mean()):.2f}",
                "{:+.2f} ± {:.2f}".format(*beyond(one, plain, corrupt)),
            ]
        yield f"| {' | '.join(cells)} |"


EXPERIMENT = Experiment(
    "how well denoisers do under noise they were not trained for", STORE, lambda: (PLAIN, *BESIDE), measure,
    lambda _: IMAGES, document="denoisers", table=section,
)  # fmt: skip
