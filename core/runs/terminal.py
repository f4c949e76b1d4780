"""Training from the command line: a run like any other, in this process, with a bar in the terminal."""

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tqdm import tqdm

from core import UserError, checkpoints
from core.data import datasets
from core.runs import control, folder, worker
from core.runs.folder import State
from core.runs.worker import Log, Work
from core.training import recipes
from core.training.loop import Step
from core.training.recipes import Denoising, Recipe


def train(name: str, devices: int = 1, nodes: int = 1, retell: bool = False) -> None:
    """Train a network by its recipe and put it into checkpoints/; stopped or killed, the same call goes on where it was.

    It is the run `name`, which the training page shows too. On several devices every process comes here; the first alone
    speaks and writes. To `retell` is to keep the weights there are and to put only the curve of this second training into
    their card: another processor rounds otherwise. Raises UserError where there is no such recipe, where its data set is
    not here in full, where `name` is in training already, or where the training fails; KeyboardInterrupt where it is
    stopped or paused, from here or from the page.
    """
    recipe = recipes.recipe(name)
    if retell and checkpoints.read(name).recipe != _plain(recipe):
        raise UserError(f"{name} was trained by another recipe: train it anew, without --retell.")
    datasets.full(recipe.dataset, "train")
    if worker.follows():
        worker.follow(recipe, devices, nodes)
        return
    run = f"{name}.retold" if retell else name
    _begin(run, recipe)
    _train(run, devices, nodes)
    (card, weights), history = folder.network(run), _history(run, recipe)
    if retell:
        checkpoints.rewrite(replace(checkpoints.read(name), history=history, told_by=card.sha256))
        return
    checkpoints.put(replace(card, history=history), weights)
    print(f"{name} is trained. Next: python -m core measure")


def go_on(run: str, devices: int = 1, nodes: int = 1) -> None:
    """Train a run of the training page in this process, from where it was last saved; as `train` for the rest."""
    if worker.follows():
        worker.follow(folder.read(run).recipe, devices, nodes)
        return
    print(f"{run}: {worker.work(run, devices, nodes, Bar(run) if sys.stderr.isatty() else Log())}")


@dataclass(eq=False)
class Bar(Log):
    """Show how a run goes as a bar, and a line after each epoch."""

    run: str
    _bar: "tqdm[None] | None" = None
    _told: float = field(default=0.0)

    def step(self, now: Work, step: Step) -> None:
        """Move the bar; the loss is read back a few times a second."""
        self._bar = self._bar or tqdm(desc=self.run, unit="step", initial=step.step - 1, total=step.steps)
        if time.monotonic() - self._told > worker.TELL:
            self._bar.set_postfix(loss=f"{step.loss:.3f}", refresh=False)
            self._told = time.monotonic()
        self._bar.update()
        if step.step == step.steps:
            self._bar.close()

    def epoch(self, now: Work) -> None:
        """Write the line of an epoch above the bar."""
        tqdm.write(f"{self.run} {now.history[-1]}")


def _train(run: str, devices: int, nodes: int) -> None:
    """Train; raises UserError where that failed, KeyboardInterrupt where somebody stopped it."""
    busy = [other.id for other in folder.every() if other.state == "running"]
    if busy:
        print(f"{run} begins when a device is free; at work: {', '.join(busy)}.", file=sys.stderr)
    state: State = worker.work(run, devices, nodes, Bar(run))
    if state == "failed":
        raise UserError(folder.status(run).why)
    if state != "done":
        why = folder.status(run).why
        print(f"{run} is {state}: the same command goes on where it was. {why}".strip(), file=sys.stderr)
        raise KeyboardInterrupt


def _begin(run: str, recipe: Recipe) -> None:
    """Make the folder of a run, or leave the one there is: begun by the same recipe, and neither done nor failed."""
    with suppress(UserError, OSError, ValueError):
        found = folder.read(run)
        if found.alive or (folder.record(run) == _plain(recipe) and found.state not in ("done", "failed")):
            return
    with suppress(UserError):  # there is none
        control.delete(run)
    folder.create(run, recipe)


def _plain(recipe: Recipe) -> object:
    """Return what a card keeps of a recipe, as it is read back."""
    return json.loads(json.dumps(recipes.provenance(recipe)))


def _history(run: str, recipe: Recipe) -> list[dict[str, float]]:
    """Return per epoch the mean loss and, of a denoiser, the validation score in dB."""
    scores = isinstance(recipe, Denoising)
    return [
        dict(epoch=line["epoch"], loss=line["loss"], **(dict(score=round(line["score"], 4)) if scores else {}))
        for line in folder.lines(run)
        if "epoch" in line
    ]
