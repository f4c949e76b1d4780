"""How many visitors at once? Real sessions, each of which changes its picture or its level once a second.

`python -m benchmarks.load [--sessions N] [--seconds S] [--page see|denoise|fooled|mix] [--opened M]` serves the app on this
machine and speaks to it as browsers do: what it keeps, when it asks again, what it sends. Two machines would be better: here
the visitors take some of the cores that they measure.
"""

import asyncio
import json
import os
import random
import tempfile
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.browser import packing
from benchmarks.start import memory
from tests import browser

PICTURE = {"see": "image", "denoise": "photo", "fooled": "photo"}  # the widget that numbers the picture of a page
SLIDER = {"see": "see", "denoise": "denoise", "fooled": "timeline"}  # and the component that has its slider
MIX = ("see", "see", "see", "denoise", "fooled")
FINISHED = ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
AGAIN, RARELY = 0.3, 1.5  # seconds, as in strip.js
PATIENCE = 60.0  # seconds until a change counts as an error
RAMP = 0.05  # seconds between two visitors that come


@dataclass
class Change:
    """One change a visitor made: on which page, of what, when it was sent, the milliseconds until the script was done, and the bytes until the next."""

    page: str
    what: str
    sent: float
    milliseconds: float = float("nan")
    whole: float = float("nan")  # milliseconds until all levels of the picture were there
    received: int = 0


