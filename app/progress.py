"""Work that a visitor waits for: all that takes more than 0.3 s, behind the door."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from app import cache
from app.browser import strips
from app.inputs import Digit, Photo, Trained
from app.turns import watched
from core import UserError, models
from core.attacks import OnePixel
from core.data import datasets
from core.experiments import accuracy, certificate, defence, denoising, pushes, voting
from core.experiments.attack_path import shrunk
from core.experiments.denoising import Denoised
from core.experiments.pushes import Pushed
from core.experiments.trial import Corruption
from core.experiments.voting import Changed, Vote
from core.measures import ablation, feature_neighbours, top_activations
from core.measures.feature_neighbours import Atlas, Neighbours
from core.measures.smoothing import Certificate
from core.measures.top_activations import Peak
from core.noise import Noise
from core.runs import control
from core.training.recipes import Recipe
from core.types import Labels, Model, Scores

TRIED = 4  # batches of a training, to see how long it takes


def pushed(trained: Trained, photo: Photo, there: Noise | None, seed: int) -> Pushed:
    """Push a picture, clean or under the noise `there`, along directions; what came of it is kept."""

    def work() -> Iterator[float | Pushed]:
        return pushes.push(cache.denoiser(trained), shrunk(cache.image(photo)), there, trained.noise.nominal, seed)

    key = ("pushed", trained, photo, repr(there), seed)
    return watched(key, work, f"Looking for the worst direction of {trained.title}")


def voted(trained: Trained, digit: Digit, votes: int, seed: int) -> Vote:
    """Ask about a digit under noise, alone and behind the denoiser; the votes are kept. Raises UserError without the denoiser."""
    answering, denoiser, key = _answering(trained)
    work = partial(voting.vote, answering, denoiser, digit.image(), votes, seed)
    return watched(("voted", *key, digit, votes, seed), work, "Voting")


def broken(trained: Trained, digit: Digit, base: str, given: Certificate, votes: int, seed: int) -> dict[str, Changed]:
    """Attack a digit without noise and the vote that gave a certificate; what came of it is kept."""
    answering, _, key = _answering(trained)
    work = partial(voting.attack, answering, digit.image(), base, given, seed)
    return watched(("broken", *key, digit, base, given.sigma, votes, seed), work, "Attacking")


def _answering(trained: Trained) -> tuple[dict[str, Model], Model, tuple[Trained, Trained]]:
    """Return what votes, the denoiser in it, and what both are known by."""
    model, shield = cache.classifier(trained), Trained.named(defence.SHIELD)
    denoiser = cache.denoiser(shield)
    return certificate.bases(model, denoiser), models.autocast(denoiser), (trained, shield)


def searched(trained: Trained, digit: Digit, search: OnePixel) -> bytes:
    """Search for the pixels that fool a network, and return every generation, packed for the browser."""

    def work() -> Iterator[float | bytes]:
        model = cache.classifier(trained)
        x, y, generations = digit.image(), digit.labels(model), []
        for generation in search.search(model, x, y):
            generations.append(generation)
            yield len(generations) / (search.generations + 2)
        yield strips.search(model, x, y, generations)

    return watched(("searched", trained, digit, search), work, "Searching")


def quality_of(trained: Trained) -> Denoised:
    """Return how a denoiser does on every test image: as measured on the full set, else on some of the sample, now."""
    test = cache.dataset("cifar10", "test")
    found = denoising.STORE.get(trained.name) if test.full else None

    def work() -> Iterator[float | Denoised]:
        some = test.part(slice(0, 500))
        about = denoising.STORE.provenance([trained.card], some, "float32")
        begun = denoising.begin(about, [trained.noise])
        return denoising.denoised(cache.denoiser(trained), begun, some, len(some))

    return found or watched(("quality", trained, test.title), work, "The network denoises some test images")


def predictions(trained: Trained) -> tuple[Labels, Scores]:
    """Return a network's answer for every test digit and how sure it is of it (0 to 1)."""
    model, test = cache.classifier(trained), cache.dataset("mnist", "test")

    def work() -> Iterator[float | tuple[Labels, Scores]]:
        sure, answer = accuracy.logits(model, test).softmax(1).max(1)
        yield answer, sure

    return watched(("predictions", trained), work, "The network reads all test digits")


def excited(trained: Trained, layer: str, count: int) -> list[list[Peak]]:
    """Find, per filter of a convolution, the test images that excite it most."""
    model, test = cache.cnn(trained), cache.dataset("mnist", "test")

    def work() -> Iterator[float | list[list[Peak]]]:
        yield top_activations.peaks(model, test, layer, count)

    return watched(("excited", trained, layer, count), work, "The network reads all test digits")


def exciting(trained: Trained, stage: int, channel: int, count: int) -> tuple[list[int], list[float]]:
    """Find, among the first ablation.EXCITING test pictures, those that a channel of a U-Net answers to most."""
    model, test = cache.unet(trained), cache.dataset("cifar10", "test").part(slice(0, ablation.EXCITING))

    def work() -> Iterator[float | tuple[list[int], list[float]]]:
        yield ablation.exciting(model, test, stage, channel, count)

    return watched(("exciting", trained, stage, channel, count), work, "The network looks at some pictures")


def atlas(trained: Trained) -> Atlas:
    """Return what the second layer of a network makes of every training image; made once for all who ask."""
    train = cache.dataset("mnist", "train")

    def look() -> Iterator[float | Atlas]:
        yield feature_neighbours.atlas(cache.cnn(trained), train)

    return watched(("atlas", trained), look, "The network looks at every training image once")


def neighbours(
    trained: Trained, digit: Digit, corruption: Corruption, seed: int, metric: str, within: bool, k: int
) -> Neighbours:
    """Find the training images nearest to a digit, clean and corrupted: `within` the class the network gives it, or all."""
    found, maps = cache.digit_trial(trained, digit, corruption, seed)

    known = atlas(trained)

    def work() -> Iterator[float | Neighbours]:
        answers = [int(logits.argmax()) for logits in (found.before, found.after)]
        clean, corrupted = (
            feature_neighbours.nearest(known, maps[[i]], metric, answers[i] if within else None, k) for i in (0, 1)
        )
        yield Neighbours(clean, corrupted)

    key = ("neighbours", trained, digit, corruption, seed, metric, within, k)
    return watched(key, work, "Looking for the nearest training images")


def training_time(recipe: Recipe) -> tuple[float, str]:
    """Return how many seconds a recipe will take, by a few batches of it, or not a number and a sentence that says why."""
    plain = replace(recipe, name="time", title="", seed=0, learning_rate=1e-4, epochs=1)

    def work() -> Iterator[float | tuple[float, str]]:
        try:
            yield control.estimate(plain, TRIED), ""
        except UserError as refusal:  # kept: to fail takes as long as to succeed
            yield float("nan"), str(refusal)

    key = "time", repr(plain), datasets.stamp(recipe.dataset), int(time.time() // 3600)
    seconds, why = watched(key, work, "Training a few batches to see how long it takes", door=cache.processes())
    return recipe.epochs * seconds, why
