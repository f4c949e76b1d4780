"""Serve the app, warm: `python -m app`.

Streamlit runs nothing of an app before its first visitor comes, who would then wait for torch and torchvision to be
imported and for the digits to be read. Here that happens before the server opens its port.
"""

import os
from argparse import ArgumentParser
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a thread per session beats two per operation


def warm() -> None:
    """Import what every page needs, and put into the cache what the first visitor asks for."""
    import pandas  # type: ignore[import-untyped]  # noqa: F401  # plotly fails where it looks into it while another thread imports it
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
    """Serve app/main.py behind the gate, on this machine alone unless another address is asked for."""
    parser = ArgumentParser(prog="python -m app", description="Serve Noisescope.")
    told = "address to listen on; other machines reach 0.0.0.0, and what changes something then needs the token"
    parser.add_argument("--host", "--server.address", dest="host", default="127.0.0.1", help=told)
    parser.add_argument("--port", "--server.port", dest="port", type=int, help="8501, or the next that is free")
    given = parser.parse_args()
    print("Starting Noisescope ...", flush=True)
    warm()
    import streamlit as st
    from starlette.middleware import Middleware

    from app import access

    who = "Who visits from elsewhere" if given.host in access.LOCAL else "Everyone"
    mine = "$NOISESCOPE_TOKEN" if os.environ.get("NOISESCOPE_TOKEN") else access.token()
    print(f"{who} needs this token to train, measure, download or delete: {mine}", flush=True)
    served = st.App(Path(__file__).parent / "main.py", middleware=[Middleware(access.Guard)])
    chosen = {"server.address": given.host} | ({"server.port": given.port} if given.port else {})
    served.run(config=chosen)


if __name__ == "__main__":
    main()
