"""Trained networks on disk: NAME.safetensors holds the weights, NAME.json its Card. No pickle is ever read.

They lie in `checkpoints/`, or where $NOISESCOPE_CHECKPOINTS says.
"""

import hashlib
import json
import os
import re
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_weights
from safetensors.torch import save as save_weights
from torch import Tensor

from core import UserError, models, records
from core.models import Network
from core.networks.digits import Classifier
from core.networks.unet import Denoiser

FOLDER = Path(os.environ.get("NOISESCOPE_CHECKPOINTS") or Path(__file__).parents[1] / "checkpoints")
CARDS = 256  # that are remembered, of about 2 kB each
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


class Unsaved(UserError):
    """Say that the disk did not take a file."""


@dataclass(frozen=True)
class Card:
    """Say what a checkpoint is and how it came about."""

    name: str
    title: str
    architecture: str
    dataset: str
    recipe: dict[str, Any]
    seed: int
    commit: str
    sha256: str
    history: list[dict[str, float]]  # per epoch: mean loss and, of a denoiser, the validation score in dB
    told_by: str = ""  # the hash of the weights of a second training by the same recipe, where `history` tells of that


def save(model: Network, card: Card, dtype: torch.dtype = torch.float32) -> Card:
    """Write weights and card, each whole or not at all; return the card with the hash of the weights."""
    return put(card, encoded(model.state_dict(), dtype))


def put(card: Card, weights: bytes) -> Card:
    """Write encoded weights and a card that knows their hash."""
    write(path(card.name, ".safetensors"), weights)
    return rewrite(replace(card, sha256=digest(weights)))


def encoded(weights: dict[str, Tensor], dtype: torch.dtype) -> bytes:
    """Return the weights of a network as they lie on disk; raises UserError where one is not finite."""
    values = {name: value.to(dtype).contiguous() for name, value in weights.items()}
    if not _finite(values):
        raise UserError("The training has diverged, its weights are no numbers: try a smaller learning rate.")
    return save_weights(values)


def digest(weights: bytes) -> str:
    """Return the hash a card knows its weights by."""
    return hashlib.sha256(weights).hexdigest()


def rewrite(card: Card) -> Card:
    """Write a card whose weights stay as they are."""
    write(path(card.name, ".json"), (json.dumps(asdict(card), indent=2) + "\n").encode())
    return card


def classifier(name: str, device: str = "cpu") -> tuple[Classifier, Card]:
    """Load a network that tells digits apart; raises UserError where it is another kind, or what `load` refuses."""
    model, card = load(name, device)
    if not isinstance(model, Classifier):
        raise UserError(f"{name} is not a network that reads digits: choose another.")
    return model, card


def denoiser(name: str, device: str = "cpu") -> tuple[Denoiser, Card]:
    """Load a network that takes noise away; raises UserError where it is another kind, or what `load` refuses."""
    model, card = load(name, device)
    if not isinstance(model, Denoiser):
        raise UserError(f"{name} is not a network that takes noise away: choose another.")
    return model, card


def load(name: str, device: str = "cpu") -> tuple[Network, Card]:
    """Return a network on a device, frozen and in eval mode, and its card.

    Raises UserError, in one sentence, where the checkpoint is missing, its weights are truncated or are not those the
    card speaks of or no numbers, or this version of Noisescope does not know its architecture.
    """
    card = read(name)
    try:
        weights = path(name, ".safetensors").read_bytes()
    except OSError:
        raise UserError(f"The weights of {name} are missing: train it with `python -m core train {name}`.") from None
    if digest(weights) != card.sha256:
        raise UserError(
            f"The weights of {name} are damaged or not the ones its card describes: fetch or train {name} again."
        )
    return models.freeze(fitted(card, weights)).to(device), card


def fitted(card: Card, weights: bytes) -> Network:
    """Build the network that a card and encoded weights make up; raises UserError where they do not, or a weight is not finite."""
    model, again = models.build(card.architecture, card.seed), f"fetch or train {card.name} again"
    try:
        model.load_state_dict(load_weights(weights))
    except (RuntimeError, TypeError, SafetensorError):
        raise UserError(f"The weights of {card.name} do not fit a {card.architecture}: {again}.") from None
    if not _finite(model.state_dict()):
        raise UserError(f"The weights of {card.name} are no numbers, its training has diverged: {again}.")
    return model


def _finite(weights: dict[str, Tensor]) -> bool:
    return all(bool(value.isfinite().all()) for value in weights.values())


def read(name: str) -> Card:
    """Return the card of a checkpoint; raises UserError where there is none, it cannot be read or is another's."""
    try:
        card = parsed(path(name, ".json").read_bytes())
    except FileNotFoundError:
        raise UserError(f"There is no network {name!r} here: train it with `python -m core train {name}`.") from None
    except (OSError, ValueError):
        raise UserError(f"The card of {name} cannot be read: fetch or train {name} again.") from None
    if card.name != name:
        raise UserError(f"The card of {name} is that of another network: fetch or train {name} again.")
    return card


@lru_cache(CARDS)  # a page asks for the same few cards hundreds of times
def parsed(content: bytes) -> Card:
    """Return the card that is written in JSON; raises ValueError where it is none, UserError where its architecture is unknown.

    What cards of other versions said besides is passed over.
    """
    record, known = records.loads(content), {field.name for field in fields(Card)}
    card = records.build(Card, {name: value for name, value in record.items() if name in known})
    if not all({"epoch", "loss"} <= line.keys() == card.history[0].keys() for line in card.history):
        raise ValueError("Its training curve cannot be read.")
    if card.architecture not in models.ARCHITECTURES:
        unknown = f"{card.name} is a {card.architecture}, which this version does not know"
        raise UserError(f"{unknown}: update Noisescope.")
    return card


def remove(name: str) -> None:
    """Take a network away; raises UserError where it is gone, or the disk refuses."""
    card, weights = path(name, ".json"), path(name, ".safetensors")
    try:
        card.unlink()  # first: without it nobody asks for the weights
        weights.unlink(missing_ok=True)
    except FileNotFoundError:
        raise UserError(f"There is no network {name!r} here any more.") from None
    except OSError as error:
        raise UserError(f"{name} could not be removed ({error.strerror}): check the folder's rights.") from None


def there(name: str) -> bool:
    """Say whether a network is here, as far as its card tells."""
    return path(name, ".json").exists()


def current(name: str, sha256: str) -> bool:
    """Say whether a network is here with just these weights."""
    try:
        return read(name).sha256 == sha256
    except UserError:
        return False


def path(name: str, suffix: str) -> Path:
    """Return where a checkpoint's file lies; raises UserError for a name that is not one (`../../x`)."""
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} is not the name of a network: use lower-case letters, digits, dots and dashes.")
    return FOLDER / f"{name}{suffix}"


def write(target: Path, content: bytes) -> None:
    """Put a file in place whole or not at all; raises Unsaved where the disk does not take it."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise Unsaved(
            f"{target.name} could not be saved ({error.strerror}): free some disk space or check the folder's rights."
        ) from None


@cache
def commit() -> str:
    """Return the commit the code of this process stands at, "+" behind it where core/ differs from it; "" outside a checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--", "core") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*command: str) -> str:
    folder = Path(__file__).parents[1]
    return subprocess.run(("git", *command), cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
