"""How long does a light page take beside heavy visitors, and is memory flat? `python -m benchmarks.light [--heavy 0 20] [--seconds 40] [--opened 0]`.

Serves the app on this machine and speaks to it as browsers do: heavy visitors open pages that compute for seconds, each on
pictures of their own, one after the other; light ones look at a page again once a second. All share the machine's cores.
With `--opened N` so many sessions are then opened and closed, each with another picture.
"""

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from urllib.request import urlopen

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.start import memory

PORT = 8597
LIGHT = ("", "study", "cards")
HEAVY = ("fooled", "directions", "certificate", "inside")
PICTURES = ("see", "pixels")  # pages that keep much of a picture
EVERY = 1.0  # seconds between two looks at a light page


def line() -> connect:
    """Connect as a browser does."""
    return connect(f"ws://127.0.0.1:{PORT}/_stcore/stream", subprotocols=[Subprotocol("streamlit")], max_size=None)


async def look(connection: ClientConnection, page: str, query: str = "") -> float:
    """Ask for a page and return the seconds until its script has ended."""
    began = time.perf_counter()
    state = ClientState(query_string=query, page_name=page)
    await connection.send(BackMsg(rerun_script=state).SerializeToString())
    async for packed in connection:
        assert isinstance(packed, bytes)
        if ForwardMsg.FromString(packed).WhichOneof("type") == "script_finished":
            break
    return time.perf_counter() - began


async def heavy(number: int, until: float, took: list[float]) -> None:
    """Open heavy pages, one after the other, each on a picture that nobody has asked for."""
    choice = random.Random(number)
    while time.perf_counter() < until:
        picture = choice.randrange(9000)
        async with line() as connection:
            took.append(await look(connection, HEAVY[number % len(HEAVY)], f"photo={picture}&image={picture}"))


async def light(page: str, until: float, took: list[float]) -> None:
    """Look at a light page again and again."""
    async with line() as connection:
        await look(connection, page)
        while time.perf_counter() < until:
            await asyncio.sleep(EVERY)
            took.append(await look(connection, page))


async def crowd(visitors: int, seconds: float) -> tuple[dict[str, list[float]], list[float]]:
    """Return the seconds that light pages took, by page, and those that heavy ones took."""
    until = time.perf_counter() + seconds
    looks: dict[str, list[float]] = {page: [] for page in LIGHT}
    found: list[float] = []
    waiting = [heavy(number, until, found) for number in range(visitors)]
    tasks = [asyncio.ensure_future(task) for task in (*waiting, *(light(page, until, looks[page]) for page in LIGHT))]
    await asyncio.wait(tasks, timeout=seconds + 5)
    for task in tasks:
        task.cancel()
    return looks, found


async def opened(pid: int, many: int) -> None:
    """Open and close sessions, each with a picture that nobody has looked at, and print what the server holds."""
    for number in range(many):
        async with line() as connection:
            await look(connection, PICTURES[number % len(PICTURES)], f"image={number}&photo={number}")
        if number % 100 == 99:
            print(f"{number + 1} sessions opened and closed: {memory(pid)[0]} MB", flush=True)


def main() -> None:
    """Print the figures."""
    parser = ArgumentParser(prog="python -m benchmarks.light")
    parser.add_argument("--heavy", type=int, nargs="*", default=[0, 20])
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--opened", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "app", "--port", str(PORT)]
        server = subprocess.Popen(command, env=os.environ | {"NOISESCOPE_RUNS": runs}, stdout=subprocess.DEVNULL)
        try:
            while True:
                try:
                    urlopen(f"http://127.0.0.1:{PORT}/_stcore/health").read()
                    break
                except OSError:
                    time.sleep(0.2)
            for visitors in given.heavy:
                looks, heavies = asyncio.run(crowd(visitors, given.seconds))
                print(
                    f"beside {visitors} heavy visitors, who got {len(heavies)} pages; {memory(server.pid)[0]} MB; load {os.getloadavg()[0]:.1f}"
                )
                for page, took in looks.items():
                    p50, p95 = np.quantile(took, (0.5, 0.95))
                    print(
                        f"  /{page:6} p50 {1000 * p50:5.0f} ms, p95 {1000 * p95:5.0f} ms, n = {len(took)}", flush=True
                    )
            asyncio.run(opened(server.pid, given.opened))
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    main()
