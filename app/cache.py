"""Everything the app keeps between runs; the only file with @st.cache_*.

Keys are numbers, words and frozen dataclasses (app/inputs.py), never tensors. A noise or attack is an argument of its own:
nested in another dataclass its type would be lost from the key.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import streamlit as st
import torch

from app import uploads
from app.browser import frames, strips
from app.door import Door
from app.draw import pictures
from app.draw.pictures import Picture
from app.inputs import Digit, Photo, Trained
from app.jobs import Jobs
from core import UserError, checkpoints
from core.attacks import DenoiserAttack
from core.data import datasets
from core.data.datasets import Dataset, Split
from core.experiments import accuracy, attack_path, denoising
from core.experiments import weak_spots as weakness
from core.experiments.attack_path import Timeline
from core.experiments.results import SEED
from core.experiments.trial import Corruption, Trial, bind, trial
from core.experiments.weak_spots import WeakSpots
from core.measures import ablation, feature_neighbours, top_activations
from core.measures.feature_neighbours import Atlas, Maps, Neighbours
from core.networks.digits import Classifier, DigitCNN
from core.networks.unet import ConditionedUNet, UNet
from core.noise import Noise
from core.runs import control, folder
from core.runs.folder import Metrics
from core.training.recipes import Recipe
from core.types import Images, Labels, Model, Scores, Uint8Images

R = TypeVar("R")


def dataset(name: str, split: Split) -> Dataset:
    """Hold a data set in memory for all sessions; one whose files have changed is read anew, and all that hangs on it."""
    stamps, now = _stamps(), datasets.stamp(name)
    if stamps.setdefault(name, now) != now:
        stamps[name] = now
        for derived in (_dataset, predictions, atlas, excited, exciting, neighbours):
            derived.clear()
    return _dataset(name, split)


@st.cache_resource(show_spinner=False)
def _stamps() -> dict[str, object]:
    return {}


@st.cache_resource(show_spinner="Reading the images ...")
def _dataset(name: str, split: Split) -> Dataset:
    return datasets.load(name, split)


def pixels(photo: Photo) -> Uint8Images:
    """Return a picture as it is held, (1, 3, H, W). Raises UserError for one whose place others have taken."""
    return uploads.pixels(photo).expand(-1, 3, -1, -1) if photo.own else photo.pixels()


def image(photo: Photo) -> Images:
    """Return a picture, (1, 3, H, W) in [0, 1]: four times what is held, made when it is needed."""
    return pixels(photo).float().div_(255)


@st.cache_resource(show_spinner=False)
def classifier(trained: Trained) -> Classifier:
    """Hold a network that reads digits, for all sessions. Raises UserError where it cannot be loaded."""
    return checkpoints.classifier(trained.name)[0]


@st.cache_resource(show_spinner=False)
def denoiser(trained: Trained) -> Model:
    """Hold a network that takes noise away, for all sessions. Raises UserError where it cannot be loaded."""
    if trained.label is None:
        return checkpoints.denoiser(trained.name)[0]
    model = denoiser(replace(trained, label=None))
    return model.given(torch.tensor([trained.label])) if isinstance(model, ConditionedUNet) else model


def cnn(trained: Trained) -> DigitCNN:
    """Return a network whose layers have maps to look at."""
    model = classifier(trained)
    assert isinstance(model, DigitCNN)
    return model


def unet(trained: Trained) -> UNet:
    """Return a denoiser whose stages can be looked at; what it may be told it is not."""
    model = denoiser(replace(trained, label=None))
    assert isinstance(model, UNet)
    return model


@st.cache_data(show_spinner=False, max_entries=50)
def strip(trained: Trained, photo: Photo, noise: Noise, levels: tuple[float, ...], seed: int) -> bytes:
    """Return what a denoiser makes of a picture at some levels of a noise, packed for the browser."""
    return strips.lead(denoiser(trained), image(photo), noise, list(levels), seed, strips.COARSE)


@st.cache_data(show_spinner=False, max_entries=50)
def unattacked(trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo) -> bytes:
    """Return a picture before the first step of an attack on a denoiser, packed for the browser."""
    x = attack_path.shrunk(image(photo))
    target = attack_path.aimed(image(aim), x)
    found = attack_path.begin(denoiser(trained), attack, x, trained.noise.nominal, seed, target)
    return strips.timeline(found, attack.steps)


@st.cache_data(show_spinner=False, max_entries=50)
def timeline(trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo, _found: Timeline) -> bytes:
    """Return what was found of all steps of an attack on a denoiser, packed for the browser."""
    return strips.timeline(_found, attack.steps)


@st.cache_resource(show_spinner=False)
def door() -> Door:
    """Hold the door to heavy work, and what was found behind it."""
    return Door()


@st.cache_resource(show_spinner=False, max_entries=200)
def weak_spots(trained: Trained, digit: Digit, values: tuple[float, ...]) -> WeakSpots:
    """Try every pixel of a digit in every value."""
    model = classifier(trained)
    return weakness.weak_spots(model, digit.image(), digit.labels(model), values)


def training_time(recipe: Recipe) -> tuple[float, str]:
    """Return how many seconds a recipe will take, by a few batches of it, or not a number and a sentence that says why."""
    plain = replace(recipe, name="time", title="", seed=0, learning_rate=1e-4, epochs=1)
    seconds, why = _training_time(repr(plain), plain, datasets.stamp(recipe.dataset))
    return recipe.epochs * seconds, why


@st.cache_data(show_spinner="Training a few batches to see how long it takes ...", max_entries=100, ttl="1h")
def _training_time(key: str, _recipe: Recipe, stamp: object) -> tuple[float, str]:
    try:
        return control.estimate(_recipe, 4), ""
    except UserError as refusal:  # kept for a while: to fail takes as long as to succeed
        return float("nan"), str(refusal)


@st.cache_data(show_spinner=False, max_entries=50)
def epochs(run: str, sampled: tuple[int, ...]) -> tuple[bytes, int]:
    """Pack what a training run made of the same few images after each epoch, and count them; read once for all who watch it."""
    found = folder.samples(run)
    return (strips.epochs(found) if found else b""), len(found)


@st.cache_resource(show_spinner=False, max_entries=50)
def metrics(run: str) -> Metrics:
    """Hold the metrics of a training run, of which all who watch it read only what is new."""
    return Metrics(run)


@st.cache_data(show_spinner=False, max_entries=200)
def cases(trained: Trained, indices: tuple[int, ...], title: str) -> list[Picture]:
    """Paint test images of the set `title` as a denoiser met them when it was measured: original, noisy, denoised."""
    model, test, noise, found = denoiser(trained), dataset("cifar10", "test"), trained.noise, []
    for index in indices:
        number, place = divmod(index, denoising.BATCH)
        x = test.images(slice(number * denoising.BATCH, (number + 1) * denoising.BATCH))
        noisy, _ = denoising.corrupted(noise, x, SEED + number)
        with torch.no_grad():
            denoised = model(noisy[[place]])
        found.append(np.concatenate([pictures.colour(z) for z in (x[place], noisy[place], denoised[0])]))
    return found


@st.cache_resource(show_spinner="The network reads all test digits ...")
def predictions(trained: Trained) -> tuple[Labels, Scores]:
    """Return a network's answer for every test digit and how sure it is of it (0 to 1)."""
    sure, answer = accuracy.logits(classifier(trained), dataset("mnist", "test")).softmax(1).max(1)
    return answer, sure


