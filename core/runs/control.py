"""Launch, steer, adopt and delete training runs, from any process that sees their folder."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from core import UserError, checkpoints, parallel
from core.checkpoints import Card
from core.runs import folder, locks
from core.runs.folder import Request, Run
from core.training import recipes
from core.training.recipes import Recipe

MEMORY = 6000  # megabytes of its own that an estimate may take
PATIENCE = 60.0  # seconds that an estimate may take
KEPT = dict.fromkeys(
    ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(1 << 28)
)  # glibc keeps what a step lets go of for the next: a training began in half the time
SHORT = (
    "MemoryError",
    "allocate memory",
    "could not create a primitive",
)  # what a library says that memory does not suffice for
PLACES = ("NOISESCOPE_RUNS", "NOISESCOPE_DATA", "NOISESCOPE_CHECKPOINTS")


def launch(recipe: Recipe) -> str:
    """Make a run of a recipe and start its process; returns its name. Raises UserError where the disk refuses."""
    run = f"{recipe.name}-{time.strftime('%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    with _one_at_a_time():
        folder.create(run, recipe)
        _start(run)
    return run


def resume(run: str) -> None:
    """Start the process of a run again, from where its state was last saved; raises UserError where it lives already."""
    with _one_at_a_time():
        found = folder.read(run)
        if found.active:
            raise UserError(f"{run} is at work already: somebody was faster.")
        if found.state == "done":
            raise UserError(f"{run} is done: there is nothing left to train.")
        _start(run)


def ask(run: str, request: Request) -> None:
    """Ask a run to pause or to stop; it saves its state first. Raises UserError where it is not at work, or was asked already."""
    with _one_at_a_time():
        if not folder.read(run).active:
            raise UserError(f"{run} is not at work any more.")
        with suppress(OSError):
            asked = folder.path(run, "request").read_text(errors="replace")[:20]
            raise UserError(f"Somebody has already asked {run} to {asked}.")
        try:
            checkpoints.write(folder.path(run, "request"), request.encode())
        except UserError as full:
            _signal(folder.read(run), signal.SIGTERM)
            raise UserError(f"{full} {run} is asked to pause instead.") from None


def end(run: str) -> None:
    """Kill the process of a run that hangs; what it has saved last stays. Raises UserError where it is not there any more."""
    with _one_at_a_time():
        found = folder.read(run)
        if not found.alive or not found.status.process:  # alive: so the number is still its own
            raise UserError(f"{run} is not at work any more.")
        _signal(found, getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows the second kills as surely


def delete(run: str) -> None:
    """Throw a run away; raises UserError where it is at work or gone. A damaged one ends where its folder goes."""
    with _one_at_a_time():
        if run not in folder.damaged() and folder.read(run).active:
            raise UserError(f"{run} is at work: stop it first.")
        gone = folder.root() / f".{run}.{secrets.token_hex(2)}"
        try:
            folder.path(run).rename(gone)
        except OSError:
            raise UserError(f"There is no run {run!r} any more.") from None
    shutil.rmtree(gone, ignore_errors=True)


def adopt(run: str, name: str) -> Card:
    """Put the network of a run among those that every page offers; raises UserError where it is none, or the name is taken."""
    with _one_at_a_time():
        card, weights = folder.network(run)
        checkpoints.fitted(recipes.sound(card), weights)
        if checkpoints.there(name):
            raise UserError(f"There is a network {name!r} already: choose another name.")
        return checkpoints.put(replace(card, name=name), weights)


def discard(name: str) -> None:
    """Take an adopted network away again; what was measured of it stays, and holds if the same weights come back.

    Raises UserError where it ships, is gone, or a run that is not done begins with it.
    """
    with _one_at_a_time():
        if name in recipes.RECIPES:
            raise UserError(f"{name} comes with Noisescope: only an adopted network can be removed.")
        for run in folder.every():
            if getattr(run.recipe, "start", "") == name and run.state != "done":
                raise UserError(f"{run.id} begins with {name}: delete that run first.")
        checkpoints.remove(name)


def tensorboard(run: str) -> bytes:
    """Return the metrics as an event file of TensorBoard's; the package tensorboard must be installed."""
    from torch.utils.tensorboard import SummaryWriter

    with TemporaryDirectory() as place:
        with SummaryWriter(place) as writer:
            for line in folder.lines(run):
                for name in {"loss", "score"} & line.keys():
                    what = f"epoch {name}" if "epoch" in line else name
                    writer.add_scalar(what, line[name], int(line["step"]))
        (file,) = Path(place).iterdir()
        return file.read_bytes()


