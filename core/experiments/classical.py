"""How well methods do that learned nothing, under the noise of every denoiser and by the same measure."""

from collections.abc import Iterator

from core import UserError
from core.data import datasets
from core.denoisers.classical import BM3D, CLASSICAL, Classical
from core.experiments import denoising
from core.experiments.denoising import Denoised
from core.experiments.results import Experiment, Store, slug
from core.noise import Noise

METHODS: dict[str, Classical] = {**CLASSICAL, "BM3D": BM3D()}
FEW = {"BM3D": 500}  # images: it takes a quarter of a second for each

STORE = Store("classical", Denoised)


def noises() -> list[Noise]:
    """Return the noises the denoisers of photographs were trained on."""
    return list(dict.fromkeys(recipe.noise for recipe in denoising.photographic()))


def key(method: str, corrupt: Noise) -> str:
    """Return the key of a method under a noise.

    >>> key("non-local means", denoising.CLEAN)
    'non-local-means.gaussian-sigma-0.0'
    """
    return f"{slug(method)}.{slug(repr(corrupt))}"


def keys(method: str) -> list[str]:
    """Return the keys of a method under all noises."""
    return [key(method, corrupt) for corrupt in noises()]


def images(key: str) -> int:
    """Return how many images a key is measured on."""
    return next((few for method, few in FEW.items() if key.startswith(f"{slug(method)}.")), 10_000)


def measure(wanted: str, n: int) -> Iterator[Denoised]:
    """Measure a method under a noise, by key; raises UserError where there is no such pair, or the method's package is missing."""
    pairs = {key(method, corrupt): (method, corrupt) for method in METHODS for corrupt in noises()}
    if wanted not in pairs:
        raise UserError(
            f"There is no method {wanted.partition('.')[0]!r}: choose one of {', '.join(map(slug, METHODS))}."
        )
    method, corrupt = pairs[wanted]
    dataset = datasets.full("cifar10", "test")
    begun = denoising.begin(STORE.provenance([], dataset, "float64"), [corrupt], repr(METHODS[method]))
    yield from denoising.gone_on(STORE, wanted, METHODS[method], begun, dataset, n, n, 0)


def compared(corrupt: str) -> dict[str, Denoised]:
    """Return what is measured under a noise, given by its repr, by method."""
    known = STORE.current()
    return {
        method: found
        for method in METHODS
        if (found := known.get(f"{slug(method)}.{slug(corrupt)}")) and found.method == repr(METHODS[method])
    }


EXPERIMENT = Experiment(
    "how well methods do that learned nothing", STORE, lambda: METHODS, measure, images, keys
)  # fmt: skip
