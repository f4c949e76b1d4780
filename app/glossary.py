"""The words of the field, each in one sentence: app/terms.json, read once."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "terms.json"


@dataclass(frozen=True)
class Term:
    """A word, other forms of it that count as the same, and what it means."""

    name: str
    forms: tuple[str, ...]
    says: str


@cache
def terms() -> tuple[Term, ...]:
    """Read all terms, in the order of the alphabet."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(Term(name, (name, *filter(None, forms.split(", "))), says) for name, forms, says in rows)
