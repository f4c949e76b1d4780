"""Work that a visitor waits for."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import TypeVar

import streamlit as st

from app import cache
from app.browser import strips
from app.inputs import Digit, Photo, Trained
from core import UserError, models
from core.attacks import OnePixel
from core.experiments import certificate, defence, denoising, pushes, voting
from core.experiments.attack_path import shrunk
from core.experiments.defence import Sent
from core.experiments.denoising import Denoised
from core.experiments.pushes import Pushed
from core.experiments.voting import Changed, Vote
from core.measures.smoothing import Certificate
from core.noise import Noise
from core.types import Model

R = TypeVar("R")
QUICK = 0.15  # seconds in which work may be done before anything is said of it
SESSIONS = count(1)
LOOK = 0.1  # seconds between two looks at it


def watched(key: object, steps: Callable[[], Iterator[float | R]], doing: str) -> R:
    """Wait for work behind the door and return its last result, saying how far it is, or how many are before it.

    The work called `key` is done once for all who ask, and kept; `steps` begins it. It is given up when the visitor leaves.
    Raises UserError where it refuses.
    """
    door = cache.door()
    work = door.enter(key, steps, visitor())
    work.look()
    door.wait(work, QUICK)
    if not work.done:
        with st.empty():
            while not work.done:
                work.look()
                st.progress(work.share, said(door.ahead(work), f"{doing}, {100 * work.share:.0f} %"))
                door.wait(work, LOOK)
            st.write("")
    if work.problem:
        door.drop(key)  # who asks again may have better luck
        raise UserError(work.problem)
    return work.found[-1]


def visitor() -> str:
    """Return what tells the sessions of this server apart, and says nothing of who they are: the log has it too."""
    if "visitor" not in st.session_state:
        st.session_state["visitor"] = f"session {next(SESSIONS)}"
    return str(st.session_state["visitor"])


def said(ahead: int, doing: str) -> str:
    """Say what is being done, or how many turns of others come first."""
    return doing if not ahead else f"Waiting: {ahead} {'turn' if ahead == 1 else 'turns'} of other work before yours"


def here(steps: Iterator[float | R], doing: str) -> R:
    """Take steps that wait for turns of their own, showing the shares that are done, and return the result, which comes last."""
    with st.empty():
        for step in steps:
            if isinstance(step, float):
                st.progress(step, doing)
            else:
                result = step
        st.write("")
    return result


def pushed(trained: Trained, photo: Photo, there: Noise | None, seed: int) -> Pushed:
    """Push a picture, clean or under the noise `there`, along directions; what came of it is kept."""

    def work() -> Iterator[float | Pushed]:
        return pushes.push(cache.denoiser(trained), shrunk(cache.image(photo)), there, trained.noise.nominal, seed)

    key = ("pushed", trained, photo, repr(there), seed)
    return watched(key, work, f"Looking for the worst direction of {trained.title}")


def threatened(trained: Trained, shield: Trained, digit: Digit, epsilon: float) -> dict[str, Sent]:
    """Try every threat on a digit before a denoiser; what came of them is kept."""
    model, its, x = cache.classifier(trained), cache.denoiser(shield), digit.image()
    work = partial(defence.tried, model, its, x, digit.labels(model), epsilon)
    return watched(("threatened", trained, shield, digit, epsilon), work, "Attacking")


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
