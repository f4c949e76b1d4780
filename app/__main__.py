"""Serve the app, warm: `python -m app`.

Streamlit runs nothing of an app before its first visitor comes, who would then wait for torch and torchvision to be
imported and for the digits to be read. Here that happens before the server opens its port.
"""

import os
from argparse import ArgumentParser
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a thread per session beats two per operation

EVERYWHERE = ("0.0.0.0", "::")


def main() -> None:
    """Serve app/main.py behind the gate, on this machine alone unless another address is asked for."""
    parser = ArgumentParser(prog="python -m app", description="Serve Noisescope.")
    told = "address to listen on; other machines reach 0.0.0.0, and what changes something then needs the token"
    parser.add_argument("--host", "--server.address", dest="host", default="127.0.0.1", help=told)
    parser.add_argument("--port", "--server.port", dest="port", type=int, help="8501, or the next that is free")
    given = parser.parse_args()
    print("Starting Noisescope ...", flush=True)
    from app import warm

    warm.up()
    import streamlit as st
    from starlette.middleware import Middleware
    from streamlit import net_util

    from app import access

    who = "Who visits from elsewhere" if given.host in access.LOCAL else "Everyone"
    mine = "$NOISESCOPE_TOKEN" if os.environ.get("NOISESCOPE_TOKEN") else access.token()
    print(f"{who} needs this token to train, measure, download or delete: {mine}", flush=True)
    served = st.App(Path(__file__).parent / "main.py", middleware=[Middleware(access.Guard)])
    chosen: dict[str, str | int] = {"server.address": given.host}
    if given.port:
        chosen["server.port"] = given.port
    if given.host in EVERYWHERE:  # what others may visit
        chosen["browser.serverAddress"] = net_util.get_internal_ip() or "localhost"
    if os.environ.get(
        "NOISESCOPE_FRAMED_BY"
    ):  # else the cookie that goes with an upload does not reach a frame; it needs TLS
        chosen["server.xsrfCookieSameSite"] = "none"
    served.run(config=chosen)


if __name__ == "__main__":
    main()
