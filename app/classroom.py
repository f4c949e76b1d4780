"""Classes: what students answer from their own screens, in memory only, without names, gone when the class ends."""

import secrets
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from app.challenge import Board
from app.inputs import Digit, Trained
from core import UserError

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that looks like another
MOST = 200  # classes at once
STUDENTS = 500  # in a class
IDLE = 3 * 3600.0  # seconds after which a class that nobody looks at has ended


@dataclass
class Class:
    """A class: the question that is asked, its choices, who (a session) answered what, and the board of its challenge."""

    code: str
    question: str = ""
    choices: tuple[str, ...] = ()
    answers: dict[str, int] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    open: bool = False
    board: Board | None = None
    daring: bool = False  # whether attempts are taken now
    seen: float = field(default_factory=time.monotonic)

    @property
    def counts(self) -> list[int]:
        """Count the answers to each choice."""
        given = Counter(self.answers.values())
        return [given[k] for k in range(len(self.choices))]


class Classes:
    """All classes of this server, the one looked at longest ago first."""

    def __init__(self) -> None:
        self._classes: OrderedDict[str, Class] = OrderedDict()
        self._lock = Lock()

    def begin(self) -> str:
        """Begin a class and return its code; the one looked at longest ago ends where there are too many."""
        with self._lock:
            while (code := "".join(secrets.choice(LETTERS) for _ in range(4))) in self._classes:
                pass
            self._classes[code] = Class(code)
            while len(self._classes) > 1 and (len(self._classes) > MOST or self._idle() > IDLE):
                self._classes.popitem(last=False)
            return code

    def find(self, code: str, visitor: str = "") -> Class:
        """Return a class, and note that somebody is there. Raises UserError where there is none."""
        with self._lock:
            found = self._classes.get(code.upper())
            if not found:
                raise UserError("There is no such class now: ask your teacher for the code of today.")
            found.seen = time.monotonic()
            self._classes.move_to_end(found.code)
            if visitor and len(found.present) < STUDENTS:
                found.present.add(visitor)
            return found

    def ask(self, code: str, question: str, choices: tuple[str, ...]) -> Class:
        """Ask a class a question, unless it is the one that is asked already."""
        found = self.find(code)
        with self._lock:
            if (found.question, found.choices) != (question, choices):
                found.question, found.choices, found.answers, found.open = question, choices, {}, bool(choices)
            return found

    def answer(self, code: str, visitor: str, question: str, choice: int) -> None:
        """Take a student's answer, the last one counts; none to a question that is no longer asked."""
        found = self.find(code, visitor)
        with self._lock:
            known = visitor in found.answers or len(found.answers) < STUDENTS
            if found.open and found.question == question and 0 <= choice < len(found.choices) and known:
                found.answers[visitor] = choice

    def close(self, code: str) -> None:
        """Take no more answers: what is asked about has been shown."""
        self.find(code).open = False

    def dare(self, code: str, network: Trained, digit: Digit) -> Board:
        """Let a class try to fool a network on a digit; the board stays while it is the same digit and network."""
        found = self.find(code)
        with self._lock:
            if found.board is None or (found.board.network, found.board.digit) != (network, digit):
                found.board = Board(network, digit)
            found.daring = True
            return found.board

    def rest(self, code: str) -> None:
        """Take no more attempts for now; the board stays."""
        self.find(code).daring = False

    def end(self, code: str) -> None:
        """End a class; nothing of it is kept."""
        with self._lock:
            self._classes.pop(code, None)

    def _idle(self) -> float:
        return time.monotonic() - next(iter(self._classes.values())).seen
