"""Every noise, attack, measure and loss runs where its images lie, without a stray tensor on the CPU.

On the "meta" device, which computes nothing; on a GPU that PyTorch only pretends to have, which notices more; and, where
there is one, on a real GPU. What is tested is what the registries and `core.measures` hold, so that a new one is too.
"""

import importlib
import inspect
import pkgutil
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any, get_type_hints

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

import core.measures
from core import models, noise
from core.attacks import ATTACKS, DENOISER_ATTACKS, OnePixel, few_pixels
from core.data.datasets import Dataset
from core.denoisers.classical import CLASSICAL
from core.measures import feature_neighbours, smoothing
from core.measures.jacobian import Jacobian, Singular
from core.networks.digits import Classifier, DigitCNN
from core.networks.unet import UNet
from core.noise import BLIND, NOISES, TRAINABLE, Gaussian
from core.training.losses import LOSSES, CrossEntropy
from core.types import generator

N = 3
WIDTH = 6  # of a small U-Net
GPU = "cuda:0"
AUTOCAST = "the last convolution of a U-Net is kept from autocast, which knows no meta device"
COUNTED = "photons are counted on the CPU, where the stream is, and a meta tensor has no values to bring there"
INDEXED = "it takes a part by its index, for which PyTorch wants the device itself"
NUMPY = "numpy finds where to cut the drawn keys, and knows no pretended tensor"
READ = "it ends in a plain number or list, and a meta tensor has no values to read: all before that is run"
SCIPY = "scipy and scikit-image compute it, on the CPU"
NOT_ON_META = {
    **dict.fromkeys(("Poisson", "BlindPoisson"), COUNTED),
    **dict.fromkeys(CLASSICAL, SCIPY),
    **{f"ablation.{name}": AUTOCAST for name in ("maps", "level", "without", "worth", "moved", "exciting")},
}
READING = {
    **dict.fromkeys(("feature_neighbours.atlas", "feature_neighbours.nearest", "noise_similarity.correlation"), READ),
    "top_activations.peaks": READ,
    **dict.fromkeys(("paired.interval", "paired.of_few", "ablation.exciting", "ranks.correlation"), READ),
    "linearity.weights": READ,
    "noise_similarity.distance": SCIPY,
    **dict.fromkeys(("smoothing.lower_bound", "smoothing.overtakes"), SCIPY),
}
NOT_PRETENDED = {
    **dict.fromkeys(("SaltAndPepper", "ReplaceGaussian"), NUMPY),
    **dict.fromkeys(("OnePixel(pixels=1)", "OnePixel(pixels=6)", "OnePixel, a generation", "exhaustive"), INDEXED),
    **dict.fromkeys(("feature_neighbours.maps", "feature_neighbours.likeness"), INDEXED),
    **dict.fromkeys(("smoothing.votes", "smoothing.certify"), INDEXED),
    **dict.fromkeys(("jacobian.refined", "jacobian.largest"), "its backward pass and its eigenvectors want a real GPU"),
    **dict.fromkeys(("linearity.rectified", "linearity.sides", "linearity.growth"), INDEXED),
    **dict.fromkeys(("noise_similarity.spectrum", "noise_similarity.autocorrelation"), INDEXED),
    **dict.fromkeys(CLASSICAL, SCIPY),
    **{f"ablation.{name}": INDEXED for name in ("maps", "level", "without", "worth", "moved")},
    **{f"features.{name}": INDEXED for name in ("drives", "answers", "purpose")},
}
LOOKED_AT = ("blame", "inside")  # what a page shows of one picture, on the CPU, where it is drawn
READERS = (DigitCNN, Classifier, UNet)  # networks whose inside is measured
DRAWN: dict[str, Any] = {**NOISES, **BLIND, **TRAINABLE}
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def images(device: str, channels: int = 3, side: int = 28) -> Tensor:
    return torch.linspace(0, 1, N * channels * side**2).view(N, channels, side, side).to(device)


def labels(device: str) -> Tensor:
    return torch.tensor([3, 1, 4]).to(device)


