"""Training runs: a folder each, a process each, watched and steered from anywhere.

A run's folder holds its recipe (config.json), what it is doing (status.json), its metrics (metrics.jsonl: a line every
quarter of a second and one after each epoch), its log, its state (state.pt), and after each epoch a sample and its network
as it is then. The process of a run holds a lock on `alive` as long as it lives, which no death can leave behind; `wish` is what it is asked to
do. The queue is a lock too: one run at a time on a CPU.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from itertools import islice, pairwise
from pathlib import Path
from pickle import UnpicklingError
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, Literal, TextIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from core import UserError, checkpoints, noise
from core.checkpoints import NAME, Card
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import tables
from core.measures import metrics
from core.training import recipes
from core.training.loop import Fit, Step
from core.training.recipes import Classification, Denoising, Recipe
from core.types import generator

ROOT = Path(__file__).parents[2]
SAVE = 20.0  # seconds between two savings of the state
TELL = 0.25  # seconds between two lines of metrics, and between two looks at the wish
SAMPLES = 8  # test images that are shown after each epoch
EXAMINED = 1000  # test digits a classifier is asked after each epoch
ACTIVE = ("queued", "running")
PLACES = ("NOISESCOPE_RUNS", "NOISESCOPE_DATA", "NOISESCOPE_CHECKPOINTS")
FULL = "The memory is full: choose a smaller batch."
TABLES = (
    "classical",
    "defence",
    "pixels",
    "study",
    "transfer",
)  # in checkpoints/curves/: no network is to overwrite them

State = Literal["queued", "running", "paused", "stopped", "done", "failed", "died"]
Wish = Literal["pause", "stop"]


def folder() -> Path:
    """Return where runs are kept: NOISESCOPE_RUNS, else runs/ beside the code."""
    return Path(os.environ.get("NOISESCOPE_RUNS") or ROOT / "runs").resolve()


@dataclass(frozen=True)
class Status:
    """What the process of a run last said of itself."""

    state: State = "queued"
    why: str = ""  # one sentence, where something is the matter
    step: int = 0
    steps: int = 0
    speed: float = 0.0  # images per second
    queued: float = 0.0  # when it joined the queue, seconds since the epoch
    beat: int = 0  # grows as long as the process is at work
    process: int = 0  # its number


@dataclass(frozen=True)
class Run:
    """A run as it lies on disk, and whether its process lives."""

    id: str
    recipe: Recipe
    status: Status
    alive: bool

    @property
    def state(self) -> State:
        """Say what the run is doing: "died" where its process ended without a word."""
        return "died" if self.status.state in ACTIVE and not self.alive else self.status.state

    @property
    def active(self) -> bool:
        """Say whether it trains or waits for its turn; a process that only takes its leave does neither."""
        return self.alive and self.status.state in ACTIVE

    @property
    def left(self) -> float:
        """Estimate the seconds that are left."""
        rest = (self.status.steps - self.status.step) * self.recipe.batch
        return rest / self.status.speed if self.status.speed else float("nan")


def path(run: str, *parts: str) -> Path:
    """Return where a file of a run lies; raises UserError for a name that is not a run's (`../../x`)."""
    if not NAME.fullmatch(run):
        raise UserError(f"{run!r} is not the name of a run.")
    return folder().joinpath(run, *parts)


def every() -> list[Run]:
    """Return all runs that can be read, the newest first."""
    names = [p.name for p in folder().iterdir() if NAME.fullmatch(p.name)] if folder().is_dir() else []
    found = []
    for name in names:
        with suppress(UserError):
            found.append(read(name))
    return sorted(found, key=lambda run: (run.status.queued, run.id), reverse=True)


def damaged() -> dict[str, str]:
    """Return what is wrong with each run that cannot be read."""
    found = {}
    for place in folder().iterdir() if folder().is_dir() else []:
        if NAME.fullmatch(place.name) and place.is_dir():
            try:
                read(place.name)
            except UserError as refusal:
                found[place.name] = str(refusal)
    return found


