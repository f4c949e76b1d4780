"""Work that a visitor waits for."""

from collections.abc import Iterator
from functools import partial
from typing import TypeVar

import streamlit as st
import torch.nn.functional as F
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import cache
from app.inputs import Digit, Photo, Trained
from core import models
from core.attacks import DenoiserAttack
from core.experiments import attack_path, certificate, defence, pushes, voting
from core.experiments.attack_path import Timeline, shrunk
from core.experiments.defence import Sent
from core.experiments.pushes import Pushed
from core.experiments.voting import Changed, Vote
from core.measures.smoothing import Certificate
from core.noise import Noise
from core.types import Model

R = TypeVar("R")


def watched(steps: Iterator[float | R], doing: str) -> R:
    """Show the shares that are done as they come, and return the result, which comes last."""
    with st.empty():
        for step in steps:
            if isinstance(step, float):
                st.progress(step, f"{doing}, {100 * step:.0f} %")
            else:
                result = step
        st.write("")
    return result


def visitor() -> str:
    """Return what tells the sessions of this server apart."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def attacked(trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo) -> Timeline:
    """Attack a picture under the noise its denoiser was made for; the steps are kept."""

    def work() -> Iterator[float | Timeline]:
        x = shrunk(cache.image(photo))
        target = F.interpolate(shrunk(cache.image(aim)), x.shape[-2:], mode="area")
        return attack_path.run(cache.denoiser(trained), attack, x, trained.noise.nominal, seed, target)

    key = (trained, photo, repr(attack), seed, aim)
    return watched(cache.kept("attacked", key, work, most=20), f"Attacking {trained.title}")


def pushed(trained: Trained, photo: Photo, there: Noise | None, seed: int) -> Pushed:
    """Push a picture, clean or under the noise `there`, along directions; what came of it is kept."""

    def work() -> Iterator[float | Pushed]:
        return pushes.push(cache.denoiser(trained), shrunk(cache.image(photo)), there, trained.noise.nominal, seed)

    steps = cache.kept("pushed", (trained, photo, repr(there), seed), work, most=20)
    return watched(steps, f"Looking for the worst direction of {trained.title}")


def threatened(trained: Trained, shield: Trained, digit: Digit, epsilon: float) -> dict[str, Sent]:
    """Try every threat on a digit before a denoiser; what came of them is kept."""
    model, its, x = cache.classifier(trained), cache.denoiser(shield), digit.image()
    work = partial(defence.tried, model, its, x, digit.labels(model), epsilon)
    return watched(cache.kept("threatened", (trained, shield, digit, epsilon), work, most=50), "Attacking")


def voted(trained: Trained, digit: Digit, votes: int, seed: int) -> Vote:
    """Ask about a digit under noise, alone and behind the denoiser; the votes are kept. Raises UserError without the denoiser."""
    answering, denoiser, key = _answering(trained)
    work = partial(voting.vote, answering, denoiser, digit.image(), votes, seed)
    return watched(cache.kept("voted", (*key, digit, votes, seed), work, most=50), "Voting")


def broken(trained: Trained, digit: Digit, base: str, given: Certificate, votes: int, seed: int) -> dict[str, Changed]:
    """Attack a digit without noise and the vote that gave a certificate; what came of it is kept."""
    answering, _, key = _answering(trained)
    work = partial(voting.attack, answering, digit.image(), base, given, seed)
    return watched(cache.kept("broken", (*key, digit, base, given.sigma, votes, seed), work, most=100), "Attacking")


def _answering(trained: Trained) -> tuple[dict[str, Model], Model, tuple[Trained, Trained]]:
    """Return what votes, the denoiser in it, and what both are known by."""
    model, shield = cache.classifier(trained), Trained.named(defence.SHIELD)
    denoiser = cache.denoiser(shield)
    return certificate.bases(model, denoiser), models.autocast(denoiser), (trained, shield)
