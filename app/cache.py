"""Everything the app keeps between runs; the only file with @st.cache_*.

Keys are names, numbers and frozen dataclasses, never tensors. A noise or attack is an argument of its own: nested in
another dataclass its type would be lost from the key.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
import torch
import torch.nn.functional as F
from torch import Tensor

from app.browser import frames, strips
from app.draw import pictures
from app.draw.pictures import Picture
from app.inputs import Digit, Photo
from app.jobs import Jobs
from core import UserError, checkpoints
from core.attacks import ImageAttack, OnePixel
from core.attacks.few_pixels import exhaustive
from core.checkpoints import Card
from core.data import datasets, uploads
from core.data.datasets import Dataset, Split
from core.denoisers import tiled
from core.denoisers.classical import CLASSICAL
from core.experiments import accuracy, attack_path, attack_rates, defence, denoising, few_pixels, tables, transfer
from core.experiments.accuracy import Corruption
from core.experiments.attack_path import Timeline
from core.experiments.attack_rates import Fooled, full
from core.measures import feature_neighbours
from core.models import Classifier, DigitCNN, UNet, autocast
from core.noise import Noise, eight_bit, parse
from core.runs import control
from core.training import recipes
from core.training.recipes import Recipe
from core.types import Images, Labels, Model, Scores, generator

SMALLEST = 8  # pixels, the least side of a picture
ATTACKED = 64  # pixels, the largest side of a picture that is attacked


def dataset(name: str, split: Split) -> Dataset:
    """Hold a data set in memory for all sessions; one whose files have changed is read anew, and all that hangs on it."""
    stamps, now = _stamps(), datasets.stamp(name)
    if stamps.setdefault(name, now) != now:
        stamps[name] = now
        for derived in (_dataset, _predictions, atlas, top_activations, neighbours):
            derived.clear()
    return _dataset(name, split)


@st.cache_resource(show_spinner="Reading the images ...")
def _dataset(name: str, split: Split) -> Dataset:
    return datasets.load(name, split)


@st.cache_resource(show_spinner=False)
def _stamps() -> dict[str, tuple[str, int, int]]:
    return {}


@st.cache_data(show_spinner="Reading the picture ...", max_entries=50)
def uploaded(content: bytes) -> tuple[Digit, str]:
    """Read an uploaded picture of a digit, once; and what had to be done to read it. Raises UserError."""
    picture = uploads.decode(content, side=1000)
    return Digit.read(picture.image), picture.note


@st.cache_data(show_spinner="Reading the picture ...", max_entries=50)
def brought(content: bytes) -> tuple[Photo, str]:
    """Check a picture somebody brought, once; and say what had to be done to read it. Raises UserError."""
    picture = uploads.decode(content)
    if min(picture.image.shape[-2:]) < SMALLEST:
        raise UserError(f"This picture is less than {SMALLEST} pixels wide or high: choose a larger one.")
    return Photo(content), picture.note


@st.cache_resource(show_spinner="Reading the picture ...", max_entries=4)
def image(photo: Photo) -> Images:
    """Hold a picture, (1, 3, H, W) in [0, 1], while it is looked at."""
    return photo.image()


def network(name: str) -> tuple[Classifier, Card]:
    """Hold a network for all sessions; one that was trained anew is read anew."""
    return _network(name, _changed(name))


@st.cache_resource(show_spinner=False)
def _network(name: str, changed: tuple[int, ...]) -> tuple[Classifier, Card]:
    return checkpoints.classifier(name)


def _changed(name: str) -> tuple[int, ...]:
    """Return when the weights and the card of a network were last written."""
    files = [checkpoints.path(name, suffix) for suffix in (".safetensors", ".json")]
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


def denoiser(name: str) -> tuple[UNet, Card]:
    """Hold a denoiser for all sessions; one that was trained anew is read anew."""
    return _denoiser(name, _changed(name))


@st.cache_resource(show_spinner=False)
def _denoiser(name: str, changed: tuple[int, ...]) -> tuple[UNet, Card]:
    return checkpoints.denoiser(name)


def strip(name: str, photo: Photo, noise: Noise, levels: tuple[float, ...], seed: int) -> bytes:
    """Return what a denoiser makes of a picture at every level of a noise, packed for the browser."""
    return _strip(name, denoiser(name)[1].sha256, photo, noise, levels, seed)


@st.cache_data(show_spinner=False, max_entries=50)
def _strip(name: str, sha256: str, photo: Photo, noise: Noise, levels: tuple[float, ...], seed: int) -> bytes:
    return strips.lead(denoiser(name)[0], image(photo), noise, list(levels), seed)


def gallery(
    names: tuple[str, ...], photo: Photo, noise: Noise, levels: tuple[float, ...], seed: int, whole: bool = True
) -> bytes:
    """Return what denoisers make of a picture at every level of a noise, packed for the browser.

    `whole` adds what learned nothing; otherwise the original and the noisy picture stand in front.
    """
    hashes = tuple(denoiser(name)[1].sha256 for name in names)
    return _gallery(names, hashes, whole, photo, noise, levels, seed)


@st.cache_data(show_spinner="Every network takes its turn ...", max_entries=20)
def _gallery(
    names: tuple[str, ...],
    hashes: tuple[str, ...],
    whole: bool,
    photo: Photo,
    noise: Noise,
    levels: tuple[float, ...],
    seed: int,
) -> bytes:
    learned: dict[str, Model] = {name: denoiser(name)[0] for name in names}
    x = image(photo)
    plain: dict[str, Model] = {"original": x.expand_as, "noisy": lambda z: z}
    return strips.gallery({**learned, **CLASSICAL} if whole else {**plain, **learned}, x, noise, list(levels), seed)


@dataclass(frozen=True, eq=False)
class Large:
    """A large picture at one level: what the network saw and what it made of it, uint8 (H, W, 3), with PSNR and SSIM."""

    noisy: Picture
    denoised: Picture
    before: tuple[float, float]
    after: tuple[float, float]


def large(name: str, photo: Photo, noise: Noise, seed: int) -> Iterator[float | Large]:
    """Denoise a large picture tile by tile, yielding the share that is done and at last the result, which is kept."""
    model, card = denoiser(name)
    held, key = _large(), (card.sha256, photo, repr(noise), seed)
    if key not in held:
        x = image(photo)
        noisy = eight_bit(noise(x, generator(seed)))
        for progress in tiled.denoise(autocast(model), noisy, workers=2):  # more would only take more memory
            yield progress.share
        scores = [tiled.scores(z, x) for z in (noisy, progress.image)]
        held[key] = Large(pictures.colour(noisy[0]), pictures.colour(progress.image[0]), *scores)
        while len(held) > 3:
            held.pop(next(iter(held)), None)
    yield held[key]


@st.cache_resource(show_spinner=False)
def _large() -> dict[tuple[str, Photo, str, int], Large]:
    return {}


def shrunk(photo: Photo) -> Images:
    """Return a picture no larger than ATTACKED pixels, scaled down where it must be."""
    x = image(photo)
    share = ATTACKED / max(x.shape[-2:])
    return (
        x
        if share >= 1
        else F.interpolate(x, [max(SMALLEST, round(side * share)) for side in x.shape[-2:]], mode="area")
    )


def attacked(name: str, photo: Photo, attack: ImageAttack, seed: int, aim: Photo) -> Iterator[float | Timeline]:
    """Attack a picture under the noise its denoiser was made for, yielding the share done and at last the timeline, kept."""
    model, card = denoiser(name)
    held, key = _timelines(), (card.sha256, photo, repr(attack), seed, aim)
    found = held.get(key)
    if found is None:
        x = shrunk(photo)
        target = F.interpolate(shrunk(aim), x.shape[-2:], mode="area")
        for step in attack_path.run(model, attack, x, full(noise_of(card)), seed, target):
            if isinstance(step, float):
                yield step
            else:
                found = step
        assert found
        held[key] = found
        for old in list(held)[:-20]:  # other sessions may do the same
            held.pop(old, None)
    yield found


@st.cache_resource(show_spinner=False)
def _timelines() -> dict[tuple[object, ...], Timeline]:
    return {}


def quality_of(name: str) -> denoising.Kept:
    """Return how a denoiser does on every test image: as measured on the full set, else on some of the sample, now."""
    _, card = denoiser(name)
    test, file = dataset("cifar10", "test"), checkpoints.FOLDER / "curves" / f"{name}.safetensors"
    found = _kept(name, file.stat().st_mtime_ns if file.exists() else 0) if test.full else None
    return found if found and found.sha256 == card.sha256 else _measured(name, card.sha256, test.title)


@st.cache_resource(show_spinner=False)
def _kept(name: str, changed: int) -> denoising.Kept | None:
    return denoising.kept(name)


@st.cache_resource(show_spinner="The network denoises some test images ...")
def _measured(name: str, sha256: str, title: str) -> denoising.Kept:
    model, card = denoiser(name)
    noise = noise_of(card)
    some = dataset("cifar10", "test").part(slice(0, 500))
    tables = denoising.empty((noise,), len(some))
    for _ in denoising.measure(model, some, (noise,), tables):
        pass
    return denoising.Kept(name, sha256, repr(noise), some.title, checkpoints.commit(), tables[0])


def attack_rates_of(name: str) -> Fooled | None:
    """Return how a denoiser fares under attack on many test images; None where that is not measured."""
    file = tables.file(f"fooled-{name}")
    return _fooled(name, file.stat().st_mtime_ns if file.exists() else 0)


@st.cache_resource(show_spinner=False)
def _fooled(name: str, changed: int) -> Fooled | None:
    return attack_rates.kept(name)


@dataclass(frozen=True, eq=False)
class Single:
    """What each pixel, alone, does to a digit: the label's probability, and the answer, (1, values, H, W) each."""

    probability: Tensor
    answer: Tensor


