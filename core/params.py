"""The range and unit of a parameter, written once: read by the slider, the check and the property tests."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, Literal, TypeVar, dataclass_transform, get_args, get_origin

from core import UserError, records

T = TypeVar("T")


@dataclass(frozen=True)
class Span:
    """Allow a field the values low, low + step, ... high (and, in code, anything between).

    Written as `sigma: Annotated[float, Span(0, 100, 1, unit="grey levels")] = 25.0`.
    """

    low: float
    high: float
    step: float
    unit: str = ""
    label: str = ""  # what a slider says; empty: the field's own name
    falling: bool = False  # less is stronger (light); its levels are spaced by ratio
    share: bool = False  # of a whole: shown in percent

    def levels(self, count: int = 51) -> tuple[float, ...]:
        """Return `count` values over the whole span, from the weakest to the strongest.

        >>> Span(0, 1, 0.1).levels(3), Span(1, 100, 1, falling=True).levels(3)
        ((0.0, 0.5, 1.0), (100.0, 10.0, 1.0))
        """
        shares = [k / (count - 1) for k in range(count)]
        if self.falling:
            return tuple(float(f"{self.high * (self.low / self.high) ** share:.3g}") for share in shares)
        return tuple(round(self.low + share * (self.high - self.low), 6) for share in shares)


@dataclass_transform(frozen_default=True)
def validated(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass that refuses a value outside its field's Span or Literal, and what is not a str or bool.

    The refusal is a UserError, one sentence that names the field, the value, and what it may be.
    """
    cls.__post_init__ = _check  # type: ignore[attr-defined]
    return dataclass(frozen=True)(cls)


def spans(cls: type) -> Mapping[str, Span]:
    """Return the Span of every field of a validated class that has one, in the order of the fields."""
    hints = records.hints(cls)
    found = {
        f.name: [m for m in getattr(hints[f.name], "__metadata__", ()) if isinstance(m, Span)] for f in fields(cls)
    }
    return {name: marks[0] for name, marks in found.items() if marks}


def strength(cls: type) -> tuple[str, Span]:
    """Return the field that says how strong a noise or an attack is: by convention its first."""
    return next(iter(spans(cls).items()))


def level(thing: object) -> float:
    """Return the strength a noise or an attack is set to."""
    name, _ = strength(type(thing))
    return float(getattr(thing, name))


def at(thing: T, level: float) -> T:
    """Return `thing` with its strength set to `level`.

    >>> from core.noise import Gaussian
    >>> at(Gaussian(25.0), 50.0)
    Gaussian(sigma=50.0)
    """
    name, _ = strength(type(thing))
    return replace(thing, **{name: level})  # type: ignore[type-var]


def parse(text: str, classes: Mapping[str, type[T]]) -> T:
    """Build the value whose repr is `text`, out of the classes named; raises UserError where it is none of theirs.

    >>> from core.noise import NOISES
    >>> parse("Gaussian(sigma=50.0)", NOISES)
    Gaussian(sigma=50.0)
    """
    try:
        call = ast.parse(text, mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args:
            values = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
            return classes[call.func.id](**values)
    except (SyntaxError, ValueError, KeyError, TypeError, OverflowError, RecursionError, MemoryError):
        pass
    raise UserError(f"{str(text)[:80]!r} is not one of {', '.join(classes)}: update Noisescope.")


def _check(self: Any) -> None:
    hints = records.hints(type(self))  # type: ignore[arg-type]  # a class can be hashed
    for name in (f.name for f in fields(self)):
        allowed = _allowed(hints[name], getattr(self, name))
        if allowed:
            raise UserError(f"{type(self).__name__}: {name} is {getattr(self, name)!r}, but it {allowed}.")


def _allowed(hint: Any, value: object) -> str:
    """Say what a field takes, where `value` is not that; what is neither a number in a span, a choice nor plain passes."""
    span = next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Span)), None)
    if span:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = number and isfinite(value) and span.low <= value <= span.high  # type: ignore[arg-type, operator]
        return "" if fits else f"goes from {span.low:g} to {span.high:g} {span.unit}".rstrip()
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return "" if value in choices else f"is one of {', '.join(map(repr, choices))}"
    words = {str: "is text", bool: "is True or False"}
    return words[hint] if hint in words and not isinstance(value, hint) else ""
