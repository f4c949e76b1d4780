"""Lessons: steps from page to page, each with a line for the teacher and a question to the class. They are written in lessons.json."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from app.navigation import PAGES
from core import UserError

T = TypeVar("T")
FILE = Path(__file__).with_name("lessons.json")


@dataclass(frozen=True)
class Step:
    """One step: a page with its parameters, a line for the teacher, and, if it asks, a question with its choices."""

    page: str
    parameters: dict[str, str]
    teacher: str
    question: str = ""
    choices: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.page not in {entry.name for entry in PAGES}:
            raise UserError(f"there is no page {self.page!r}")
        if not isinstance(self.parameters, dict) or not isinstance(self.choices, list | tuple):
            raise UserError("'parameters' is {...} and 'choices' [...]")
        if not all(
            isinstance(word, str) for word in (self.teacher, self.question, *self.parameters.values(), *self.choices)
        ):
            raise UserError("what is said, parameters and choices are words in quotation marks")
        if bool(self.question) != (len(self.choices) > 1):
            raise UserError("a question has two choices or more, and choices have a question")

    @property
    def file(self) -> Path:
        """Return the page's script."""
        return next(entry.file for entry in PAGES if entry.name == self.page)


@dataclass(frozen=True)
class Lesson:
    """A lesson by its name in the address bar."""

    name: str
    title: str
    minutes: int
    about: str
    steps: Sequence[Step]

    def __post_init__(self) -> None:
        if (
            not all(isinstance(word, str) for word in (self.name, self.title, self.about))
            or not self.name.isidentifier()
        ):
            raise UserError("'name' is one word, 'title' and 'about' are words in quotation marks")
        if not isinstance(self.steps, list) or not self.steps:
            raise UserError("a lesson needs 'steps': [...]")

    def address(self, number: int) -> dict[str, str]:
        """Return the parameters of a step, counted from 1, with those that say which it is."""
        return {**self.steps[number - 1].parameters, "lesson": f"{self.name}-{number}"}


def read(file: Path = FILE) -> dict[str, Lesson]:
    """Read the lessons. Raises UserError, with the line and the reason, where the file is not what it should be."""
    try:
        text = file.read_text()
        listed = isinstance(json.loads(text), list)
    except (OSError, UnicodeDecodeError) as why:
        raise UserError(f"{file.name} cannot be read: {why}.") from None
    except json.JSONDecodeError as why:
        raise UserError(f"{file.name}, line {why.lineno}: {why.msg}.") from None
    if not listed:
        raise _refusal(file, text, 0, "a list of lessons is meant here")
    lessons: dict[str, Lesson] = {}
    for at, values in _parts(text, text.index("[")):
        lesson = _made(Lesson, values, file, text, at)
        parts = list(_parts(text, at))  # key, value, key, value ...
        steps = next(k for (_, key), (k, _) in zip(parts[::2], parts[1::2], strict=True) if key == "steps")
        if lesson.name in lessons:
            raise _refusal(file, text, at, f"there are two lessons named {lesson.name!r}")
        made = [_made(Step, step, file, text, k) for k, step in _parts(text, steps)]
        lessons[lesson.name] = replace(lesson, steps=made)
    return lessons


def _parts(text: str, at: int) -> Iterator[tuple[int, Any]]:
    """Yield what stands in the list or object that begins at `at`, and where each begins; the text is known to be JSON."""
    at += 1
    while text[at] not in "]}":
        if text[at] in " \n\r\t,:":
            at += 1
            continue
        value, end = json.JSONDecoder().raw_decode(text, at)
        yield at, value
        at = end


def _made(kind: type[T], values: Any, file: Path, text: str, at: int) -> T:
    """Make a lesson or a step of what was read."""
    what, known = kind.__name__.lower(), {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(values, dict) or not values.keys() <= known.keys():
        raise _refusal(file, text, at, f"a {what} has {', '.join(known)}, and nothing else")
    for name, field in known.items():
        if name not in values and field.default is MISSING:
            raise _refusal(file, text, at, f"a {what} needs {name!r}")
    try:
        return kind(**values)
    except UserError as why:
        raise _refusal(file, text, at, str(why)) from None


def _refusal(file: Path, text: str, at: int, reason: str) -> UserError:
    return UserError(f"{file.name}, line {text.count(chr(10), 0, at) + 1}: {reason}.")