def estimate(recipe: Recipe, batches: int = 8) -> float:
    """Train a few batches in a process of its own and say how many seconds the whole will take on this machine.

    Raises UserError where that takes more than MEMORY megabytes or PATIENCE seconds, or where it cannot begin.
    """
    command = [sys.executable, "-m", "core.runs.estimate", str(batches), str(MEMORY)]
    record = folder.encoded(recipes.record(recipe)).decode()
    try:
        done = subprocess.run(
            command, cwd=folder.ROOT, env=environment(), input=record, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"A few batches take more than {PATIENCE:.0f} seconds: choose a smaller batch.") from None
    except OSError as error:
        raise UserError(f"Nothing could be started ({error.strerror}): free some memory.") from None
    if done.returncode == 0:
        return float(done.stdout)
    why = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode < 0 or any(sign in done.stderr for sign in SHORT):
        why = f"A few batches take more than {MEMORY:,} MB of memory: choose a smaller batch."
    raise UserError(why if "Traceback" not in done.stderr else f"A few batches broke off ({why}).")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one visitor at a time, of all apps on this folder, launch, steer or delete."""
    try:
        folder.root().mkdir(parents=True, exist_ok=True)
        file = locks.opened(folder.root() / ".lock", patience=60)
    except OSError as error:
        raise UserError(
            f"The folder of the runs cannot be used ({error.strerror}): check its rights and the disk."
        ) from None
    if not file:
        raise UserError("Somebody else is steering the runs and does not come to an end: try again.")
    with file:
        yield


def _start(run: str) -> None:
    """Start the process of a run, in a session of its own, at low priority and on its own threads.

    It is handed the lock that says it is alive, so that nobody sees it dead while it starts.
    """
    if not locks.GIVEN_OVER:
        raise UserError(f"This system cannot hand a lock over: go on with {run} by `python -m core train --run {run}`.")
    threads = str(max(1, parallel.cores() // 2))  # the app keeps the rest
    settings = {"NOISESCOPE_NICE": "10", **environment(), "OMP_NUM_THREADS": threads, "NOISESCOPE_HANDED": run}
    try:
        folder.path(run, "request").unlink(missing_ok=True)
        with folder.living(run) as lock, open(folder.path(run, "log.txt"), "a") as out:
            old = folder.status(run)  # its process is gone: its number may be another's by now
            queued = replace(old, state="queued", why="", queued=time.time(), process=0, beat=old.beat + 1)
            checkpoints.write(folder.path(run, "status.json"), folder.encoded(asdict(queued)))
            subprocess.Popen(
                [sys.executable, "-m", "core", "train", "--run", run], cwd=folder.ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, env=settings, pass_fds=[lock],
            )  # fmt: skip
    except OSError as error:
        raise UserError(f"{run} could not be started ({error.strerror}): free some memory and disk space.") from None


def environment() -> dict[str, str]:
    """Return this process's environment for one that works in the project's folder."""
    return {**KEPT, **os.environ, **{n: str(Path(os.environ[n]).resolve()) for n in PLACES if os.environ.get(n)}}


def _signal(found: Run, what: signal.Signals) -> None:
    """Send a signal to the process of a run that lives."""
    with suppress(ProcessLookupError):
        if found.status.process:
            os.kill(found.status.process, what)