@dataclass
class Visitor:
    """One session: a connection, and what a browser remembers of the page that it shows."""

    page: str
    choice: random.Random
    pictures: int  # how many different ones are looked at
    line: ClientConnection
    changes: list[Change] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    query: str = "from=number"
    widgets: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # by key: the identity of each, and its fragment's
    numbers: int = 0  # of pictures, on this page
    slider: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, ForwardMsg] = field(default_factory=dict)  # large messages, which the server need not send again
    again: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # fragments that run by themselves
    done: asyncio.Queue[float] = field(default_factory=asyncio.Queue)
    state: dict[str, object] = field(default_factory=dict)  # of the slider's component
    began: float = 0.0  # when the run under way was seen to begin
    whole: float = (
        0.0  # and the last of a whole page, after which a busy server may say that a fragment is done, and no more
    )
    staying: asyncio.Task[None] | None = None  # who does not move for a while asks for all levels

    async def send(self, fragment: str = "", auto: bool = False, *widgets: WidgetState) -> None:
        """Ask for a run of the page's script, or of one fragment of it."""
        state = ClientState(query_string=self.query, page_name=self.page, fragment_id=fragment, is_auto_rerun=auto)
        state.widget_states.widgets.extend(widgets)
        state.cached_message_hashes.extend(self.kept)
        await self.line.send(BackMsg(rerun_script=state).SerializeToString())

    async def change(self, what: str, fragment: str = "", *widgets: WidgetState) -> None:
        """Send a change and wait until the script that it set going is done."""
        while not self.done.empty():
            self.done.get_nowait()
        self.changes.append(Change(self.page, what, time.perf_counter()))
        await self.send(fragment, False, *widgets)
        async with asyncio.timeout(PATIENCE):
            while await self.done.get() < self.changes[-1].sent or (
                not fragment and self.whole < self.changes[-1].sent
            ):
                pass
        self.changes[-1].milliseconds = 1000 * (time.perf_counter() - self.changes[-1].sent)

    async def move(self) -> None:
        """Change the picture, or the level."""
        picture, slider = PICTURE[self.page], SLIDER[self.page]
        if self.choice.random() < 0.5:
            if self.staying:
                self.staying.cancel()
            number = self.choice.randrange(min(self.numbers, self.pictures or self.numbers))
            await self.change(
                "picture", self.widgets[picture][1], WidgetState(id=self.widgets[picture][0], int_value=number)
            )
        else:
            moved = {"id": self.slider["id"], "level": self.choice.randrange(len(self.slider["levels"]))}
            self.linger()
            await self.change("level", self.widgets[slider][1], self.slid(moved=moved))

    async def listen(self) -> None:
        """Take in what the server sends, as a browser does."""
        async for packed in self.line:
            assert isinstance(packed, bytes)
            if self.changes:
                self.changes[-1].received += len(packed)
            message = ForwardMsg.FromString(packed)
            if message.ref_hash:
                message = self.kept[message.ref_hash]
            elif message.metadata.cacheable:
                self.kept[message.hash] = message
            self.take(message)

    def take(self, message: ForwardMsg) -> None:
        """Remember what a message says of the page."""
        match message.WhichOneof("type"):
            case "new_session":
                self.began = time.perf_counter()
                if not message.metadata.run.fragment_ids:
                    self.whole = self.began
                    self.rest(list(self.again))
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "auto_rerun":
                asked = message.auto_rerun
                self.rest([asked.fragment_id])
                self.again[asked.fragment_id] = asyncio.create_task(self.repeat(asked.interval, asked.fragment_id))
            case "stop_auto_rerun":
                self.rest(message.stop_auto_rerun.fragment_ids)
            case "script_finished" if message.script_finished in FINISHED:
                self.kept = dict(list(self.kept.items())[-8:])
                self.done.put_nowait(self.began)
            case "delta":
                self.see(message)

    def see(self, message: ForwardMsg) -> None:
        """Remember the widgets that a visitor turns, and what went wrong."""
        element, fragment = message.delta.new_element, message.delta.fragment_id
        match element.WhichOneof("type"):
            case "number_input":
                shown = element.number_input
                self.widgets[shown.id.rpartition("-")[2]] = shown.id, fragment
                if shown.id.endswith(f"-{PICTURE[self.page]}"):
                    self.numbers = int(shown.max) + 1
            case "bidi_component":
                shown = element.bidi_component
                key = shown.id.rpartition("-")[2]
                self.widgets[key] = shown.id, fragment
                if key == SLIDER[self.page]:
                    self.look(packing.header(shown.bytes))
            case "exception":
                self.errors.append(element.exception.message)
            case "alert" if "could not" in element.alert.body:
                self.errors.append(element.alert.body)

    def look(self, slider: dict[str, Any]) -> None:
        """Take in the pictures under the slider, and ask for all levels where some are missing."""
        if slider["id"] == self.slider.get("id"):
            return
        self.slider = slider
        self.linger()
        if not self.staying and not np.isfinite(self.changes[-1].whole):
            self.changes[-1].whole = 1000 * (time.perf_counter() - self.changes[-1].sent)

    def linger(self) -> None:
        """Begin to ask for all levels, where some are missing, after a while without a move."""
        if self.staying:
            self.staying.cancel()
        missing = len(self.slider.get("known", self.slider["levels"])) < len(self.slider["levels"])
        self.staying = asyncio.create_task(self.stay(self.slider["stay"] / 1000)) if missing else None

    async def stay(self, seconds: float) -> None:
        """Say that somebody stays with the picture, until all levels have come, as strip.js does."""
        for times in count():
            await asyncio.sleep(min(RARELY, AGAIN * 1.2 ** (times - 1)) if times else seconds)
            fragment = self.widgets[SLIDER[self.page]][1]
            await self.send(fragment, False, self.slid(stays=f"{self.slider['id']}-{times}"))

    def slid(self, **sent: object) -> WidgetState:
        """Return the state of the component under whose slider the pictures are."""
        self.state |= sent
        return WidgetState(id=self.widgets[SLIDER[self.page]][0], json_value=json.dumps(self.state))

    async def repeat(self, interval: float, fragment: str) -> None:
        """Let a fragment run every few seconds."""
        while True:
            await asyncio.sleep(interval)
            await self.send(fragment, True)

    def rest(self, fragments: Iterable[str]) -> None:
        """Let fragments run by themselves no more."""
        for fragment in fragments:
            if found := self.again.pop(fragment, None):
                found.cancel()