def blurred(z: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(z, 3, 1, 1, count_include_pad=False)


def network(kind: Callable[[], nn.Module], device: str) -> Any:
    with unset_fake_temporarily():
        model = models.freeze(kind() if kind is DigitCNN else UNet(3, WIDTH))
    for layer in model.modules():  # `Module.to` cannot move to a device that is only pretended
        layer._parameters = {
            k: nn.Parameter(p.to(device), False) for k, p in layer._parameters.items() if p is not None
        }
    return model


def classifier(device: str) -> Any:
    return network(DigitCNN, device)


def corrupted(kind: Any, device: str) -> Tensor:
    with unset_fake_temporarily():
        levels = kind().draw(N, generator(0))  # on the CPU
    result: Tensor = kind().at_level(images(device), levels, generator(0))
    return result


def attacked(kind: Any, device: str) -> Tensor:
    result: Tensor = kind().levels(lambda z: blurred(z).flatten(1), images(device, 1), labels(device), [0.1, 0.2])
    return result


def misdenoised(kind: Any, device: str) -> Tensor:
    attack, batch = kind(), noise.noisy_batch(images(device), Gaussian(), 0)
    result: Tensor = attack(blurred, *attack.ends(batch, 1 - images(device)))
    return result


def searched(pixels: int, device: str) -> Tensor:
    """No further generation: which images are still open is asked of their values."""
    search = OnePixel(pixels, population=8, generations=0 if device == "meta" else 2)
    return search(classifier(device), images(device, 1), labels(device))


def bred(device: str) -> Tensor:
    x, y = images(device, 1), labels(device)
    (first,) = OnePixel(2, population=8, generations=0).search(classifier(device), x, y)
    mates, misclassified = torch.arange(24).view(3, 8).remainder(8).to(device), first.probability > 0.5
    ask = few_pixels._asking(classifier(device), x, 2)
    return few_pixels._bred(ask, x, y, mates, first.candidates, first.probability, misclassified)[0]


def lost(loss: Any, device: str) -> Tensor:
    if isinstance(loss, CrossEntropy):
        return loss(images(device, 1, 4).flatten(1), labels(device), 0.5)
    result: Tensor = loss(images(device), 1 - images(device), 0.5)
    return result


def cleaned(method: Any, device: str) -> Tensor:
    result: Tensor = method(images(device))
    return result


def argument(name: str, hint: Any, of: Any, device: str) -> Any:
    """Return something for a parameter of a measure of such a network, by its name; a new name has to be told here."""
    known: dict[str, Callable[[], Any]] = dict(
        model=lambda: network(UNet if of is UNet else DigitCNN, device) if of in READERS else blurred,
        logits=lambda: images(device, 1, 4).flatten(1),
        y=lambda: labels(device),
        length=lambda: torch.ones(N).to(device),
        dataset=lambda: Dataset("mnist", "test", images(device, 1).byte(), labels(device), tuple("0123456789"), True, ""),
        atlas=lambda: feature_neighbours.Atlas(images(device, 5, 8), labels(device), 1.0),
        query=lambda: images(device, 5, 8).narrow(0, 0, 1),
        metric=lambda: "SSIM", label=lambda: None, k=lambda: 2, layer=lambda: "conv1", count=lambda: 2,
        hits=lambda: 1, n=lambda: N, rounds=lambda: 3, values=lambda: images(device).mean((1, 2, 3)),
        t=lambda: torch.linspace(-1, 1, N).to(device), curves=lambda: images(device).flatten(2),
        sigma=lambda: 0.5, draws=lambda: 4, rng=lambda: generator(0), p=lambda: images(device).mean((1, 2, 3)),
        counts=lambda: labels(device).clamp(max=N), other=lambda: labels(device) + 1 if of is DigitCNN else labels(device).float(),
        votes=lambda: torch.arange(10 * N).view(N, 10).to(device),
        jacobian=lambda: Jacobian.at(blurred, images(device)),
        unit=lambda: 3, f=lambda: images(device, 1, 4).flatten(1), one=lambda: images(device).mean((1, 2, 3)),
        stage=lambda: 2, channel=lambda: 1 if hint is int else labels(device), mean=lambda: torch.zeros(WIDTH).to(device),
        deviation=lambda: torch.ones(UNet.LEVELS + 2, WIDTH).to(device),
    )  # fmt: skip
    if of is UNet and name == "dataset":
        return Dataset("cifar10", "test", images(device, 3, 32).byte(), labels(device), (), True, "")
    if name in known:
        return known[name]()
    return images(device, 3, 32) if of is UNet else images(device, 1 if of in READERS else 3)


def measured(measure: Callable[..., Any], device: str) -> Any:
    hints = get_type_hints(measure)
    needed = [p.name for p in inspect.signature(measure).parameters.values() if p.default is p.empty]
    reads = DigitCNN if measure.__module__ == smoothing.__name__ else hints.get("model")
    given = {name: argument(name, hints.get(name), reads, device) for name in needed}
    found = measure(**given)
    last = deque(found, maxlen=1).pop() if isinstance(found, Iterator) else found
    return last.s if isinstance(last, Singular) else last


def measures() -> dict[str, Callable[..., Any]]:
    """Find every public function of `core.measures`, but of what is only looked at."""
    names = [m.name for m in pkgutil.iter_modules(core.measures.__path__) if m.name not in LOOKED_AT]
    rooms = {name: importlib.import_module(f"core.measures.{name}") for name in names}
    return {
        f"{room}.{name}": f
        for room, module in rooms.items()
        for name, f in vars(module).items()
        if inspect.isfunction(f) and f.__module__ == module.__name__ and not name.startswith("_")
    }


CASES: dict[str, Callable[[str], Any]] = {
    **{name: partial(corrupted, kind) for name, kind in DRAWN.items()},
    **{name: partial(attacked, kind) for name, kind in ATTACKS.items()},
    **{name: partial(misdenoised, kind) for name, kind in DENOISER_ATTACKS.items()},
    **{f"OnePixel(pixels={k})": partial(searched, k) for k in (1, few_pixels.FEW + 1)},
    "OnePixel, a generation": bred,
    "exhaustive": lambda device: few_pixels.exhaustive(classifier(device), images(device, 1), labels(device))[0],
    **{name: partial(lost, kind()) for name, kind in {**LOSSES, "CrossEntropy": CrossEntropy}.items()},
    **{name: partial(measured, measure) for name, measure in measures().items()},
    **{name: partial(cleaned, method) for name, method in CLASSICAL.items()},
}


def lies(result: Any, device: str) -> bool:
    return not isinstance(result, Tensor) or result.device.type == device


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_ON_META])
def test_it_runs_on_meta(name: str) -> None:
    reads = (
        pytest.raises((NotImplementedError, RuntimeError), match=r"meta tensors?\b")
        if name in READING
        else nullcontext()
    )
    with reads:
        assert lies(CASES[name]("meta"), "meta")


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A GPU that PyTorch pretends to have; the backward pass, PyTorch's own, wants a real one, and indexing does, too."""
    monkeypatch.setattr(torch.autograd, "grad", lambda value, z, *pulled, **ways: (torch.ones_like(z),))
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        yield


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize("name", [name for name in CASES if name not in {**NOT_PRETENDED, **READING}])
def test_it_runs_on_a_gpu_that_is_only_pretended(name: str) -> None:
    assert lies(CASES[name](GPU), "cuda")


