"""Many pieces of work at once: on threads of this machine, or on a Ray cluster where RAY_ADDRESS names one."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch

from core import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")
RETRIES = 5  # how often a piece is done anew, where the machine or process that had it is gone
AHEAD = 4  # pieces a worker may be ahead of the one that is waited for

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of computing in so many by the clock, or "max"


def cores() -> int:
    """Count the cores this process may use: those of the machine, or fewer where a container is given fewer."""
    here = os.cpu_count() or 1
    with suppress(OSError, ValueError):
        given, period = map(int, QUOTA.read_text().split())
        return max(1, min(here, given // period))
    return here


def imap(task: Callable[[Item], Result], items: Sequence[Item], workers: int = 1) -> Iterator[Result]:
    """Yield the result of every piece of work, in their order, worked on here; whoever stops asking stops it.

    `workers` take a piece each, on one thread each: networks as small as these gain nothing from two threads. Who is done
    takes the next while a slow one is waited for, up to AHEAD pieces each. What a piece raises is raised here.
    """
    left, waiting = iter(items), deque[Future[Result]]()
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:

        def at_work() -> list[Future[Result]]:
            """Give those who are idle something to do; return the pieces that were not done before."""
            busy = [piece for piece in waiting if not piece.done()]
            room = min(workers - len(busy), AHEAD * workers - len(waiting))
            begun = [pool.submit(task, item) for item in islice(left, room)]
            waiting.extend(begun)
            return [*busy, *begun]

        while (pieces := at_work()) or waiting:
            while not waiting[0].done():
                wait(pieces, return_when=FIRST_COMPLETED)
                if not waiting[0].done():
                    pieces = at_work()
            yield waiting.popleft().result()


def spread(task: Callable[[Item], Result], items: Sequence[Item], workers: int = 1) -> Iterator[Result]:
    """Yield what `imap` yields, worked on by the Ray cluster that RAY_ADDRESS names, where it names one.

    For experiments, whose images anybody may see: a task goes to the cluster with all it refers to, and must be picklable.
    Raises UserError where Ray is not installed or cannot be reached.
    """
    return _on_cluster(task, items) if os.environ.get("RAY_ADDRESS") else imap(task, items, workers)


def _on_cluster(task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    ray = _connected()

    def done(task: Callable[[Item], Result], item: Item) -> Result:
        torch.set_num_threads(1)
        return task(item)

    remote: Any = ray.remote(max_retries=RETRIES)(done)
    shared = ray.put(task)  # once: it holds the network and the images
    resources: dict[str, float] = ray.cluster_resources()
    ahead = 2 * max(1, int(resources.get("CPU", 1)))
    waiting: deque[Any] = deque()
    try:
        for item in items:
            waiting.append(remote.remote(shared, item))
            if len(waiting) >= ahead:
                yield _got(ray, waiting.popleft())
        while waiting:
            yield _got(ray, waiting.popleft())
    finally:
        for piece in waiting:
            ray.cancel(piece)


def _connected() -> Any:
    """Return Ray, connected to the cluster."""
    try:
        import ray

        ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False, ignore_reinit_error=True)
    except ImportError:
        raise UserError("RAY_ADDRESS is set, but Ray is not installed: `pip install ray`, or unset it.") from None
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"The Ray cluster at {os.environ['RAY_ADDRESS']} cannot be reached ({type(error).__name__}): start it, or unset RAY_ADDRESS."
        ) from None
    return ray


def _got(ray: Any, waiting: Any) -> Any:
    try:
        return ray.get(waiting)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise UserError(f"The Ray cluster gave a piece of work up ({type(error).__name__}): look at its log.") from None
