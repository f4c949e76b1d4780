"""Values by a key, together in at most so many bytes: the one asked for longest ago goes first."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from threading import RLock
from typing import Generic, TypeVar

import numpy as np
from torch import Tensor, nn

V = TypeVar("V")
OWN = 5_000  # bytes that a value takes with its key, besides what is in it


class Held(Generic[V]):
    """Values by a key, in at most `room` bytes; a value for which `stays` is true is not let go for others."""

    def __init__(self, room: int, stays: Callable[[V], bool] = lambda _: False) -> None:
        self.room, self.nbytes, self._stays = room, 0, stays
        self._values: OrderedDict[object, tuple[V, int]] = OrderedDict()  # with its bytes
        self._lock = RLock()

    def __len__(self) -> int:
        """Count the values."""
        return len(self._values)

    def get(self, key: object) -> V | None:
        """Return a value; None where it was never held, or others have taken its place."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def enter(self, key: object, make: Callable[[], V]) -> V:
        """Return the value of a key; where there is none one is made, and is nothing but itself until `weigh` says otherwise."""
        with self._lock:
            if key not in self._values:
                self._values[key] = make(), 0
                self.weigh(key, 0)
            self._values.move_to_end(key)
            return self._values[key][0]

    def weigh(self, key: object, nbytes: int) -> None:
        """Say what is in a value by now; others go until there is room, itself where there is too little for it alone."""
        with self._lock:
            if key not in self._values:
                return
            value, before = self._values[key]
            self._values[key] = value, OWN + nbytes
            self.nbytes += OWN + nbytes - before
            for old in [*self._values] if self.nbytes > self.room else ():
                if self.nbytes <= self.room:
                    break
                if not self._stays(self._values[old][0]):
                    self.drop(old)

    def drop(self, key: object) -> None:
        """Let go of the value of a key, if there is one."""
        with self._lock:
            _, nbytes = self._values.pop(key, (None, 0))
            self.nbytes -= nbytes

    def clear(self) -> None:
        """Let go of all values."""
        with self._lock:
            self._values.clear()
            self.nbytes = 0


def size(value: object) -> int:
    """Estimate how many bytes a value holds: tensors, arrays and bytes by what is in them, all else by its parts."""
    if isinstance(value, Tensor):
        return value.nelement() * value.element_size()
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, nn.Module):
        return sum(map(size, value.state_dict().values()))
    if is_dataclass(value):
        return sum(size(getattr(value, f.name)) for f in fields(value))
    if isinstance(value, dict):
        return sum(size(key) + size(part) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return sum(map(size, value))
    return 32
