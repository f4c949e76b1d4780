"""The same in Python: the snippet of a page or view, its constants replaced by what the visitor has chosen.

A snippet is a file of snippets/ that runs as it is, named after the page, or after page and view. Its constants are named as in
the address bar; in their place comes the repr of a number, a word, a noise or an attack, never what the address says.
"""

import ast
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, is_dataclass, replace
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitInvalidLayoutContextError

from app import address
from core import UserError, params
from core.attacks import ATTACKS, DENOISER_ATTACKS, DenoiserAttack, OnePixel
from core.noise import BLIND
from core.training.minimisers import LAWS

FOLDER = Path(__file__).parents[1] / "snippets"
KINDS: dict[str, Any] = {**LAWS, **BLIND, **ATTACKS, **DENOISER_ATTACKS, "OnePixel": OnePixel}
OWN = "\n# A picture of your own stays with you: this takes one that is here.\n"


@dataclass(frozen=True)
class Snippet:
    """The text of a file, where the values of its constants stand, and what they are."""

    text: str
    constants: Mapping[str, tuple[ast.expr, Any]]

    def filled(self, chosen: Mapping[str, str]) -> str:
        """Return the text with what is chosen in the place of its constants; a choice that is not of its kind is passed over."""
        lines = self.text.splitlines(keepends=True)
        for name, (place, default) in self.constants.items():
            if (value := _value(name.lower(), default, chosen)) is not None:
                line = lines[place.lineno - 1]
                lines[place.lineno - 1] = f"{line[: place.col_offset]}{value!r}{line[place.end_col_offset :]}"
                if type(value) is not type(default):
                    lines = [_imported(line, type(default), type(value)) for line in lines]
        filled = "".join(lines)
        own = "way" in chosen and "IMAGE" in self.constants and not {"image", "photograph"} & chosen.keys()
        return filled.replace("\n", OWN, 1) if own else filled


@lru_cache(64)
def read(name: str) -> Snippet | None:
    """Read a snippet, once; None where there is none."""
    try:
        text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    except OSError:
        return None
    given = [node for node in ast.parse(text).body if isinstance(node, ast.Assign) and len(node.targets) == 1]
    names = {node.targets[0].id: node.value for node in given if isinstance(node.targets[0], ast.Name)}
    return Snippet(text, {name: (place, _default(place)) for name, place in names.items() if name.isupper()})


def of(page: str, chosen: Mapping[str, str]) -> str | None:
    """Return the snippet of a page at what is chosen there; None where its view has none."""
    view = chosen.get("view", "")
    if view.isidentifier() and (found := read(f"{page}_{view}")):
        return found.filled(chosen)
    found = read(page)
    return found.filled(chosen) if found and (not view or "VIEW" in found.constants) else None


def show() -> None:
    """Offer, in the place that main.py has reserved below the page, its snippet at what is chosen; where there is none, nothing."""
    page, place = st.session_state["snippet"]
    text = of(page, address.stated())
    with suppress(StreamlitInvalidLayoutContextError):  # by a part that went wrong when the whole page ran
        if text:
            place.expander("The same in Python", icon=":material/code:").code(text)
        else:
            place.empty()


def _default(place: ast.expr) -> Any:
    """Return what stands in the file for a constant: a number, a word, a noise or an attack."""
    return params.parse(ast.unparse(place), KINDS) if isinstance(place, ast.Call) else ast.literal_eval(place)


def _value(key: str, default: Any, chosen: Mapping[str, str]) -> object:
    """Return what is chosen for a constant, as the kind of thing that it is; None where nothing is."""
    if is_dataclass(default):
        return _thing(key, default, chosen)
    if key == "image" and "photograph" in chosen:
        return chosen["photograph"]
    if key not in chosen:
        return None
    return chosen[key] if isinstance(default, str) and key != "image" else _number(chosen[key])


def _thing(key: str, default: Any, chosen: Mapping[str, str]) -> object:
    """Return a noise or an attack as the address has it: its kind under `key`, its fields by their names, its strength."""
    kind = KINDS.get(chosen.get(key, ""), type(default))
    first, _ = params.strength(kind)
    asked = {**chosen, **({first: chosen["strength"]} if "strength" in chosen else {})}
    if issubclass(kind, DenoiserAttack):
        asked.pop("seed", None)  # that of the noise
    plain = default if kind is type(default) else kind()
    fields = {name: getattr(plain, name) for name in params.spans(kind)}
    given = {name: _number(asked[name]) for name in fields if name in asked}
    try:
        return replace(plain, **{name: type(fields[name])(value) for name, value in given.items() if value is not None})
    except UserError:
        return None


def _number(text: str) -> int | float | None:
    """Read a number; None for all else."""
    try:
        value = ast.literal_eval(text)
        return value if type(value) in (int, float) and isfinite(value) else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, OverflowError):
        return None


def _imported(line: str, before: type, after: type) -> str:
    """Let a line that imports one class import another instead."""
    return f"from {after.__module__} import {after.__name__}\n" if line == f"from {before.__module__} import {before.__name__}\n" else line  # fmt: skip
