"""Take from this process what Windows lacks, then run a module as a command: `python -m tests.windows MODULE WORD ...`.

Without a word after it, every module of core and app is imported.
"""

import importlib
import os
import pkgutil
import runpy
import signal
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def bare() -> None:
    """Hide fcntl, resource and what os and signal have elsewhere; msvcrt, which is there instead, locks as fcntl does."""
    import fcntl

    def locking(file: int, mode: int, count: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN if mode == msvcrt.LK_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB)

    msvcrt = ModuleType("msvcrt")
    msvcrt.LK_UNLCK, msvcrt.LK_NBLCK, msvcrt.locking = 0, 2, locking  # type: ignore[attr-defined]
    sys.modules["msvcrt"] = msvcrt
    for name in ("fcntl", "resource"):
        sys.modules[name] = None  # type: ignore[assignment]
    for owner, names in ((os, ("nice", "fork", "killpg", "getpgid", "setsid")), (signal, ("SIGKILL", "SIGSTOP"))):
        for name in names:
            delattr(owner, name)


def everything() -> None:
    """Import every module of core and app, but for those that run at once."""
    for room in ("core", "app"):
        for found in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
            if not found.name.endswith("__main__") and found.name != "app.main":
                importlib.import_module(found.name)


if __name__ == "__main__":
    import torch  # as it is built for this system

    assert torch
    bare()
    if len(sys.argv) == 1:
        everything()
    else:
        sys.argv = sys.argv[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
