"""The gate: who sits at this machine, who knows the token, and that nothing is done for anybody else."""

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.proto.BackMsg_pb2 import BackMsg

from app import __main__ as serving
from app import access, cache, warm
from app.controls import presses
from core import UserError, checkpoints
from core.data import downloads
from core.experiments import accuracy
from tests.test_pages import ROOT, opened, words

HERE = {"Host": "localhost:8501"}
Visit = Callable[..., None]


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Visit a guarded server as somebody; by default from this machine."""
    for name in ("NOISESCOPE_TRAINING", "NOISESCOPE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(access, "GUESSES", access.Guesses())

    def as_somebody(
        headers: dict[str, str] = HERE, ip: str | None = None, listens: str | None = "127.0.0.1", guard: bool = True
    ) -> None:
        options = {"server.address": listens, "server.port": 8501}
        monkeypatch.setattr(access.Guard, "stands", guard)
        monkeypatch.setattr("streamlit.get_option", options.__getitem__)
        monkeypatch.setattr("streamlit.context", SimpleNamespace(headers=headers, ip_address=ip))
        monkeypatch.setattr("streamlit.session_state", {})

    as_somebody()
    return as_somebody


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501"])
@pytest.mark.parametrize("listens", access.LOCAL)
def test_three_names_are_this_machine(host: str, listens: str, visit: Visit) -> None:
    for more in ({}, {"Origin": f"http://{host}"}):
        visit({"Host": host, **more}, listens=listens)
        assert access.may()


STRANGERS: dict[str, dict[str, Any]] = {
    "another name": dict(headers={"Host": "lab.example.org:8501"}),
    "a name that begins alike": dict(headers={"Host": "localhost.example.org:8501"}),
    "a forwarder's port": dict(headers={"Host": "localhost:9000"}),
    "a spoofed host without its port": dict(headers={"Host": "localhost"}),
    "no host": dict(headers={}),
    "half a host": dict(headers={"Host": "[::1"}),
    "a port that is none": dict(headers={"Host": "localhost:http"}),
    "a name before an at": dict(headers={"Host": "localhost:8501@example.org"}),
    "another address": dict(ip="10.1.2.3"),
    "another local page": dict(headers={**HERE, "Origin": "http://localhost:3000"}),
    "a strange page": dict(headers={**HERE, "Origin": "https://example.org"}),
    "a page in a sandbox": dict(headers={**HERE, "Origin": "null"}),
    "a server for all": dict(listens="0.0.0.0"),
    "a server for all, by IPv6": dict(listens="::"),
    "a server that was not told": dict(listens=None),
    **{
        f"passed on: {name}": dict(headers={**HERE, name: "127.0.0.1"})
        for name in ("X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-server", "Forwarded", "Via", "X-Real-Ip")
    },
}


@pytest.mark.parametrize("who", STRANGERS)
def test_nobody_else_is_at_this_machine(who: str, visit: Visit) -> None:
    visit(**STRANGERS[who])
    assert access.mode() == "token"
    with pytest.raises(UserError, match="token"):
        access.check()


def test_where_nobody_was_told_a_token_nobody_may(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    for headers in (HERE, {"Host": "lab.example.org"}):
        visit(headers=headers, guard=False)  # `streamlit run`, which prints none
        assert access.mode() == "off"
        monkeypatch.setenv("NOISESCOPE_TRAINING", "token")
        assert access.mode() == "off"
        monkeypatch.delenv("NOISESCOPE_TRAINING")
        with pytest.raises(UserError, match="nothing can be changed"):
            access.check()
        monkeypatch.setenv("NOISESCOPE_TOKEN", "chosen")
        assert access.mode() == "token"
        monkeypatch.delenv("NOISESCOPE_TOKEN")


@pytest.mark.parametrize(("said", "mode"), [("on", "on"), ("off", "off"), ("TOKEN ", "token"), ("maybe", "off")])
def test_the_owner_may_say_otherwise(said: str, mode: str, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISESCOPE_TRAINING", said)
    for who in (dict(headers=HERE), dict(ip="10.1.2.3")):
        visit(**who)
        assert access.mode() == mode


def test_the_check_is_made_where_the_thing_is_done(visit: Visit) -> None:
    done: list[str] = []
    visit(ip="10.1.2.3")
    presses.pressed(lambda: done.append("by a stranger"), "do", 0)
    assert not done
    assert "token" in st.session_state["told"]
    visit()
    presses.pressed(lambda: done.append("at this machine"), "do", 0)
    assert done == ["at this machine"]


def test_who_types_the_token_is_let_in_and_guesses_are_slowed_for_all(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    visit(ip="10.1.2.3")

    def guess(given: object) -> str:
        st.session_state["token-train"] = given
        access._admit("token-train")
        return str(st.session_state["refused"])

    waits = []
    for k in range(10):
        assert guess(f"guess {k}") == "This is not the token."
        visit(ip=f"10.1.2.{k}")  # another session, another address: it makes no difference
        assert "wait" in guess(access.token())
        assert not access.may()
        before = now
        while "wait" in guess("another"):
            now += 0.125
        waits.append(now - before)
        now += 60
    assert access.GUESSES.wrong == 20
    assert waits == sorted(waits)
    assert waits[-1] == access.LONGEST
    for nothing in (None, "", 0):
        assert guess(nothing) == ""
    assert guess(access.token()) == ""
    assert access.may()
    assert access.GUESSES.wrong == 0


def test_a_token_of_ones_own_counts_and_a_drawn_one_cannot_be_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESCOPE_TOKEN", raising=False)
    assert re.fullmatch(r"[\w-]{43}", access.token())
    monkeypatch.setenv("NOISESCOPE_TOKEN", "härter")
    guesses = access.Guesses()
    assert guesses.right("härter")
    assert not guesses.right("\ud800")


def answers(scope: dict[str, Any], *received: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the guard before an app that answers in two headers and reads what comes; return all that was sent and read."""
    seen: list[dict[str, Any]] = []
    coming = iter(received)

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: Any) -> None:
        seen.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"Content-Type", b"text/html"), (b"X-Frame-Options", b"ALLOWALL")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in received:
            seen.append(await receive())

    asyncio.run(access.Guard(app)(scope, receive, send))
    return seen


