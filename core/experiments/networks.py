"""What there is to measure, and on what: the networks that are here, those that ship first, and the device."""

import torch

from core import UserError, checkpoints, parallel
from core.checkpoints import Card
from core.training import recipes


def cards() -> list[Card]:
    """Return the cards of all networks here: those that ship, in the order of their recipes, then those adopted, by name."""
    return [card for card in _all().values() if isinstance(card, Card)]


def damaged() -> dict[str, str]:
    """Return what is wrong with each network whose card is of no use, a sentence by name."""
    return {name: str(refusal) for name, refusal in _all().items() if isinstance(refusal, UserError)}


def _all() -> dict[str, Card | UserError]:
    """Return every card by its name, or why it is of no use."""
    found: dict[str, Card | UserError] = {}
    names, first = [file.stem for file in checkpoints.FOLDER.glob("[!.]*.json")], list(recipes.RECIPES)
    for name in sorted(names, key=lambda name: (first.index(name) if name in first else len(first), name)):
        try:
            found[name] = recipes.sound(checkpoints.read(name))
        except UserError as refusal:
            found[name] = refusal
    return found


def classifiers() -> list[str]:
    """Name the networks here that read digits."""
    return [card.name for card in cards() if "noise" not in card.recipe]


def denoisers() -> list[str]:
    """Name the networks here that take noise away."""
    return [card.name for card in cards() if "noise" in card.recipe]


def device() -> str:
    """Return where experiments compute: on CUDA where it is there."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def workers(device: str) -> int:
    """Return how many pieces of work a device takes at once: a processor one on each core, a GPU one."""
    return parallel.cores() if device == "cpu" else 1