@st.cache_data(show_spinner=False, max_entries=20)
def weights(trained: Trained) -> bytes:
    """Return a network that reads digits as the browser computes with it."""
    return frames.network(classifier(trained), trained.key)


@st.cache_data(show_spinner=False, max_entries=20)
def start(trained: Trained, digits: tuple[Digit, ...], seed: int) -> bytes:
    """Return what the first page needs to add noise to test digits by itself, packed for the browser."""
    labels = torch.tensor([d.label for d in digits])
    return frames.start(trained.key, torch.cat([d.pixels() for d in digits]), labels, seed)


@st.cache_data(show_spinner=False, max_entries=200)
def digit_frames(trained: Trained, digit: Digit, corruption: Corruption, seed: int, drawn: bool = False) -> bytes:
    """Return everything a slider over the strength needs, packed for the browser."""
    model = classifier(trained)
    return frames.digit(model, trained.key, digit.image(), digit.labels(model), digit.label, corruption, seed, drawn)


@st.cache_resource(show_spinner="The network looks at every training image once ...")
def atlas(trained: Trained) -> Atlas:
    """Hold the second-layer maps of all training images."""
    return feature_neighbours.atlas(cnn(trained), dataset("mnist", "train"))


@st.cache_data(show_spinner=False)
def excited(trained: Trained, layer: str, count: int) -> list[list[top_activations.Peak]]:
    """Find, per filter of a convolution, the test images that excite it most."""
    return top_activations.peaks(cnn(trained), dataset("mnist", "test"), layer, count)


@st.cache_data(show_spinner="The network looks at some pictures ...", max_entries=200)
def exciting(trained: Trained, stage: int, channel: int, count: int) -> tuple[list[int], list[float]]:
    """Find, among the first ablation.EXCITING test pictures, those that a channel of a U-Net answers to most."""
    return ablation.exciting(
        unet(trained), dataset("cifar10", "test").part(slice(0, ablation.EXCITING)), stage, channel, count
    )


@st.cache_data(show_spinner=False, max_entries=500)
def neighbours(
    trained: Trained, digit: Digit, corruption: Corruption, seed: int, metric: str, within: bool, k: int
) -> Neighbours:
    """Find the training images nearest to a digit, clean and corrupted: `within` the class the network gives it, or all."""
    found, maps = digit_trial(trained, digit, corruption, seed)
    known = atlas(trained)
    answers = [int(logits.argmax()) for logits in (found.before, found.after)]
    clean, corrupted = (
        feature_neighbours.nearest(known, maps[[i]], metric, answers[i] if within else None, k) for i in (0, 1)
    )
    return Neighbours(clean, corrupted)


def digit_trial(trained: Trained, digit: Digit, corruption: Corruption, seed: int) -> tuple[Trial, Maps]:
    """Corrupt one digit and return the trial and the second-layer maps of both versions, (2, 5, 8, 8)."""
    found = tried(trained, digit, corruption, seed)
    return found, feature_neighbours.maps(cnn(trained), torch.cat([found.clean, found.corrupted]))


def tried(trained: Trained, digit: Digit, corruption: Corruption, seed: int) -> Trial:
    """Corrupt one digit and run a network on both."""
    model = classifier(trained)
    return trial(model, digit.image(), bind(corruption, model, digit.labels(model), seed))


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Hold the measurements under way, which outlive the session that started them."""
    return Jobs()
