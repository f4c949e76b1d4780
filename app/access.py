"""Who may launch, steer and delete training runs: NOISESCOPE_TRAINING says on, off or token; everyone may watch."""

import hmac
import os
from urllib.parse import urlsplit

import streamlit as st

MODES = ("on", "off", "token")
LOCAL = ("localhost", "127.0.0.1", "::1", "")


def mode() -> str:
    """Return on, off or token; unset, training is on for who visits this very machine and off for others."""
    chosen = os.environ.get("NOISESCOPE_TRAINING", "").strip().lower()
    if chosen in MODES:
        return chosen
    return "on" if not chosen and (urlsplit(f"//{_host()}").hostname or "") in LOCAL else "off"


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


def _host() -> str:
    return str(st.context.headers.get("Host") or "")