def single_pixels(name: str, digit: Digit, values: tuple[float, ...]) -> Single:
    """Try every pixel of a digit in every value."""
    return _single_pixels(name, network(name)[1].sha256, digit, values)


@st.cache_resource(show_spinner=False, max_entries=200)
def _single_pixels(name: str, sha256: str, digit: Digit, values: tuple[float, ...]) -> Single:
    model, _ = network(name)
    return Single(*exhaustive(model, digit.image(), digit.labels(model), values))


def pixel_search(name: str, digit: Digit, search: OnePixel) -> bytes:
    """Search for the pixels that fool a network, and return every generation, packed for the browser."""
    return _pixel_search(name, network(name)[1].sha256, digit, search)


@st.cache_data(show_spinner="Searching ...", max_entries=50)
def _pixel_search(name: str, sha256: str, digit: Digit, search: OnePixel) -> bytes:
    model, _ = network(name)
    x, y = digit.image(), digit.labels(model)
    return strips.search(model, x, y, list(search.search(model, x, y)))


def exhausted() -> dict[str, few_pixels.Exhausted]:
    """Return what every single pixel does to a test set, by network; what was measured of other weights is left out."""
    return few_pixels.current()


def curves_of(name: str) -> list[accuracy.Curve]:
    """Return the curves measured of a network as it is now."""
    return [c for c in accuracy.curves(name) if checkpoints.current(name, c.sha256)]


