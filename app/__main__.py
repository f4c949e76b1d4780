"""Serve the app with the heavy imports already under way: `python -m app`.

Streamlit runs nothing of an app before the first visitor comes. Importing torch takes seconds, so it starts here, in
the server's own process, while the server opens its port.
"""

import os
import sys
import threading
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a thread per session beats two per operation


def warm() -> None:
    """Import what every page needs, and read the digits once so that the disk has them at hand."""
    from core import data, similar, study  # noqa: F401

    data.load("mnist", "test")
    import plotly.graph_objects  # noqa: F401


def main() -> None:
    """Start Streamlit on app/main.py; further arguments go to it."""
    from streamlit.web import cli

    threading.Thread(target=warm, daemon=True).start()
    sys.argv = ["streamlit", "run", str(Path(__file__).parent / "main.py"), *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
