"""What the process of a run does: wait for its slot, train, tell how it goes, keep its state, and listen to requests."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from core import UserError, checkpoints
from core.checkpoints import Card, Unsaved
from core.data import datasets
from core.data.datasets import Dataset
from core.runs import folder, shown, states
from core.runs.control import SHORT
from core.runs.folder import State, Status
from core.runs.shown import Sampler
from core.runs.slots import slot
from core.training import recipes
from core.training.loop import Fit, Step
from core.training.recipes import Recipe

SAVE = 20.0  # seconds between two savings of the state
TELL = 0.25  # seconds between two lines of metrics, and between two looks at the request
TOGETHER = 8  # steps after which several devices ask the first whether to leave
FULL = "The memory is full: choose a smaller batch."


class Log:
    """Who is told, in the process of a run, how it goes: here a line is printed after each epoch."""

    def step(self, now: "Work", step: Step) -> None:
        """Hear of a step."""

    def epoch(self, now: "Work") -> None:
        """Hear of an epoch, the last of `now.history`."""
        line = now.history[-1]
        print(f"epoch {line['epoch']}: loss {line['loss']:.4f}, score {line['score']:.4f}", flush=True)


@dataclass(eq=False)
class Work:
    """The process of a run at work."""

    run: str
    recipe: Recipe
    status: Status
    watcher: Log = field(default_factory=Log)
    record: dict[str, Any] = field(default_factory=dict)  # of its recipe, and of the weights it began with
    losses: list[Tensor] = field(default_factory=list)  # of the epoch so far, where they were computed
    history: list[dict[str, float]] = field(default_factory=list)
    halted: bool = False  # by a signal

    @property
    def gone(self) -> bool:
        """Say whether somebody has deleted the folder of the run."""
        return not folder.path(self.run, "config.json").exists()

    def tell(self, **news: Any) -> None:
        """Say what the run is doing; a full disk is no reason to stop, nor to fall silent."""
        self.status = replace(self.status, beat=self.status.beat + 1, **news)
        if self.gone:
            return
        file, content = folder.path(self.run, "status.json"), folder.encoded(asdict(self.status))
        try:
            checkpoints.write(file, content)
        except UserError:  # no room for a second one: over the first, whose place is its own
            with suppress(OSError), open(file, "r+b") as old:
                old.write(content)
                old.truncate()

    def request(self) -> str:
        """Return what somebody has asked for: "pause", "stop" or nothing; to delete a run's folder is to stop it."""
        if self.gone:
            return "stop"
        try:
            return folder.path(self.run, "request").read_text(errors="replace")
        except OSError:
            return "pause" if self.halted else ""

    def waits(self) -> bool:
        """Say, while others train, that it still waits; False as soon as somebody asks it not to."""
        self.tell()
        return not self.request()

    def note(self, **line: float) -> None:
        """Write a line of metrics."""
        with suppress(OSError), open(folder.path(self.run, "metrics.jsonl"), "a") as file:
            file.write(json.dumps(line) + "\n")


def work(run: str, devices: int = 1, nodes: int = 1, watcher: Log | None = None) -> State:
    """Train a run in this process until it is done, or asked to pause or to stop; returns how it ended.

    SIGTERM or Ctrl-C asks it to pause. On several devices, or machines, the first process leads and the others
    `follow`. Raises UserError where another process is at it.
    """
    recipe = folder.read(run).recipe
    with _alive(run):
        now = Work(
            run, recipe, replace(folder.status(run), state="queued", why=""), watcher or Log(), folder.record(run)
        )
        now.tell(queued=now.status.queued or time.time(), process=os.getpid())
        try:
            with _listening(now):
                done = False
                with slot(run, devices, now.waits):
                    if not now.request():
                        now.tell(state="running")
                        done = _train(now, devices, nodes)
                now.tell(state="done" if done else "stopped" if now.request() == "stop" else "paused")
        except Unsaved as full:  # no failure: what is missing is written when it is resumed
            now.tell(state="paused", why=f"{full} Then resume it.")
        except UserError as refusal:
            now.tell(state="failed", why=str(refusal))
        except Exception as error:
            kind = type(error).__name__
            short = any(sign in f"{kind}: {error}" for sign in SHORT)
            now.tell(state="failed", why=FULL if short else f"The training broke off ({kind}): its log says why.")
            if not short:
                raise
        finally:
            with suppress(OSError):
                folder.path(run, "request").unlink(missing_ok=True)
    return now.status.state


def follows() -> bool:
    """Say whether this process is one of several that train together, and not the first."""
    return any(int(os.environ.get(rank) or 0) for rank in ("RANK", "LOCAL_RANK", "NODE_RANK"))


