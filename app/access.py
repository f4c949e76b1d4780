"""The gate: everyone may look; who may change something here (train, measure, download, adopt, stop, delete)?

Who sits at this machine, where the server listens to this machine alone; else who knows the token it prints at its start.
NOISESCOPE_TRAINING may say otherwise: on (everyone), off (nobody), token (who knows it, at this machine too). Where no token
was printed and none was chosen (`streamlit run`), nobody may.
"""

import hmac
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from math import ceil
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.datastructures import Headers
from streamlit.proto.BackMsg_pb2 import BackMsg

from core import UserError

MODES = ("on", "off", "token")
LOCAL = ("localhost", "127.0.0.1", "::1")
PASSED_ON = (
    "forwarded",
    "via",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
)  # how what a proxy adds begins
LONGEST = 30.0  # seconds from a wrong token to the next guess
TOKEN = secrets.token_urlsafe()
Message = MutableMapping[str, Any]


class Guesses:
    """The wrong tokens of all visitors together: after each of them the next guess waits longer."""

    def __init__(self) -> None:
        self.wrong, self._until, self._lock = 0, 0.0, Lock()

    def right(self, given: str) -> bool:
        """Compare a token, in constant time; raises UserError where it comes too soon after a wrong one, whoever's that was."""
        with self._lock:
            wait = self._until - time.monotonic()
            if wait > 0:
                raise UserError(f"A wrong token was tried just now: wait {ceil(wait)} s, then try again.")
            if hmac.compare_digest(given.encode("utf-8", "replace"), token().encode()):
                self.wrong = 0
                return True
            self.wrong += 1
            self._until = time.monotonic() + min(LONGEST, 2.0 ** (self.wrong - 4))
            logging.getLogger("noisescope").warning("wrong tokens in a row: %d", self.wrong)
            return False


GUESSES = Guesses()


def token() -> str:
    """Return what opens the gate: NOISESCOPE_TOKEN, else one drawn at the start."""
    return os.environ.get("NOISESCOPE_TOKEN") or TOKEN


def mode() -> str:
    """Say who may change something: on (this visitor), off (nobody), or token (who knows it)."""
    chosen = os.environ.get("NOISESCOPE_TRAINING", "").strip().lower()
    found = chosen if chosen in MODES else "off" if chosen else "on" if _here() else "token"
    known = Guard.stands or bool(os.environ.get("NOISESCOPE_TOKEN"))
    return found if found != "token" or known else "off"


def check() -> None:
    """Raise UserError where this visitor may not change anything; every callback that does so begins with this."""
    match mode():
        case "off":
            raise UserError("You may watch: on this server nothing can be changed from a page.")
        case "token" if not st.session_state.get("admitted"):
            raise UserError("You may watch. Who knows this server's token, which it printed at its start, may do more.")


def may() -> bool:
    """Say whether this visitor may change something."""
    try:
        check()
    except UserError:
        return False
    return True


def allowed(place: str, wanted: bool = True) -> bool:
    """Say whether something is wanted that this visitor may do; who may not is asked for the token, until it is right.

    `place` tells the fields of a page apart.
    """
    try:
        check()
    except UserError as refusal:
        if wanted:
            st.session_state["asking"] = place
        if st.session_state.get("asking") == place:
            st.info(str(refusal), icon=":material/visibility:")
            if mode() == "token":
                _ask(f"token-{place}")
        return False
    return wanted


def _ask(key: str) -> None:
    st.text_input("Token", type="password", key=key, on_change=_admit, args=(key,))
    if refused := st.session_state.get("refused"):
        st.warning(refused, icon=":material/key:")


def _admit(key: str) -> None:
    """Let in who has typed the token, for as long as the page stays open."""
    st.session_state["refused"] = ""
    if given := st.session_state.get(key):
        try:
            st.session_state["admitted"] = GUESSES.right(str(given).strip())
            st.session_state["refused"] = "" if st.session_state["admitted"] else "This is not the token."
        except UserError as refusal:
            st.session_state["refused"] = str(refusal)


def _here() -> bool:
    """Say whether the visitor sits at this very machine.

    The server is guarded and listens to this machine alone; the connection comes from here, asks for here by name and port, from a
    page that was served here; and nothing says that it was passed on.
    """
    headers = st.context.headers
    host = headers.get("Host", "")
    try:
        name, port = urlsplit(f"//{host}").hostname, urlsplit(f"//{host}").port
    except ValueError:
        return False
    return (
        Guard.stands
        and st.get_option("server.address") in LOCAL
        and st.context.ip_address is None  # so Streamlit says 127.0.0.1 and ::1
        and name in LOCAL
        and (port or 80) == st.get_option("server.port")
        and headers.get("Origin", f"http://{host}") in (f"http://{host}", f"https://{host}")
        and not any(header.lower().startswith(PASSED_ON) for header in headers)
    )


class Guard:
    """Stand before Streamlit: no page of another origin may frame an answer or talk to it, and what is no message ends the talk.

    NOISESCOPE_FRAMED_BY names origins that may frame it, as `frame-ancestors` of a Content-Security-Policy does.
    """

    stands = False

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app, Guard.stands = app, True
        others = os.environ.get("NOISESCOPE_FRAMED_BY", "")
        self._headers = [
            (b"content-security-policy", f"frame-ancestors 'self' {others}".strip().encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            *([] if others else [(b"x-frame-options", b"SAMEORIGIN")]),
        ]

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Pass on a request and its answer."""

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*_without(message["headers"], self._headers), *self._headers]}
            await send(message)

        async def received() -> Message:
            message = await receive()
            return message if _read(message) else {"type": "websocket.disconnect", "code": 1003}

        if scope["type"] != "websocket":
            await self._app(scope, receive, answered)
        elif _own(Headers(scope=scope)):
            await self._app(scope, received, answered)
        else:  # Streamlit would ask the internet for its own address, everybody waiting, and write the origin into the log
            await send({"type": "websocket.close", "code": 1008})


def _own(headers: Headers) -> bool:
    """Say whether a connection is asked for by a page that was served here, or by no page."""
    origin = headers.get("origin")
    allowed: list[str] = st.get_option("server.corsAllowedOrigins")
    return origin is None or origin in allowed or origin.partition("://")[2] == headers.get("host")


def _without(headers: Iterable[tuple[bytes, bytes]], ours: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Leave out headers that are set anew."""
    names = {name for name, _ in ours}
    return [(name, value) for name, value in headers if name.lower() not in names]


def _read(message: Message) -> bool:
    """Say whether what came through a websocket is a message of Streamlit's; what is not would fill the log with tracebacks."""
    if message["type"] != "websocket.receive":
        return True
    try:
        return message.get("bytes") is not None and bool(BackMsg.FromString(message["bytes"]).WhichOneof("type"))
    except DecodeError:
        return False
