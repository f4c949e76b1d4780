"""Where a training stands, on disk: the hash of a state in front of it, and the state before it kept in case it is damaged."""

import os
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from core import UserError, checkpoints
from core.data.datasets import Dataset
from core.runs import folder
from core.training.loop import Fit

NAMES = ("state.pt", "state.before.pt")  # the newest first
HASH = 64  # characters


def save(run: str, fit: Fit, dataset: Dataset, losses: Sequence[Tensor], history: list[dict[str, float]]) -> None:
    """Write where a training stands, whole or not at all; the losses are of its epoch so far. Raises Unsaved."""
    file = BytesIO()
    about = dict(losses=torch.stack(list(losses)).tolist() if losses else [], history=history, data=dataset.title)
    torch.save(dict(fit=fit.state(), **about), file)
    newest, before = (folder.path(run, name) for name in NAMES)
    with suppress(OSError):  # the first has none before it
        os.replace(newest, before)
    checkpoints.write(newest, checkpoints.digest(file.getvalue()).encode() + file.getvalue())


def restore(run: str, fit: Fit, dataset: Dataset) -> dict[str, Any]:
    """Take up the newest state of a run that is whole, and return it; empty where none was saved.

    It is "fit", "losses" and "history". What is damaged is taken away, lest it be kept as the one before. Raises UserError
    where all there is is damaged, or of other data.
    """
    files = [file for name in NAMES if os.path.lexists(file := folder.path(run, name))]
    for file in files:
        try:
            state = read(file)
            for before, here in ((state["data"], dataset.title), (state["fit"]["device"], fit.fabric.device.type)):
                if before != here:
                    raise UserError(f"{run} began on {before}; here is {here}: launch it anew.")
            fit.load(state["fit"])
            return dict(fit=state["fit"], losses=state["losses"], history=state["history"])
        except (OSError, RuntimeError, LookupError, ValueError, EOFError, TypeError, AttributeError, UnpicklingError):
            print(f"{file.name} is damaged and not used.", flush=True)
            with suppress(OSError):
                file.unlink()
    if files:
        raise UserError(f"The state of {run} is damaged, and none before it is whole: launch it anew.")
    return {}


def read(file: Path) -> dict[str, Any]:
    """Read a state; raises ValueError where it is not what was saved, OSError where it cannot be read."""
    content = file.read_bytes()
    if checkpoints.digest(content[HASH:]).encode() != content[:HASH]:
        raise ValueError("It is not what was saved.")
    return dict(torch.load(BytesIO(content[HASH:]), map_location="cpu", weights_only=True))