def test_every_answer_says_that_nobody_else_may_frame_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESCOPE_FRAMED_BY", raising=False)
    (start,) = answers({"type": "http"})
    assert (b"content-security-policy", b"frame-ancestors 'self'") in start["headers"]
    assert [value for name, value in start["headers"] if name.lower() == b"x-frame-options"] == [b"SAMEORIGIN"]
    assert (b"Content-Type", b"text/html") in start["headers"]
    monkeypatch.setenv("NOISESCOPE_FRAMED_BY", "https://example.org")
    (start,) = answers({"type": "http"})
    assert (b"content-security-policy", b"frame-ancestors 'self' https://example.org") in start["headers"]


@pytest.mark.parametrize(
    ("origin", "host", "talks"),
    [
        (b"https://lab.example.org", b"lab.example.org", True),
        (b"http://127.0.0.1:8501", b"127.0.0.1:8501", True),
        (None, b"lab.example.org", True),  # no browser
        (b"https://example.org", b"lab.example.org", False),
        (b"https://lab.example.org.example.com", b"lab.example.org", False),
        (b"http://localhost:3000", b"localhost:8501", False),
        (b"null", b"lab.example.org", False),
        (b"https://example.org", None, False),
    ],
)
def test_only_its_own_pages_talk_to_it_and_nobody_on_the_internet_is_asked(
    origin: bytes | None, host: bytes | None, talks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit.net_util.get_external_ip", lambda: pytest.fail("the internet is asked"))
    headers = [(name, value) for name, value in ((b"origin", origin), (b"host", host)) if value]
    seen = answers({"type": "websocket", "headers": headers}, {"type": "websocket.connect"})
    assert (seen == [{"type": "websocket.close", "code": 1008}]) is not talks


@pytest.mark.parametrize("message", [{"text": "hello"}, {"bytes": b"\xff\xff"}, {"bytes": b""}, {"bytes": None}])
def test_what_is_no_message_closes_the_connection(message: dict[str, Any]) -> None:
    opening, good = {"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": BackMsg(stop_script=True)}
    good["bytes"] = BackMsg(stop_script=True).SerializeToString()
    _, *seen = answers({"type": "websocket", "headers": []}, opening, good, {"type": "websocket.receive", **message})
    assert seen[:2] == [opening, good]
    assert seen[2]["type"] == "websocket.disconnect"


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        ([], {"server.address": "127.0.0.1"}),
        (["--port", "9"], {"server.address": "127.0.0.1", "server.port": 9}),
        (["--host", "0.0.0.0"], {"server.address": "0.0.0.0", "browser.serverAddress": "192.168.0.9"}),
        (["--server.address", "::1"], {"server.address": "::1"}),
    ],
)
def test_it_listens_to_this_machine_alone_unless_it_is_told_otherwise(
    arguments: list[str], config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[Any] = []

    def app(script: Path, middleware: list[Any]) -> SimpleNamespace:
        assert [m.cls for m in middleware] == [access.Guard]
        return SimpleNamespace(run=lambda config: served.append(config))

    monkeypatch.setattr("streamlit.App", app)
    monkeypatch.setattr(warm, "up", lambda: None)
    monkeypatch.setattr("streamlit.net_util.get_internal_ip", lambda: "192.168.0.9")
    monkeypatch.setattr(sys, "argv", ["app", *arguments])
    for name in ("NOISESCOPE_TOKEN", "NOISESCOPE_FRAMED_BY"):
        monkeypatch.delenv(name, raising=False)
    serving.main()
    assert served == [config]
    assert access.token() in capsys.readouterr().out
    monkeypatch.setenv("NOISESCOPE_TOKEN", "mine alone")
    monkeypatch.setenv("NOISESCOPE_FRAMED_BY", "https://example.org")
    serving.main()
    assert "mine alone" not in capsys.readouterr().out
    assert served[1] == config | {"server.xsrfCookieSameSite": "none"}


def test_a_stranger_may_press_measure_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOISESCOPE_TRAINING", raising=False)
    monkeypatch.setenv("NOISESCOPE_TOKEN", "hush")
    at = opened("break")
    next(b for b in at.button if b.label == "Measure").click().run()
    assert not cache.jobs().running()
    assert "Who knows this server's token" in words(at)
    assert at.text_input(key="token-measure").proto.type == at.text_input(key="token-measure").proto.PASSWORD


def test_a_stranger_may_press_download_and_nothing_is_fetched_or_deleted(
    no_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOISESCOPE_TRAINING", raising=False)
    monkeypatch.setenv("NOISESCOPE_TOKEN", "hush")
    half = no_data / "MNIST" / "raw"
    half.mkdir(parents=True)  # of another's download, which a new one would begin by deleting
    asked: list[str] = []

    def download(name: str) -> Iterator[float]:
        asked.append(name)
        yield 1.0

    monkeypatch.setattr(downloads, "download", download)
    at = opened("see")
    next(b for b in at.button if b.label == "Download MNIST").click().run()
    assert not asked
    assert half.is_dir()
    assert "Who knows this server's token" in words(at)
    at.text_input(key="token-download-mnist").set_value("wrong").run()
    assert "This is not the token" in words(at)
    monkeypatch.setattr(access, "GUESSES", access.Guesses())
    at.text_input(key="token-download-mnist").set_value(" hush ").run()
    assert not at.text_input
    next(b for b in at.button if b.label == "Download MNIST").click().run()
    assert asked == ["mnist"]


def test_what_is_measured_in_the_app_stands_beside_what_ships(
    no_data: Path, tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.mkdir()
    for file in (ROOT / "checkpoints").glob("digit-cnn.*"):
        (shelf / file.name).write_bytes(file.read_bytes())
    model, card = checkpoints.classifier("digit-cnn")
    test, thing, levels = cache.dataset("mnist", "test"), *accuracy.MEASURED["saltandpepper"]
    shipped = accuracy.grown(
        accuracy.begin(accuracy.STORE, card, test, thing, levels),
        next(accuracy.sweep(model, test, thing, levels, 1)),  # another seed, so it is told apart
    )
    accuracy.STORE.put(accuracy.key("digit-cnn", thing, test), shipped)
    before = {file: file.read_bytes() for file in shelf.rglob("*.*") if file.is_file()}
    job, _ = cache.jobs().start(model, card, test, thing, levels, 0)
    assert job.thread is not None
    job.thread.join(120)
    assert {file: file.read_bytes() for file in shelf.rglob("*.*") if file.is_file()} == before
    (kept,) = accuracy.BESIDE.every().values()
    assert kept.n == len(test)
    assert accuracy.BESIDE.folder.is_relative_to(tmp_path / "runs")
    assert accuracy.of("digit-cnn") == [kept]  # on more images than what ships