async def visit(address: str, page: str, seed: int, pictures: int, seconds: float) -> Visitor:
    """Open a page and change something once a second; a change that takes longer delays the next."""
    url = f"{address.replace('http', 'ws')}/_stcore/stream"
    async with connect(url, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None) as line:
        visitor = Visitor(page, random.Random(seed), pictures, line)
        listening = asyncio.create_task(visitor.listen())
        try:
            await visitor.change("opened")
            began = time.perf_counter() + visitor.choice.random()
            for second in count():
                await asyncio.sleep(max(0.0, began + second - time.perf_counter()))
                if time.perf_counter() > began + seconds - 1:
                    break
                await visitor.move()
        except (TimeoutError, ConnectionClosed, KeyError) as problem:
            visitor.errors.append(repr(problem))
        for task in filter(None, (listening, visitor.staying, *visitor.again.values())):
            task.cancel()
        return visitor


async def crowd(address: str, page: str, sessions: int, seconds: float, pictures: int) -> list[Visitor]:
    """Let visitors come one after the other, and stay."""
    pages = MIX if page == "mix" else (page,)

    async def one(k: int) -> Visitor:
        await asyncio.sleep(RAMP * k)
        return await visit(address, pages[k % len(pages)], k, pictures, seconds)

    return await asyncio.gather(*map(one, range(sessions)))


def table(visitors: list[Visitor]) -> str:
    """Write what the visitors met: milliseconds and bytes, by page and by what was changed, and all changes together."""
    found: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in (c for v in visitors for c in v.changes if np.isfinite(c.milliseconds)):
        found[change.page, change.what].append(change)
        if change.what != "opened":
            found["all", "changes"].append(change)
    heads = ("page", "change", "n", "p50 ms", "p95 ms", "max ms", "kB, mean", "kB, most", "all levels")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (page, what), changes in sorted(found.items()):
        p50, p95, most = np.percentile([c.milliseconds for c in changes], (50, 95, 100))
        size = np.array([c.received / 1000 for c in changes])
        whole = [c.whole for c in changes if np.isfinite(c.whole)]
        share = f"{100 * len(whole) / len(changes):.0f} %, after {np.median(whole):.0f} ms" if whole else ""
        cells = (page, what, len(changes), *(f"{v:.0f}" for v in (p50, p95, most, size.mean(), size.max())), share)
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


async def opened(address: str, pid: int, page: str, many: int) -> None:
    """Open and close sessions, ten at once, and print what the server holds."""
    for first in range(0, many, 100):
        for begin in range(first, min(many, first + 100), 10):
            pages = [page if page != "mix" else MIX[k % len(MIX)] for k in range(begin, min(many, begin + 10))]
            await asyncio.gather(*(visit(address, p, k, 0, 0) for k, p in enumerate(pages)))
        print(f"{min(many, first + 100)} sessions opened and closed: {memory(pid)[0]} MB", flush=True)


def seconds_of(pid: int) -> float:
    """Return how many seconds process `pid` has computed, on all cores together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the figures."""
    parser = ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--page", choices=(*PICTURE, "mix"), default="mix")
    parser.add_argument("--pictures", type=int, default=0, help="look at so many different ones only; 0: at all")
    parser.add_argument("--opened", type=int, default=0, help="then open and close so many sessions")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, browser.process(Path(place) / "log") as (address, pid):
        asyncio.run(crowd(address, given.page, min(5, given.sessions), 2, 0))  # warm
        before, spent = memory(pid)[0], seconds_of(pid)
        visitors = asyncio.run(crowd(address, given.page, given.sessions, given.seconds, given.pictures))
        (during, most), spent = memory(pid), seconds_of(pid) - spent
        made = sum(len(visitor.changes) for visitor in visitors)
        errors = [problem for visitor in visitors for problem in visitor.errors]
        print(f"{given.sessions} sessions on {given.page}, {given.seconds:g} s; load {os.getloadavg()[0]:.1f}")
        print(table(visitors))
        print(f"errors: {len(errors)}", *sorted(set(errors))[:3], sep="\n")
        print(f"{made} changes cost the server {1000 * spent / made:.0f} ms of computing each")
        print(f"the server holds {before} MB before, {during} after, at most {most}")
        if given.opened:
            asyncio.run(opened(address, pid, given.page, given.opened))
        if "Traceback" in (log := (Path(place) / "log").read_text()):
            print(log[-3000:])


if __name__ == "__main__":
    main()
