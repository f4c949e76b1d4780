"""Many pieces of work at once: on threads of this machine, or on a Ray cluster where RAY_ADDRESS names one."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch

from core import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")
RETRIES = 5  # how often a piece is done anew, where the machine or process that had it is gone


def imap(task: Callable[[Item], Result], items: Sequence[Item], workers: int = 1) -> Iterator[Result]:
    """Yield the result of every piece of work, in their order, so many at a time; whoever stops asking stops it.

    Here `workers` take a piece each, on one thread each: networks as small as these gain nothing from two threads. On a
    cluster there are as many as it has processors, and a task, with all it refers to, must be picklable; what it returns is
    the same. Raises UserError where Ray is not installed or cannot be reached.
    """
    if os.environ.get("RAY_ADDRESS"):
        yield from _on_cluster(task, items)
        return
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for start in range(0, len(items), workers):
            yield from pool.map(task, items[start : start + workers])


def _on_cluster(task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    try:
        import ray

        ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False, ignore_reinit_error=True)
    except ImportError:
        raise UserError("RAY_ADDRESS is set, but Ray is not installed: `pip install ray`, or unset it.") from None
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"The Ray cluster at {os.environ['RAY_ADDRESS']} cannot be reached ({type(error).__name__}): start it, or unset RAY_ADDRESS."
        ) from None

    def done(task: Callable[[Item], Result], item: Item) -> Result:
        torch.set_num_threads(1)
        return task(item)

    def got(waiting: Any) -> Result:
        try:
            result: Result = ray.get(waiting)
            return result
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise UserError(
                f"The Ray cluster gave a piece of work up ({type(error).__name__}): look at its log."
            ) from None

    remote: Any = ray.remote(max_retries=RETRIES)(done)
    shared = ray.put(task)  # once: it holds the network and the images
    resources: dict[str, float] = ray.cluster_resources()
    ahead = 2 * max(1, int(resources.get("CPU", 1)))
    waiting: deque[Any] = deque()
    try:
        for item in items:
            waiting.append(remote.remote(shared, item))
            if len(waiting) >= ahead:
                yield got(waiting.popleft())
        while waiting:
            yield got(waiting.popleft())
    finally:
        for piece in waiting:
            ray.cancel(piece)
