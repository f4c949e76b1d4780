"""The queue of runs: one at a time on a CPU, one per GPU, in the order in which they joined."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import torch

from core.runs import folder, locks

LOOK = 0.25  # seconds between two looks at the queue


@contextmanager
def slot(run: str, devices: int, waiting: Callable[[], bool]) -> Iterator[None]:
    """Wait until so many devices are free and this run is the first in the queue, or until `waiting` says no; hold them.

    This process then sees these GPUs alone. Under torchrun, which knows its devices, nothing is chosen.
    """
    places = [folder.root() / f".slot-{k}" for k in range(max(1, torch.cuda.device_count()))]
    files = [open(place, "w") for place in places]  # noqa: SIM115
    try:
        while waiting():
            queue = [(r.status.queued, r.id) for r in folder.every() if r.alive and r.status.state == "queued"]
            if queue and min(queue)[1] == run and (free := held(files, min(devices, len(files)))):
                _choose(free, len(files))
                break
            time.sleep(LOOK)
        yield
    finally:
        for file in files:
            file.close()


def held(files: Sequence[TextIO], count: int) -> list[int]:
    """Lock so many of these files, or none; returns which."""
    found: list[int] = []
    for k, file in enumerate(files):
        if len(found) < count and locks.take(file):
            found.append(k)
    if len(found) == count:
        return found
    for k in found:
        locks.let_go(files[k])
    return []


def _choose(free: Sequence[int], count: int) -> None:
    if count > 1 and "TORCHELASTIC_RUN_ID" not in os.environ:
        known = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(known.split(",")[k] for k in free)
