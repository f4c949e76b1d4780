"""Tables of figures, a row per image, as they lie on disk: a safetensors file with what they are about beside them."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from core import checkpoints


def file(name: str) -> Path:
    """Return where the table called `name` lies."""
    return checkpoints.FOLDER / "curves" / f"{name}.safetensors"


def write(name: str, table: Tensor, about: dict[str, str]) -> None:
    """Put a table in place whole or not at all; raises Refusal where the disk refuses."""
    checkpoints.write(file(name), save({"table": table.contiguous()}, about))


def read(name: str) -> tuple[Tensor, dict[str, str]] | None:
    """Return a table and what it is about; None where there is none, or it cannot be read."""
    try:
        with safe_open(file(name), "pt") as found:
            return found.get_tensor("table"), found.metadata() or {}
    except (OSError, SafetensorError, KeyError):
        return None
