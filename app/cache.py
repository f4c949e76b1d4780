"""Everything the app keeps between runs, bounded in bytes; the only file with @st.cache_*.

What takes more than 0.3 s is kept behind the door (app/progress.py), what is light by `kept`. Keys are numbers, words and
frozen dataclasses (app/inputs.py), never tensors.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import streamlit as st
import torch

from app.browser import frames, strips
from app.challenge import Board
from app.classroom import Classes
from app.door import Door
from app.draw import pictures
from app.draw.pictures import Picture
from app.held import Held, size
from app.inputs import Digit, Photo, Trained
from app.jobs import Jobs
from core import UserError, checkpoints
from core.attacks import DenoiserAttack
from core.data import datasets, uploads
from core.data.datasets import Dataset, Split
from core.experiments import attack_path, denoising
from core.experiments import weak_spots as weakness
from core.experiments.attack_path import Timeline
from core.experiments.measuring import Measuring
from core.experiments.results import SEED
from core.experiments.trial import Corruption, Trial, bind, trial
from core.experiments.weak_spots import WeakSpots
from core.measures import feature_neighbours
from core.measures.feature_neighbours import Maps
from core.networks.digits import Classifier, DigitCNN
from core.networks.unet import ConditionedUNet, Denoiser, UNet
from core.noise import Noise
from core.runs import folder
from core.runs.folder import Metrics
from core.types import Images, Model, Uint8Images

P = ParamSpec("P")
R = TypeVar("R")
LIGHT = 256_000_000  # bytes of what `kept` keeps
PICTURES = 400_000_000  # bytes of decoded pictures that visitors brought
PROCESSES = 2  # that compute for the app at once, one for a visitor: each may take 400 MB
BOARDS = 4_000_000  # bytes of the boards of those who are in no class
ATTEMPT = 1_000  # bytes that a visitor takes on a board
LINE = 600  # bytes that a line of a run's metrics takes


@st.cache_resource(show_spinner=False)
def door() -> Door:
    """Hold the door to heavy work, and what was found behind it."""
    return Door()


@st.cache_resource(show_spinner=False)
def processes() -> Door:
    """Hold the door to what is done in a process of its own, which cannot be put off: to read a picture, to try a training."""
    return Door(PROCESSES, PICTURES, each=1)


@st.cache_resource(show_spinner=False)
def classes() -> Classes:
    """Hold the classes that are taught here."""
    return Classes()


@st.cache_resource(show_spinner=False)
def boards() -> Held[Board]:
    """Hold the boards of those who are in no class."""
    return Held(BOARDS)


def board(trained: Trained, digit: Digit) -> Board:
    """Hold the board of a network and a digit, for all who are in no class."""
    found = boards().enter((trained, digit), lambda: Board(trained, digit))
    boards().weigh((trained, digit), ATTEMPT * len(found.names))
    return found


@st.cache_resource(show_spinner=False)
def light() -> Held[Any]:
    """Hold what was found quickly."""
    return Held(LIGHT)


def keep(key: object, make: Callable[[], R]) -> R:
    """Keep what is made in less than 0.3 s, once for all who ask, as long as there is room; nobody changes it."""
    mine = Future[R]()
    future: Future[R] = light().enter(key, lambda: mine)
    if future is mine:
        try:
            mine.set_result(make())
            light().weigh(key, size(mine.result()))
        except BaseException as why:
            light().drop(key)
            mine.set_exception(why)
    return future.result()


def kept(found: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function finds, by its arguments."""

    @wraps(found)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        return keep((found.__name__, args, *kwargs.items()), lambda: found(*args, **kwargs))

    return asked


def dataset(name: str, split: Split) -> Dataset:
    """Hold a data set in memory for all sessions; one whose files have changed is read anew, and all that hangs on it."""
    stamps, now = _stamps(), datasets.stamp(name)
    if stamps.setdefault(name, now) != now:
        stamps[name] = now
        _dataset.clear()
        door().held.clear()
        light().clear()
    return _dataset(name, split)


@st.cache_resource(show_spinner=False)
def _stamps() -> dict[str, object]:
    return {}


@st.cache_resource(show_spinner="Reading the images ...")
def _dataset(name: str, split: Split) -> Dataset:
    return datasets.load(name, split)


def pixels(photo: Photo) -> Uint8Images:
    """Return a picture as it is held, (1, 3, H, W). Raises UserError for one whose place others have taken."""
    if not photo.own:
        return photo.pixels()
    work = processes().held.get(photo)
    if work is None or not work.found:
        raise UserError("Pictures of others have taken the place of yours: reload the page and choose it again.")
    read: uploads.Picture = work.found[-1]
    return read.pixels.expand(-1, 3, -1, -1)


