"""Read what was written as JSON and may be damaged in any byte: nothing comes of it but values of the types asked for."""

import json
from collections.abc import Mapping
from functools import cache
from math import isfinite
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
LONGEST = 10_000  # characters of a word
LARGEST = 2**63  # of a whole number, which tables and charts can still hold


def loads(text: str | bytes, constants: bool = False) -> dict[str, Any]:
    """Return the object that JSON holds; raises ValueError where it holds none, or a number that is none or too large.

    `constants` lets NaN and Infinity pass, as json.dumps writes them.
    """
    try:
        found = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=float if constants else _refuse)
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None
    if not isinstance(found, dict):
        raise ValueError("It is no object.")
    return found


def build(kind: type[T], record: Mapping[str, Any]) -> T:
    """Build a dataclass of a record; raises ValueError where a field is missing, unknown, or not of its type."""
    known = hints(kind)  # type: ignore[arg-type]  # a class can be hashed
    try:
        wrong = [name for name, value in record.items() if name not in known or not fits(value, known[name])]
        if not wrong:
            return kind(**record)
    except (RecursionError, TypeError):
        wrong = ["something"]
    raise ValueError(f"{', '.join(wrong)} of {kind.__name__} cannot be read.")


def fits(value: object, hint: Any) -> bool:
    """Say whether a value is of a type; a whole number will do for a real one, and no word is longer than LONGEST.

    >>> fits((1, 2.5), tuple[float, ...]), fits(True, int), fits({"a": "b"}, dict[str, int])
    (True, False, False)
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Annotated, Union, UnionType):
        return any(fits(value, one) for one in (inner[:1] if origin is Annotated else inner))
    if origin is Literal:
        return value in inner
    if origin is tuple and inner[-1] is not ...:
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(fits, value, inner))
    if origin in (tuple, list):
        return isinstance(value, origin) and all(fits(each, inner[0]) for each in value)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping) and all(
            fits(key, inner[0]) and fits(each, inner[1]) for key, each in value.items()
        )
    if hint in (int, float):
        return isinstance(value, int | hint) and not isinstance(value, bool)
    return _plain(value) if hint is Any else isinstance(value, hint) and (hint is not str or _plain(value))


def _plain(value: object) -> bool:
    """Say whether all words of a value can be shown: none too long, nor with halves of a character."""
    if isinstance(value, str):
        return len(value) <= LONGEST and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, Mapping):
        return all(_plain(each) for pair in value.items() for each in pair)
    return all(map(_plain, value)) if isinstance(value, list | tuple) else True


@cache
def hints(kind: type) -> dict[str, Any]:
    """Return the types of a class's fields, with what they are annotated by; found once, for that takes longer than to build one."""
    return get_type_hints(kind, include_extras=True)


def _whole(text: str) -> int:
    if abs(number := int(text)) >= LARGEST:
        raise ValueError("A number is too large.")
    return number


def _real(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError("A number is too large.")
    return number


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number.")
