"""A real server and a real browser, for the end-to-end tests and the benchmarks."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without the last the browser itself keeps a stranger's page off this machine, whatever the app says of framing.
ARGUMENTS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-features=LocalNetworkAccessChecks"
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
PAINTED = ":is(.scrub, .start, .strip, .photograph, .challenge)[aria-busy=false]"


def executable() -> str | None:
    """Find a Chromium on this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def server(log: Path, **environment: str) -> Iterator[str]:
    """Serve the app on a free port until the block ends; yields its address."""
    with process(log, **environment) as (address, _):
        yield address


@contextmanager
def process(log: Path, **environment: str) -> Iterator[tuple[str, int]]:
    """Serve the app on a free port until the block ends; yields its address, and the process's number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app", "--server.port", str(port), "--server.address", "127.0.0.1"]
    with open(log, "w") as out:
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    if urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).read() == b"ok":
                        break
                except OSError:
                    time.sleep(0.1)
            else:
                raise RuntimeError(f"the server did not start: {log.read_text()}")
            yield address, started.pid
        finally:
            os.killpg(started.pid, signal.SIGTERM)
            started.wait(120)  # a step of work behind a page ends first


@contextmanager
def tunnel(port: int) -> Iterator[int]:
    """Pass on what comes to a port of this machine to another of its ports, byte by byte, until the block ends."""

    class Passed(BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as there:
                Thread(target=_copied, args=(there, self.request), daemon=True).start()
                _copied(self.request, there)

    with ThreadingTCPServer(("127.0.0.1", 0), Passed) as server:
        server.daemon_threads, server.block_on_close = True, False
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _copied(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while part := one.recv(2**16):
            other.sendall(part)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS.split())
        yield browser
        browser.close()


def settled(page: Page) -> None:
    """Wait until the server has answered and, where there is a slider, its pictures are painted."""
    page.wait_for_selector(IDLE, timeout=60_000)
    page.wait_for_timeout(100)
    page.wait_for_selector(IDLE, timeout=60_000)
    if page.locator(":is(.scrub, .start, .strip, .photograph, .challenge)").count():
        page.wait_for_selector(PAINTED, timeout=60_000)


def drag(page: Page, share: float) -> None:
    """Drag the strength slider with the mouse to a share of its length and let go."""
    slider = page.locator("input.strength")
    box = slider.bounding_box()
    assert box
    thumb = 18  # pixels, from scrub.css
    at = float(slider.input_value()) / float(slider.get_attribute("max") or 1)
    left, width = box["x"] + thumb / 2, box["width"] - thumb
    page.mouse.move(left + at * width, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(left + (at + share) / 2 * width, box["y"] + box["height"] / 2, steps=4)
    page.mouse.move(left + share * width, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
