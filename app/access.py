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
            secret = os.environ.get("NOISESCOPE_TOKEN", "")
            if not secret:
                st.warning(
                    "Training asks for a token, but the server has none: set NOISESCOPE_TOKEN.", icon=":material/key:"
                )
                return False
            given = st.text_input(
                "Token",
                type="password",
                key="token",
                help="Who has it may launch, steer and delete runs; everyone may watch.",
            )
            if given and not hmac.compare_digest(given.encode(), secret.encode()):
                st.warning("This is not the token.", icon=":material/key:")
            return bool(given) and hmac.compare_digest(given.encode(), secret.encode())
        case _:
            st.info(
                "You may watch. Launching is off on this server: its owner sets NOISESCOPE_TRAINING=on, or =token.",
                icon=":material/visibility:",
            )
            return False


def _here() -> bool:
    """Say whether the visitor sits at this very machine: the connection is local, and so is the address asked for."""
    headers = dict(st.context.headers)
    try:
        host = urlsplit(f"//{headers.get('Host', '')}").hostname
    except ValueError:
        return False
    return host in LOCAL and st.context.ip_address is None and not any(name in headers for name in FORWARDED)
