"""Measured figures as they lie in checkpoints/curves/: tables, a row per image, and records of a few numbers each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from core import checkpoints


def file(name: str, suffix: str = ".safetensors") -> Path:
    """Return where the table, or with ".json" the records, called `name` lie."""
    return checkpoints.FOLDER / "curves" / f"{name}{suffix}"


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


def put(name: str, key: str, record: Mapping[str, Any]) -> None:
    """Keep a record under `key` among those called `name`, in place of the one there; raises Refusal where the disk refuses."""
    known = {**records(name), key: record}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(r)}" for k, r in sorted(known.items()))
    checkpoints.write(file(name, ".json"), f"{{\n{lines}\n}}\n".encode())


def records(name: str) -> dict[str, dict[str, Any]]:
    """Return the records called `name`, by key; none where there is no file, or it cannot be read."""
    try:
        return dict(json.loads(file(name, ".json").read_text()))
    except (OSError, ValueError):
        return {}