def follow(recipe: Recipe, devices: int, nodes: int) -> State:
    """Take this device's share of every batch, for as long as the first process leads; it alone reads and writes the run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it too, and says when to leave
    fit = recipes.train(recipe, recipes.untrained(recipe), datasets.load(recipe.dataset, "train"), devices, nodes)
    state = fit.fabric.broadcast(None)
    if state is None:
        return "failed"
    if state:
        fit.load(state["fit"])
    for _ in fit:
        if _leaving(fit, ""):
            return "paused"
    return "done"


def _leaving(fit: Fit, request: str) -> bool:
    """Say whether the training is to be left before its end: by the request that the first process knows of."""
    if fit.done == fit.steps or (fit.fabric.world_size > 1 and fit.done % TOGETHER and not fit.between):
        return False
    return bool(request if fit.fabric.world_size == 1 else fit.fabric.broadcast(request))


def _train(now: Work, devices: int, nodes: int) -> bool:
    """Go on from the saved state; save it at intervals, at every end of an epoch, and before going. Says whether all is done."""
    dataset = datasets.load(now.recipe.dataset, "train")
    fit = recipes.train(now.recipe, recipes.untrained(now.recipe), dataset, devices, nodes)
    _restore(now, fit, dataset)
    sampled = shown.sampler(now.recipe)
    if not fit.done:
        _sample(now, sampled(fit.model))
    saved = told = time.monotonic()
    since, request = fit.done, ""
    for step in fit:
        now.losses.append(step.mean)
        now.watcher.step(now, step)
        clock = time.monotonic()
        due = clock - saved > float(os.environ.get("NOISESCOPE_SAVE", SAVE))
        tells = clock - told > TELL or fit.between
        request = request or (now.request() if tells or due else "")
        leaving = _leaving(fit, request)
        if (leaving or fit.between) and now.gone:
            return False
        if fit.between:
            _epoch(now, fit, step, sampled)
        if tells:
            speed = (step.step - since) * now.recipe.batch / max(clock - told, 1e-9)
            now.note(step=step.step, loss=step.loss)
            now.tell(step=step.step, steps=step.steps, speed=round(speed, 1))
            told, since = clock, step.step
        if leaving:
            states.save(now.run, fit, dataset, now.losses, now.history)
            return False
        if due or fit.between:
            with _tolerant(now):
                states.save(now.run, fit, dataset, now.losses, now.history)
            saved = clock
    if not _place(now).exists():  # the disk was full
        _sample(now, sampled(fit.network))
    _keep(now, fit)
    now.tell(step=fit.done, steps=fit.steps, why="")
    return True


def _epoch(now: Work, fit: Fit, step: Step, sampled: Sampler) -> None:
    """Note an epoch, show what the network makes of the samples, and keep the network."""
    model = fit.network
    score = step.score if step.score is not None else shown.accuracy(now.recipe, model)
    losses = torch.stack(now.losses).tolist()
    line = dict(epoch=len(now.history) + 1, step=step.step, loss=sum(losses) / len(losses), score=score)
    now.history.append(line)
    now.note(**line)
    now.losses.clear()
    now.watcher.epoch(now)
    with _tolerant(now):
        _sample(now, sampled(model))
        _keep(now, fit)


def _keep(now: Work, fit: Fit) -> None:
    """Write the network as it would be if training ended here."""
    content = checkpoints.encoded(fit.network.state_dict(), now.recipe.stored)
    checkpoints.write(folder.path(now.run, "network.safetensors"), content)
    history = [{k: round(v, 4) for k, v in line.items() if k != "step"} for line in now.history]
    card = Card(
        now.run, now.recipe.title, now.recipe.architecture, now.recipe.dataset, now.record,
        now.recipe.seed, checkpoints.commit(), checkpoints.digest(content), history,
    )  # fmt: skip
    checkpoints.write(folder.path(now.run, "network.json"), folder.encoded(asdict(card)))


def _restore(now: Work, fit: Fit, dataset: Dataset) -> None:
    """Take the saved state up, if there is one, tell it those who follow, and forget what was noted after it."""
    state = None
    try:
        state = states.restore(now.run, fit, dataset)
    finally:
        fit.fabric.broadcast(state)  # nothing: there is nothing to follow
    now.losses = list(torch.tensor(state.get("losses", [])).to(fit.fabric.device))
    now.history = state.get("history", [])
    noted = [line for line in folder.lines(now.run) if "epoch" not in line and line["step"] <= fit.done]
    noted = sorted([*noted, *now.history], key=lambda line: line["step"])  # a full disk or damage may have cost some
    checkpoints.write(folder.path(now.run, "metrics.jsonl"), b"".join(folder.encoded(line, None) for line in noted))


def _sample(now: Work, tensors: dict[str, Tensor]) -> None:
    content = save_tensors({name: values.contiguous() for name, values in tensors.items()})
    checkpoints.write(_place(now), content)


def _place(now: Work) -> Path:
    """Return where the sample after the last epoch lies."""
    return folder.path(now.run, "samples", f"{len(now.history):04d}.safetensors")


@contextmanager
def _tolerant(now: Work) -> Iterator[None]:
    """Go on training where the disk is full, and say so until it is not."""
    try:
        yield
        if now.status.why:
            now.tell(why="")
    except Unsaved as full:
        now.tell(why=f"{full} The training goes on and tries again.")


@contextmanager
def _alive(run: str) -> Iterator[None]:
    """Hold the lock that says that this process is at work on a run; whoever started it may have handed it over."""
    if os.environ.pop("NOISESCOPE_HANDED", "") == run:
        yield
        return
    with folder.living(run):
        folder.path(run, "request").unlink(missing_ok=True)  # of a process that was killed
        yield


@contextmanager
def _listening(now: Work) -> Iterator[None]:
    """Pause at a signal to end; a second Ctrl-C is left to whoever listened before."""

    def halt(number: int, _: object) -> None:
        now.halted = True
        if number == signal.SIGINT:
            signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, halt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
