"""Serve the app, warm: `python -m app`.

Streamlit runs nothing of an app before its first visitor comes, who would then wait for torch and torchvision to be
imported and for the digits to be read. Here that happens before the server opens its port.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a thread per session beats two per operation


def warm() -> None:
    """Import what every page needs, and put into the cache what the first visitor asks for."""
    import plotly.graph_objects  # noqa: F401
    from streamlit import logger

    logger.set_log_level("ERROR")  # caches are meant to be filled outside a session here
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
    logger.set_log_level("INFO")


def main() -> None:
    """Start Streamlit on app/main.py; further arguments go to it."""
    print("Starting Noisescope ...", flush=True)
    warm()
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(Path(__file__).parent / "main.py"), *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