def transferred() -> dict[str, transfer.Row]:
    """Return what attacks on one denoiser cost others, by attacked network; rows of other weights are left out."""
    return transfer.current()


def defended() -> dict[str, defence.Defence]:
    """Return how classifiers fare behind a denoiser; what was measured of other weights is left out."""
    return defence.current()


def training_time(recipe: Recipe) -> float:
    """Return how many seconds a recipe will take, by a few batches of it, measured once for each kind of training."""
    plain = replace(recipe, name="time", title="", seed=0, learning_rate=1e-4, epochs=1)
    return recipe.epochs * _training_time(repr(plain), plain, datasets.stamp(recipe.dataset))


@st.cache_data(show_spinner="Training a few batches to see how long it takes ...", max_entries=100)
def _training_time(key: str, _recipe: Recipe, stamp: object) -> float:
    return control.estimate(_recipe, 4)


@dataclass(frozen=True)
class Need:
    """What a training will need: weights, disk, data."""

    parameters: int
    megabytes: float
    data: str


def training_need(recipe: Recipe) -> Need:
    """Say what a training will need."""
    parameters = sum(p.numel() for p in recipes.untrained(recipe).parameters())
    kept = 6 if isinstance(recipe, recipes.Denoising) else 3  # copies in the state: weights, moments, averages, best
    return Need(parameters, 4e-6 * kept * parameters + 1, dataset(recipe.dataset, "train").title)


def adopted() -> list[Card]:
    """Return the cards of networks that were trained and adopted here, by name."""
    cards = []
    for file in sorted(checkpoints.FOLDER.glob("*.json")):
        if file.stem not in recipes.RECIPES:
            with suppress(UserError):
                cards.append(checkpoints.read(file.stem))
    return cards


def noise_of(card: Card) -> Noise:
    """Return the noise a denoiser was trained on."""
    return parse(card.recipe["noise"])


def cases(name: str, indices: tuple[int, ...]) -> list[Picture]:
    """Paint test images as a denoiser met them when it was measured: original, noisy, denoised, one under the other."""
    return _cases(name, denoiser(name)[1].sha256, indices, dataset("cifar10", "test").title)


