"""Warm a process up, once: import what every page needs, and put into the cache what visitors ask for first."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread

from streamlit import runtime
from streamlit.logger import get_logger
from streamlit.runtime import Runtime

WARNS = ("runtime.scriptrunner_utils.script_run_context", "runtime.caching.cache_data_api")
_first = Lock()  # whoever has it warms up, and nobody does so again


def up() -> None:
    """Import what every page needs, and put into the cache what the first visitor asks for; what is warm stays as it is."""
    if _first.acquire(blocking=False):
        with _outside():
            _fill()


def behind() -> None:
    """Warm up in the background, where nobody has: who is here has a page already and does not wait for it."""

    def warmed() -> None:
        up()
        settled()
        get_logger("noisescope").info("warmed up")

    if served() and not _first.locked():
        import pandas  # type: ignore[import-untyped]  # noqa: F401  # plotly fails where it looks into it while another thread imports it

        Thread(target=warmed, name="warming up", daemon=True).start()


def served() -> bool:
    """Say whether a server runs, as it does not in the test of a page."""
    return runtime.exists() and isinstance(runtime.get_instance(), Runtime)


def settled() -> None:
    """Let later collections of the heap pass over what is there now."""
    gc.collect()
    gc.freeze()


def _fill() -> None:
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401

    from app import cache
    from app.controls import pickers
    from app.inputs import Trained
    from core import UserError

    cache.dataset("mnist", "test")
    try:
        for name in pickers.classifiers():
            cache.classifier(Trained.named(name))
    except UserError as refusal:
        print(refusal)  # the pages that need it say so too


@contextmanager
def _outside() -> Iterator[None]:
    """Fill caches outside a session, which Streamlit would warn of: here it is meant."""
    loggers = [get_logger(f"streamlit.{name}") for name in WARNS]
    for logger in loggers:
        logger.setLevel("ERROR")
    yield
    for logger in loggers:
        logger.setLevel("INFO")