def read(run: str) -> Run:
    """Return a run; raises UserError where it is not there or only half there."""
    try:
        recipe = recipes.parse(json.loads(path(run, "config.json").read_text()))
    except FileNotFoundError:
        if path(run).is_dir() and not alive(run):
            raise UserError(f"The run {run} is only half there: delete it.") from None
        raise UserError(f"There is no run {run!r} any more.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"The run {run} is damaged: delete it.") from None
    return Run(run, recipe, _status(run), alive(run))


def alive(run: str) -> bool:
    """Say whether the process of a run lives: it holds a lock, which the system lets go when it ends, however it ends."""
    try:
        with open(path(run, "alive")) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def launch(recipe: Recipe) -> str:
    """Make a run of a recipe and start its process; returns its name. Raises UserError where the disk refuses."""
    run = f"{recipe.name}-{time.strftime('%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    with _door():
        checkpoints.write(path(run, "config.json"), _json(recipes.record(recipe)))
        _start(run)
    return run


def resume(run: str) -> None:
    """Start the process of a run again, from where its state was last saved; raises UserError where it lives already."""
    with _door():
        found = read(run)
        if found.active:
            raise UserError(f"{run} is at work already: somebody was faster.")
        if found.state == "done":
            raise UserError(f"{run} is done: there is nothing left to train.")
        _start(run)


def ask(run: str, wish: Wish) -> None:
    """Ask a run to pause or to stop; it saves its state first. Raises UserError where it is not at work, or was asked already."""
    with _door():
        if not read(run).active:
            raise UserError(f"{run} is not at work any more.")
        with suppress(FileNotFoundError):
            raise UserError(f"Somebody has already asked {run} to {path(run, 'wish').read_text()}.")
        try:
            checkpoints.write(path(run, "wish"), wish.encode())
        except UserError as full:
            _signal(read(run), signal.SIGTERM)
            raise UserError(f"{full} {run} is asked to pause instead.") from None


def end(run: str) -> None:
    """Kill the process of a run that hangs; what it has saved last stays. Raises UserError where it is not there any more."""
    with _door():
        found = read(run)
        if not found.alive or not found.status.process:  # alive: so the number is still its own
            raise UserError(f"{run} is not at work any more.")
        _signal(found, signal.SIGKILL)


def delete(run: str) -> None:
    """Throw a run away; raises UserError where it is at work or gone."""
    with _door():
        if alive(run) and _status(run).state in ACTIVE:
            raise UserError(f"{run} is at work: stop it first.")
        gone = folder() / f".{run}.{secrets.token_hex(2)}"
        try:
            path(run).rename(gone)
        except OSError:
            raise UserError(f"There is no run {run!r} any more.") from None
    shutil.rmtree(gone, ignore_errors=True)


def adopt(run: str, name: str) -> Card:
    """Put the network of a run among those that every page offers; raises UserError where there is none yet, or the name is taken."""
    with _door():
        card, weights = network(run)
        taken = name in TABLES or any(tables.file(name, suffix).exists() for suffix in (".json", ".safetensors"))
        if checkpoints.there(name) or taken or name.startswith("fooled-"):
            raise UserError(f"There is a network, or a table, {name!r} already: choose another name.")
        checkpoints.write(checkpoints.path(name, ".safetensors"), weights)
        checkpoints.rewrite(replace(card, name=name))
    return checkpoints.read(name)


def network(run: str) -> tuple[Card, bytes]:
    """Return the card and the weights a run has reached; raises UserError before its first epoch has ended."""
    for _ in range(20):  # the two are written one after the other
        try:
            weights = path(run, "network.safetensors").read_bytes()
            card = Card(**json.loads(path(run, "network.json").read_text()))
        except (OSError, ValueError, TypeError):
            raise UserError(f"{run} has no network yet: wait for the end of its first epoch.") from None
        if checkpoints.digest(weights) == card.sha256:
            return card, weights
        time.sleep(0.05)
    raise UserError(f"The network of {run} was only half written: resume the run, its next epoch writes it anew.")


def lines(run: str) -> list[dict[str, float]]:
    """Return the metrics of a run: {step, loss} as it goes, {epoch, step, loss, score} after each epoch."""
    found = []
    with suppress(OSError):
        for line in path(run, "metrics.jsonl").read_text().splitlines():
            with suppress(ValueError):  # the last line of a process that was killed
                found.append(json.loads(line))
    return found


def samples(run: str) -> list[dict[str, Tensor]]:
    """Return what the run made of the same few test images before its first epoch and after each: "input", "output", "truth"."""
    found = []
    for file in sorted(path(run, "samples").glob("*.safetensors")) if path(run, "samples").is_dir() else []:
        with suppress(OSError, SafetensorError):
            found.append(load_tensors(file.read_bytes()))
    return found


def log(run: str, count: int = 30) -> str:
    """Return the last lines of a run's log."""
    try:
        return "\n".join(path(run, "log.txt").read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def tensorboard(run: str) -> bytes:
    """Return the metrics as an event file of TensorBoard's; the package tensorboard must be installed."""
    from torch.utils.tensorboard import SummaryWriter

    with TemporaryDirectory() as place:
        with SummaryWriter(place) as writer:
            for line in lines(run):
                for name in {"loss", "score"} & line.keys():
                    what = f"epoch {name}" if "epoch" in line else name
                    writer.add_scalar(what, line[name], int(line["step"]))
        (file,) = Path(place).iterdir()
        return file.read_bytes()


def estimate(recipe: Recipe, batches: int = 8) -> float:
    """Train a few batches and say how many seconds the whole will take on this machine; raises UserError where data are missing."""
    model = recipes.untrained(recipe)
    fit = recipes.train(recipe, model, datasets.load(recipe.dataset, "train"))
    clock = [time.monotonic(), *(time.monotonic() for _ in islice(fit, batches + 1))]
    seconds = [after - before for before, after in pairwise(clock)]
    return mean(seconds[1:] or seconds) * fit.steps  # the first takes longer than all others


@dataclass(eq=False)
class Work:
    """The process of a run at work."""

    run: str
    recipe: Recipe
    status: Status
    losses: list[float] = field(default_factory=list)  # of the epoch so far
    history: list[dict[str, float]] = field(default_factory=list)
    halted: bool = False  # by a signal

    @property
    def gone(self) -> bool:
        """Say whether somebody has deleted the folder of the run."""
        return not path(self.run, "config.json").exists()

    def tell(self, **news: Any) -> None:
        """Say what the run is doing; a full disk is no reason to stop, nor to fall silent."""
        self.status = replace(self.status, beat=self.status.beat + 1, **news)
        if self.gone:
            return
        file, content = path(self.run, "status.json"), _json(asdict(self.status))
        try:
            checkpoints.write(file, content)
        except UserError:  # no room for a second one: over the first, whose place is its own
            with suppress(OSError), open(file, "r+b") as old:
                old.write(content)
                old.truncate()

    def wish(self) -> str:
        """Return what somebody has asked for: "pause", "stop" or nothing; to delete a run's folder is to stop it."""
        if self.gone:
            return "stop"
        try:
            return path(self.run, "wish").read_text()
        except OSError:
            return "pause" if self.halted else ""

    def note(self, **line: float) -> None:
        """Write a line of metrics."""
        with suppress(OSError), open(path(self.run, "metrics.jsonl"), "a") as file:
            file.write(json.dumps(line) + "\n")


def work(run: str, devices: int = 1, nodes: int = 1) -> State:
    """Train a run in this process until it is done, or asked to pause or to stop; returns how it ended.

    On several devices, or machines, the first process leads and the others follow. Raises UserError where another process is
    at it.
    """
    if any(int(os.environ.get(rank) or 0) for rank in ("RANK", "LOCAL_RANK", "NODE_RANK")):
        return _follow(run, devices, nodes)
    read(run)
    with _alive(run):
        now = Work(run, read(run).recipe, replace(_status(run), state="queued", why=""))
        signal.signal(signal.SIGTERM, lambda *_: setattr(now, "halted", True))
        now.tell(queued=now.status.queued or time.time(), process=os.getpid())
        try:
            done = False
            with _turn(now, devices):
                if not now.wish():
                    now.tell(state="running")
                    done = _train(now, devices, nodes)
            now.tell(state="done" if done else "stopped" if now.wish() == "stop" else "paused")
        except UserError as refusal:
            now.tell(state="failed", why=str(refusal))
        except (MemoryError, torch.OutOfMemoryError):
            now.tell(state="failed", why=FULL)
        except Exception as error:
            if "allocate memory" in str(error):
                now.tell(state="failed", why=FULL)
                return now.status.state
            now.tell(state="failed", why=f"The training broke off ({type(error).__name__}): its log says why.")
            raise
        finally:
            path(run, "wish").unlink(missing_ok=True)
    return now.status.state


def _follow(run: str, devices: int, nodes: int) -> State:
    """Take this device's share of every batch, for as long as the first process leads; it alone writes."""
    recipe = read(run).recipe
    dataset = datasets.load(recipe.dataset, "train")
    fit = recipes.train(recipe, recipes.untrained(recipe), dataset, devices, nodes)
    _restored(run, fit, dataset)
    for _ in fit:
        if _leaving(fit, ""):
            return "paused"
    return "done"


def _leaving(fit: Fit, wish: str) -> bool:
    """Say whether the training is to be left before its end: by the wish that the first process knows of."""
    assert fit.fabric
    wish = wish if fit.fabric.world_size == 1 else fit.fabric.broadcast(wish)
    return bool(wish) and fit.done < fit.steps


def _train(now: Work, devices: int, nodes: int) -> bool:
    """Go on from the saved state; save it at intervals, at every end of an epoch, and before going. Says whether all is done."""
    dataset = datasets.load(now.recipe.dataset, "train")
    model = recipes.untrained(now.recipe)
    fit = recipes.train(now.recipe, model, dataset, devices, nodes)
    _restore(now, fit, dataset)
    sampled = _sampler(now.recipe)
    if not fit.done:
        _sample(now, 0, sampled(model))
    saved = told = time.monotonic()
    since = fit.done
    for step in fit:
        now.losses.append(step.loss)
        clock = time.monotonic()
        ends = step.step % (step.steps // now.recipe.epochs) == 0
        due = clock - saved > float(os.environ.get("NOISESCOPE_SAVE", SAVE))
        leaving = _leaving(fit, now.wish() if clock - told > TELL or ends or due else "")
        if (leaving or ends) and now.gone:
            return False
        if ends:
            _epoch(now, fit, step, sampled)
        if clock - told > TELL or ends:
            speed = (step.step - since) * now.recipe.batch / max(clock - told, 1e-9)
            now.note(step=step.step, loss=step.loss)
            now.tell(step=step.step, steps=step.steps, speed=round(speed, 1))
            told, since = clock, step.step
        if leaving:
            _save(now, fit, dataset)
            return False
        if due or ends:
            with _tolerant(now):
                _save(now, fit, dataset)
            saved = clock
    _keep(now, fit)
    now.tell(why="")
    return True


def _epoch(now: Work, fit: Fit, step: Step, sampled: Callable[[torch.nn.Module], dict[str, Tensor]]) -> None:
    """Note an epoch, show what the network makes of the samples, and keep the network."""
    model = fit.best.averaged.module if fit.best else fit.model
    score = step.score if step.score is not None else _accuracy(now.recipe, model)
    line = dict(epoch=len(now.history) + 1, step=step.step, loss=sum(now.losses) / len(now.losses), score=score)
    now.history.append(line)
    now.note(**line)
    now.losses.clear()
    print(f"epoch {line['epoch']}: loss {line['loss']:.4f}, score {score:.4f}", flush=True)
    with _tolerant(now):
        _sample(now, len(now.history), sampled(model))
        _keep(now, fit)


def _keep(now: Work, fit: Fit) -> None:
    """Write the network as it would be if training ended here, the best average where there is one."""
    weights = fit.best.weights if fit.best and fit.best.weights else fit.model.state_dict()
    content = save_tensors({k: v.to(now.recipe.stored).contiguous() for k, v in weights.items()})
    checkpoints.write(path(now.run, "network.safetensors"), content)
    history = [{k: round(v, 4) for k, v in line.items() if k != "step"} for line in now.history]
    card = Card(
        now.run, now.recipe.title, now.recipe.architecture, now.recipe.dataset, recipes.record(now.recipe),
        now.recipe.seed, checkpoints.commit(), checkpoints.digest(content), {}, history,
    )  # fmt: skip
    checkpoints.write(path(now.run, "network.json"), _json(asdict(card)))


def _save(now: Work, fit: Fit, dataset: Dataset) -> None:
    """Write the state whole or not at all."""
    file = BytesIO()
    torch.save(dict(fit=fit.state(), losses=now.losses, history=now.history, data=dataset.title), file)
    checkpoints.write(path(now.run, "state.pt"), file.getvalue())


def _restored(run: str, fit: Fit, dataset: Dataset) -> tuple[list[float], list[dict[str, float]]]:
    """Take the saved state of a run up, if there is one; returns the losses and the history it had."""
    file = path(run, "state.pt")
    if not file.exists():
        return [], []
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        assert fit.fabric
        for before, now in ((state["data"], dataset.title), (state["fit"]["device"], fit.fabric.device.type)):
            if before != now:
                raise UserError(f"{run} began on {before}; here is {now}: launch it anew.")
        fit.load(state["fit"])
        return state["losses"], state["history"]
    except (OSError, RuntimeError, LookupError, ValueError, EOFError, TypeError, AttributeError, UnpicklingError):
        raise UserError(f"The state of {run} is damaged: launch it anew.") from None


def _restore(now: Work, fit: Fit, dataset: Dataset) -> None:
    """Take the saved state up, if there is one, and forget what was noted after it."""
    now.losses, now.history = _restored(now.run, fit, dataset)
    noted = [line for line in lines(now.run) if line["step"] <= fit.done]
    checkpoints.write(path(now.run, "metrics.jsonl"), b"".join(_json(line, None) for line in noted))


def _sampler(recipe: Recipe) -> Callable[[torch.nn.Module], dict[str, Tensor]]:
    """Return what shows a network's work on the same few test images: denoised, or how probable each digit is."""
    test = datasets.load(recipe.dataset, "test")
    x = test.images(slice(0, SAMPLES))
    seen = noise.eight_bit(recipe.noise(x, generator(0))) if isinstance(recipe, Denoising) else x

    @torch.no_grad()
    def sampled(model: torch.nn.Module) -> dict[str, Tensor]:
        training = model.training
        output = model.eval()(seen.to(next(model.parameters()).device)).cpu()
        model.train(training)
        digits = isinstance(recipe, Classification)
        return dict(
            input=seen,
            output=output.softmax(1) if digits else output.clamp(0, 1),
            truth=test.labels[:SAMPLES] if digits else x,
        )

    return sampled


def _sample(now: Work, epoch: int, tensors: dict[str, Tensor]) -> None:
    content = save_tensors({name: values.contiguous() for name, values in tensors.items()})
    checkpoints.write(path(now.run, "samples", f"{epoch:04d}.safetensors"), content)


@torch.no_grad()
def _accuracy(recipe: Recipe, model: torch.nn.Module) -> float:
    test = datasets.load(recipe.dataset, "test")
    some = slice(0, EXAMINED)
    device = next(model.parameters()).device
    return float(metrics.correct(model(test.images(some).to(device)).cpu(), test.labels[some]).mean())


@contextmanager
def _tolerant(now: Work) -> Iterator[None]:
    """Go on training where the disk is full, and say so until it is not."""
    try:
        yield
        if now.status.why:
            now.tell(why="")
    except UserError as refusal:
        now.tell(why=f"{refusal} The training goes on and tries again.")


@contextmanager
def _alive(run: str) -> Iterator[None]:
    """Hold the lock that says that this process is at work on a run; whoever started it may have handed it over."""
    if os.environ.pop("NOISESCOPE_HANDED", "") == run:
        yield
        return
    with _lock(run):
        path(run, "wish").unlink(missing_ok=True)  # of a process that was killed
        yield


def _lock(run: str) -> TextIO:
    """Take the lock of a run; raises UserError where another process holds it."""
    file = open(path(run, "alive"), "w")  # noqa: SIM115
    for _ in range(200):  # whoever only looks holds it for a moment, who has just stopped until it is gone
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            time.sleep(0.05)
    file.close()
    raise UserError(f"{run} is at work already.")


@contextmanager
def _turn(now: Work, devices: int) -> Iterator[None]:
    """Wait until it is this run's turn: the first that joined the queue, one at a time on a CPU, one per GPU.

    Under torchrun, which knows its devices, nothing is chosen.
    """
    places = [folder() / f".turn-{k}" for k in range(max(1, torch.cuda.device_count()))]
    files = [open(place, "w") for place in places]  # noqa: SIM115
    try:
        while not now.wish():
            queue = [(r.status.queued, r.id) for r in every() if r.alive and r.status.state == "queued"]
            if queue and min(queue)[1] == now.run:
                free = _held(files, min(devices, len(files)))
                if free:
                    if len(files) > 1 and "TORCHELASTIC_RUN_ID" not in os.environ:
                        known = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(len(files))))
                        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(known.split(",")[k] for k in free)
                    yield
                    return
            now.tell()
            time.sleep(TELL)
        yield
    finally:
        for file in files:
            file.close()


def _held(files: Sequence[TextIO], count: int) -> list[int]:
    """Lock so many of these files, or none; returns which."""
    held = []
    for k, file in enumerate(files):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(k)
            if len(held) == count:
                return held
    for k in held:
        fcntl.flock(files[k], fcntl.LOCK_UN)
    return []


def _signal(found: Run, what: signal.Signals) -> None:
    """Send a signal to the process of a run that lives."""
    with suppress(ProcessLookupError):
        if found.status.process:
            os.kill(found.status.process, what)


@contextmanager
def _door() -> Iterator[None]:
    """Let one visitor at a time, of all apps on this folder, launch, steer or delete."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        file = open(folder() / ".door", "w")  # noqa: SIM115
    except OSError as error:
        raise UserError(
            f"The folder of the runs cannot be used ({error.strerror}): check its rights and the disk."
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(run: str) -> None:
    """Start the process of a run, in a session of its own, at low priority and on its own threads.

    It is handed the lock that says it is alive, so that nobody sees it dead while it starts.
    """
    path(run, "wish").unlink(missing_ok=True)
    threads = str(max(1, (os.cpu_count() or 2) // 2))  # the app keeps the rest
    places = {n: str(Path(os.environ[n]).resolve()) for n in PLACES if os.environ.get(n)}
    environment = {
        **os.environ,
        **places,
        "OMP_NUM_THREADS": threads,
        "NOISESCOPE_NICE": "10",
        "NOISESCOPE_HANDED": run,
    }
    try:
        with _lock(run) as alive, open(path(run, "log.txt"), "a") as out:
            old = _status(run)  # its process is gone: its number may be another's by now
            queued = replace(old, state="queued", why="", queued=time.time(), process=0, beat=old.beat + 1)
            checkpoints.write(path(run, "status.json"), _json(asdict(queued)))
            subprocess.Popen(
                [sys.executable, "-m", "core", "train", "--run", run], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, env=environment, pass_fds=[alive.fileno()],
            )  # fmt: skip
    except OSError as error:
        raise UserError(f"{run} could not be started ({error.strerror}): free some memory and disk space.") from None


def _status(run: str) -> Status:
    try:
        return Status(**json.loads(path(run, "status.json").read_text()))
    except (OSError, ValueError, TypeError):
        return Status()


def _json(value: Any, indent: int | None = 1) -> bytes:
    return (json.dumps(value, indent=indent) + "\n").encode()