@CUDA
@pytest.mark.gpu
@pytest.mark.parametrize("name", CASES)
def test_it_runs_on_a_gpu_and_gives_what_the_cpu_gives(name: str) -> None:
    here, there = CASES[name]("cpu"), CASES[name](GPU)
    if not isinstance(here, Tensor):
        assert type(here) is type(there)
    elif name in {**ATTACKS, **DENOISER_ATTACKS} or name.startswith("OnePixel"):
        assert lies(there, "cuda")  # a sign may turn where a gradient is nearly zero
        assert (here - there.cpu()).abs().mean() < 1e-2
    else:
        assert lies(there, "cuda")
        torch.testing.assert_close(there.cpu(), here)


@CUDA
@pytest.mark.gpu
@pytest.mark.parametrize("name", DRAWN)
def test_a_seed_is_the_same_noise_on_a_gpu(name: str) -> None:
    kind = DRAWN[name]
    here, there = (kind()(images(device), generator(7)) for device in ("cpu", GPU))
    assert torch.equal(here == images("cpu"), (there == images(GPU)).cpu())
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-6)


def test_a_stray_tensor_is_seen() -> None:
    """What the tests above would say of a noise that draws on the CPU and forgets to move what it drew."""

    def stray(device: str) -> Tensor:
        return images(device) + torch.rand(N, 1, 1, 1, generator=generator(0))

    with pytest.raises(RuntimeError, match="device"):
        stray("meta")


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize(
    "mixed", [lambda a, b: a + b, lambda a, b: a.mul_(b), lambda a, b: a @ b, lambda a, b: torch.cat([a, b])]
)
def test_a_stray_tensor_is_seen_on_a_pretended_gpu(mixed: Callable[[Tensor, Tensor], Tensor]) -> None:
    with pytest.raises(RuntimeError, match="same device"):
        mixed(images(GPU), images("cpu"))
