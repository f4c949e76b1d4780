"""Locks on files, which the system lets go when their process ends, however it ends.

On Windows, where a lock cannot be handed over to another process, they are taken and let go all the same.
"""

import time
from pathlib import Path
from typing import TextIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

GIVEN_OVER = fcntl is not None  # whether a process can be handed the lock of the one that starts it


def take(file: TextIO) -> bool:
    """Lock an open file, as long as it is open; says whether that went: nobody else, of this process or another, has it."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True


def let_go(file: TextIO) -> None:
    """Unlock a file that stays open."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]


def opened(place: Path, patience: float) -> TextIO | None:
    """Open a file and lock it, waiting at most so many seconds; None where another has it all the while. Raises OSError."""
    file = open(place, "w")  # noqa: SIM115
    end = time.monotonic() + patience
    while not take(file):
        if time.monotonic() > end:
            file.close()
            return None
        time.sleep(0.01)
    return file


def taken(place: Path) -> bool:
    """Say whether a file is locked; one that is not there is not."""
    try:
        with open(place, "r+" if fcntl is None else "r") as file:
            if fcntl is None:
                return not take(file)
            fcntl.flock(
                file, fcntl.LOCK_SH | fcntl.LOCK_NB
            )  # shared: two who look do not take each other for the owner
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False
