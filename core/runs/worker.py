"""What the process of a run does: wait for its slot, train, tell how it goes, keep its state, and listen to requests."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from core import UserError, checkpoints, noise
from core.checkpoints import Card
from core.data import datasets
from core.data.datasets import Dataset
from core.measures import metrics
from core.runs import folder
from core.runs.folder import State, Status
from core.runs.slots import slot
from core.training import recipes
from core.training.loop import Fit, Step
from core.training.recipes import Classification, Denoising, Recipe
from core.types import generator

SAVE = 20.0  # seconds between two savings of the state
TELL = 0.25  # seconds between two lines of metrics, and between two looks at the request
SAMPLES = 8  # test images that are shown after each epoch
EXAMINED = 1000  # test digits a classifier is asked after each epoch
FULL = "The memory is full: choose a smaller batch."


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
            return folder.path(self.run, "request").read_text()
        except OSError:
            return "pause" if self.halted else ""

    def waits(self) -> bool:
        """Say, while others train, that it still waits, until somebody asks it not to."""
        self.tell()
        return not self.request()

    def note(self, **line: float) -> None:
        """Write a line of metrics."""
        with suppress(OSError), open(folder.path(self.run, "metrics.jsonl"), "a") as file:
            file.write(json.dumps(line) + "\n")


def work(run: str, devices: int = 1, nodes: int = 1) -> State:
    """Train a run in this process until it is done, or asked to pause or to stop; returns how it ended.

    On several devices, or machines, the first process leads and the others follow. Raises UserError where another process is
    at it.
    """
    if any(int(os.environ.get(rank) or 0) for rank in ("RANK", "LOCAL_RANK", "NODE_RANK")):
        return _follow(run, devices, nodes)
    folder.read(run)
    with _alive(run):
        now = Work(run, folder.read(run).recipe, replace(folder.status(run), state="queued", why=""))
        signal.signal(signal.SIGTERM, lambda *_: setattr(now, "halted", True))
        now.tell(queued=now.status.queued or time.time(), process=os.getpid())
        try:
            done = False
            with slot(run, devices, now.waits):
                if not now.request():
                    now.tell(state="running")
                    done = _train(now, devices, nodes)
            now.tell(state="done" if done else "stopped" if now.request() == "stop" else "paused")
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
            folder.path(run, "request").unlink(missing_ok=True)
    return now.status.state


def _follow(run: str, devices: int, nodes: int) -> State:
    """Take this device's share of every batch, for as long as the first process leads; it alone writes."""
    recipe = folder.read(run).recipe
    dataset = datasets.load(recipe.dataset, "train")
    fit = recipes.train(recipe, recipes.untrained(recipe), dataset, devices, nodes)
    _restored(run, fit, dataset)
    for _ in fit:
        if _leaving(fit, ""):
            return "paused"
    return "done"


def _leaving(fit: Fit, request: str) -> bool:
    """Say whether the training is to be left before its end: by the request that the first process knows of."""
    assert fit.fabric
    request = request if fit.fabric.world_size == 1 else fit.fabric.broadcast(request)
    return bool(request) and fit.done < fit.steps


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
        leaving = _leaving(fit, now.request() if clock - told > TELL or ends or due else "")
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
    checkpoints.write(folder.path(now.run, "network.safetensors"), content)
    history = [{k: round(v, 4) for k, v in line.items() if k != "step"} for line in now.history]
    card = Card(
        now.run, now.recipe.title, now.recipe.architecture, now.recipe.dataset, recipes.record(now.recipe),
        now.recipe.seed, checkpoints.commit(), checkpoints.digest(content), {}, history,
    )  # fmt: skip
    checkpoints.write(folder.path(now.run, "network.json"), folder.encoded(asdict(card)))


def _save(now: Work, fit: Fit, dataset: Dataset) -> None:
    """Write the state whole or not at all."""
    file = BytesIO()
    torch.save(dict(fit=fit.state(), losses=now.losses, history=now.history, data=dataset.title), file)
    checkpoints.write(folder.path(now.run, "state.pt"), file.getvalue())


def _restored(run: str, fit: Fit, dataset: Dataset) -> tuple[list[float], list[dict[str, float]]]:
    """Take the saved state of a run up, if there is one; returns the losses and the history it had."""
    file = folder.path(run, "state.pt")
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
    noted = [line for line in folder.lines(now.run) if line["step"] <= fit.done]
    checkpoints.write(folder.path(now.run, "metrics.jsonl"), b"".join(folder.encoded(line, None) for line in noted))


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
    checkpoints.write(folder.path(now.run, "samples", f"{epoch:04d}.safetensors"), content)


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
    with folder.living(run):
        folder.path(run, "request").unlink(missing_ok=True)  # of a process that was killed
        yield
