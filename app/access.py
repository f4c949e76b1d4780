"""Who may launch, steer and delete training runs: NOISESCOPE_TRAINING says on, off or token; everyone may watch."""

import hmac
import os
from urllib.parse import urlsplit

import streamlit as st

MODES = ("on", "off", "token")
LOCAL = ("localhost", "127.0.0.1", "::1")
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")  # what a proxy adds: then the visitor is somewhere else


def mode() -> str:
    """Return on, off or token; unset, training is on for who visits this very machine and off for others."""
    chosen = os.environ.get("NOISESCOPE_TRAINING", "").strip().lower()
    if chosen in MODES:
        return chosen
    return "on" if not chosen and _here() else "off"


def allowed() -> bool:
    """Say whether this visitor may steer, with one sentence where not, and a field for the token where one is asked for."""
    match mode():
        case "on":
            return True
        case "token":
            return _knows(os.environ.get("NOISESCOPE_TOKEN", ""))
        case _:
            st.info(
                "You may watch. Launching is off on this server: its owner sets NOISESCOPE_TRAINING=on, or =token.",
                icon=":material/visibility:",
            )
            return False


def _knows(secret: str) -> bool:
    """Ask for the token."""
    problem = "Training asks for a token, but the server has none: set NOISESCOPE_TOKEN."
    if secret:
        hint = "Who has it may launch, steer and delete runs; everyone may watch."
        given = st.text_input("Token", type="password", key="token", help=hint)
        if hmac.compare_digest(given.encode(), secret.encode()):
            return True
        problem = "This is not the token." if given else ""
    if problem:
        st.warning(problem, icon=":material/key:")
    return False


def _here() -> bool:
    """Say whether the visitor sits at this very machine: the connection is local, and so is the address asked for."""
    headers = dict(st.context.headers)
    try:
        host = urlsplit(f"//{headers.get('Host', '')}").hostname
    except ValueError:
        return False
    return host in LOCAL and st.context.ip_address is None and not any(name in headers for name in FORWARDED)