@st.cache_data(show_spinner=False, max_entries=200)
def _cases(name: str, sha256: str, indices: tuple[int, ...], title: str) -> list[Picture]:
    model, card = denoiser(name)
    test, noise, found = dataset("cifar10", "test"), noise_of(card), []
    for index in indices:
        number, place = divmod(index, denoising.BATCH)
        x = test.images(slice(number * denoising.BATCH, (number + 1) * denoising.BATCH))
        noisy, _ = denoising.corrupted(noise, x, denoising.SEED + number)
        with torch.no_grad():
            denoised = model(noisy[[place]])
        found.append(np.concatenate([pictures.colour(z) for z in (x[place], noisy[place], denoised[0])]))
    return found


def predictions(name: str) -> tuple[Labels, Scores]:
    """Return a network's answer for every test digit and how sure it is of it (0 to 1)."""
    return _predictions(name, network(name)[1].sha256)


@st.cache_resource(show_spinner="The network reads all test digits ...")
def _predictions(name: str, sha256: str) -> tuple[Labels, Scores]:
    sure, answer = accuracy.logits(network(name)[0], dataset("mnist", "test")).softmax(1).max(1)
    return answer, sure


def digit_frames(name: str, digit: Digit, corruption: Corruption, seed: int, maps: bool) -> bytes:
    """Return everything a slider over the strength needs, packed for the browser."""
    return _digit_frames(name, network(name)[1].sha256, digit, corruption, seed, maps)


@st.cache_data(show_spinner=False, max_entries=200)
def _digit_frames(name: str, sha256: str, digit: Digit, corruption: Corruption, seed: int, maps: bool) -> bytes:
    model, _ = network(name)
    return frames.digit(model, digit.image(), digit.labels(model), digit.label, corruption, seed, maps)


@st.cache_resource(show_spinner="The network looks at every training image once ...")
def atlas(name: str, sha256: str) -> feature_neighbours.Atlas:
    """Hold the second-layer maps of all training images."""
    model, _ = network(name)
    assert isinstance(model, DigitCNN)
    return feature_neighbours.atlas(model, dataset("mnist", "train"))


@st.cache_data(show_spinner=False)
def top_activations(name: str, sha256: str, count: int) -> dict[str, list[list[tuple[int, int, int, float]]]]:
    """Find, per filter of each convolution, the test images that excite it most: (index, row, column, value), best first."""
    model, _ = network(name)
    assert isinstance(model, DigitCNN)
    test = dataset("mnist", "test")
    found: dict[str, list[list[tuple[int, int, int, float]]]] = {}
    with torch.no_grad():
        for layer in ("conv1", "conv2"):
            maps = torch.cat([model.stages(test.images(slice(i, i + 500)))[layer] for i in range(0, len(test), 500)])
            peaks, places = maps.flatten(2).max(2)  # (N, C): the strongest answer of a filter anywhere in an image
            values, images = peaks.topk(count, dim=0)
            width = maps.shape[3]
            found[layer] = [
                [
                    (int(i), int(places[i, c]) // width, int(places[i, c]) % width, float(v))
                    for i, v in zip(images[:, c], values[:, c], strict=True)
                ]
                for c in range(maps.shape[1])
            ]
    return found


@dataclass(frozen=True)
class Neighbours:
    """The training images most like a digit before and after a corruption, and how like they are."""

    clean: tuple[list[int], list[float]]
    corrupted: tuple[list[int], list[float]]


@st.cache_data(show_spinner=False, max_entries=500)
def neighbours(
    name: str, sha256: str, digit: Digit, corruption: Corruption, seed: int, metric: str, within: bool, k: int
) -> Neighbours:
    """Find the training images nearest to a digit, clean and corrupted: `within` the class the network gives it, or all."""
    trial, maps = digit_trial(name, digit, corruption, seed)
    known = atlas(name, sha256)
    answers = [int(logits.argmax()) for logits in (trial.before, trial.after)]
    clean, corrupted = (
        feature_neighbours.nearest(known, maps[[i]], metric, answers[i] if within else None, k) for i in (0, 1)
    )
    return Neighbours(clean, corrupted)


def digit_trial(
    name: str, digit: Digit, corruption: Corruption, seed: int
) -> tuple[accuracy.Trial, feature_neighbours.Maps]:
    """Corrupt one digit and return the trial and the second-layer maps of both versions, (2, 5, 8, 8)."""
    model, _ = network(name)
    assert isinstance(model, DigitCNN)
    trial = accuracy.trial(model, digit.image(), accuracy.bind(corruption, model, digit.labels(model), seed))
    return trial, feature_neighbours.maps(model, torch.cat([trial.clean, trial.corrupted]))


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Hold the measurements under way, which outlive the session that started them."""
    return Jobs()