def image(photo: Photo) -> Images:
    """Return a picture, (1, 3, H, W) in [0, 1]: four times what is held, made when it is needed."""
    return pixels(photo).float().div_(255)


@kept
def classifier(trained: Trained) -> Classifier:
    """Hold a network that reads digits, for all sessions. Raises UserError where it cannot be loaded."""
    return checkpoints.classifier(trained.name)[0]


def denoiser(trained: Trained) -> Model:
    """Hold a network that takes noise away, for all sessions. Raises UserError where it cannot be loaded."""
    model = _denoiser(replace(trained, label=None))
    if trained.label is None or not isinstance(model, ConditionedUNet):
        return model
    return model.given(torch.tensor([trained.label]))


@kept
def _denoiser(trained: Trained) -> Denoiser:
    return checkpoints.denoiser(trained.name)[0]


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


@kept
def strip(trained: Trained, photo: Photo, noise: Noise, levels: tuple[float, ...], seed: int) -> bytes:
    """Return what a denoiser makes of a picture at some levels of a noise, packed for the browser."""
    return strips.lead(denoiser(trained), image(photo), noise, list(levels), seed, strips.COARSE)


@kept
def unattacked(trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo) -> bytes:
    """Return a picture before the first step of an attack on a denoiser, packed for the browser."""
    x = attack_path.shrunk(image(photo))
    target = attack_path.aimed(image(aim), x)
    found = attack_path.begin(denoiser(trained), attack, x, trained.noise.nominal, seed, target)
    return strips.timeline(found, attack.steps)


def timeline(trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo, found: Timeline) -> bytes:
    """Return what was found of all steps of an attack on a denoiser, packed for the browser."""
    return keep(("timeline", trained, photo, attack, seed, aim), lambda: strips.timeline(found, attack.steps))


@kept
def weak_spots(trained: Trained, digit: Digit, values: tuple[float, ...]) -> WeakSpots:
    """Try every pixel of a digit in every value."""
    model = classifier(trained)
    return weakness.weak_spots(model, digit.image(), digit.labels(model), values)


@kept
def epochs(run: str, sampled: tuple[int, ...]) -> tuple[bytes, int]:
    """Pack what a training run made of the same few images after each epoch, and count them; read once for all who watch it."""
    found = folder.samples(run)
    return (strips.epochs(found) if found else b""), len(found)


def metrics(run: str) -> list[dict[str, float]]:
    """Return the metrics of a training run, of which all who watch it read only what is new."""
    key = "metrics", run
    lines: list[dict[str, float]] = light().enter(key, lambda: Metrics(run)).lines()
    light().weigh(key, LINE * len(lines))
    return lines


@kept
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


@kept
def weights(trained: Trained) -> bytes:
    """Return a network that reads digits as the browser computes with it."""
    return frames.network(classifier(trained), trained.key)


@kept
def challenge(trained: Trained, digit: Digit) -> bytes:
    """Return a digit to be painted over, packed for the browser."""
    return frames.challenge(trained.key, digit.pixels())


@kept
def start(trained: Trained, digits: tuple[Digit, ...], seed: int) -> bytes:
    """Return what the first page needs to add noise to test digits by itself, packed for the browser."""
    labels = torch.tensor([d.label for d in digits])
    return frames.start(trained.key, torch.cat([d.pixels() for d in digits]), labels, seed)


@kept
def digit_frames(trained: Trained, digit: Digit, corruption: Corruption, seed: int, drawn: bool = False) -> bytes:
    """Return everything a slider over the strength needs, packed for the browser."""
    model = classifier(trained)
    return frames.digit(model, trained.key, digit.image(), digit.labels(model), digit.label, corruption, seed, drawn)


def digit_trial(trained: Trained, digit: Digit, corruption: Corruption, seed: int) -> tuple[Trial, Maps]:
    """Corrupt one digit and return the trial and the second-layer maps of both versions, (2, 5, 8, 8)."""
    found = tried(trained, digit, corruption, seed)
    return found, feature_neighbours.maps(cnn(trained), torch.cat([found.clean, found.corrupted]))


def tried(trained: Trained, digit: Digit, corruption: Corruption, seed: int) -> Trial:
    """Corrupt one digit and run a network on both."""
    model = classifier(trained)
    return trial(model, digit.image(), bind(corruption, model, digit.labels(model), seed))


@st.cache_resource(show_spinner=False)
def measuring() -> Measuring:
    """Hold the processes that measure adopted networks."""
    return Measuring()


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Hold the measurements under way, which outlive the session that started them."""
    return Jobs(door())
