"""Damage: what may become of a file on disk, and of what is written in it. Seeded, so that a case that fails fails again."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors
from torch import nn

from core import UserError, checkpoints, models
from core.checkpoints import Card
from core.data import datasets
from core.runs import folder, shown, states, worker
from core.runs.folder import Status
from core.training import recipes
from core.training.recipes import Recipe

DEEP = "[" * 3000 + "]" * 3000
VALUES = ("null", "[]", "{}", "true", "-1", "2.5", "1e999", "-1e308", "NaN", "9" * 400, "9" * 5000, '"x"', '"\\ud800"', '"' + "x" * 50_000 + '"', DEEP)  # fmt: skip
TEXTS = ("[]", "null", "7", '"x"', "NaN", "{}", "[{}]", '{"a": ' + DEEP + "}", "\ufeff{}", "\ud800")


def bytewise(content: bytes, seed: int, flips: int = 8) -> Iterator[tuple[str, bytes]]:
    """Yield a file emptied, cut, overwritten, and with single bits flipped."""
    yield "empty", b""
    yield "half", content[: len(content) // 2]
    yield "cut", content[:-3]
    yield "zeros", bytes(len(content))
    yield "noise", random.Random(seed).randbytes(len(content))
    yield from flipped(content, seed, flips)


def flipped(content: bytes, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield a file with one bit flipped, at `count` places."""
    rng = random.Random(seed)
    for _ in range(count):
        at, bit = rng.randrange(len(content)), rng.randrange(8)
        yield f"bit {bit} of byte {at}", content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def typewise(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a JSON object as something else, without each of its keys, and with each of its values of another type."""
    for text in TEXTS:
        yield f"all is {text[:12]!r}", text.encode(errors="surrogatepass")
    record = json.loads(content)
    for key in record:
        yield f"no {key}", json.dumps({k: v for k, v in record.items() if k != key}).encode()
        for value in VALUES:
            lines = [f"{json.dumps(k)}: {value if k == key else json.dumps(v)}" for k, v in record.items()]
            yield f"{key} is {value[:12]}", ("{" + ", ".join(lines) + "}").encode()


def every(content: bytes, seed: int, text: bool) -> Iterator[tuple[str, bytes]]:
    """Yield a file damaged in every way."""
    yield from bytewise(content, seed)
    if text:
        yield from typewise(content)


def in_place(file: Path) -> Iterator[str]:
    """Put other things where a file should be, and yield what they are."""
    file.unlink()
    file.mkdir()
    yield "a folder"
    file.rmdir()
    file.symlink_to(file.name)  # for root too, nothing can be read of it
    yield "unreadable"
    file.unlink()
    file.symlink_to("nowhere")
    yield "a link to nowhere"
    file.unlink()
    yield "gone"


def run(name: str, recipe: Recipe) -> Path:
    """Write the folder of a run that has seen two epochs and is paused, by hand; return it."""
    place = folder.path(name)
    folder.create(name, recipe)
    model, train = recipes.untrained(recipe), datasets.load(recipe.dataset, "train")
    fit = recipes.train(recipe, model, train)
    now = worker.Work(name, recipe, Status("paused", step=4, steps=9, speed=300.0, queued=1e9, beat=7))
    sampled = shown.sampler(recipe)
    for epoch in range(3):
        if epoch:
            line = dict(epoch=epoch, step=2 * epoch, loss=1 / epoch, score=0.5)
            now.history.append(line)
            now.note(step=2 * epoch, loss=1 / epoch)
            now.note(**line)
        worker._sample(now, sampled(model))
    worker._keep(now, fit)
    for _ in states.NAMES:
        states.save(name, fit, train, (), now.history)
    now.tell()
    (place / "log.txt").write_text("epoch 1\nepoch 2\n")
    return place


def stray(name: str = "stray") -> Path:
    """Adopt a network of noise, by hand; return the place of its card."""
    recipe: Any = recipes.record(recipes.RECIPES["digit-mlp"])
    about = Card(name, "A stray", "DigitMLP", "mnist", recipe, 3, "", "", [dict(epoch=1, loss=0.5)])
    checkpoints.save(models.build("DigitMLP", 3), about)
    return checkpoints.path(name, ".json")


def encoded(model: nn.Module) -> bytes:
    """Encode the weights of a network, also where they are no numbers."""
    return save_tensors(model.state_dict())


def answered(what: Callable[[], object]) -> str:
    """Say what went wrong, but for a refusal in a sentence."""
    try:
        what()
    except UserError as refusal:
        sentence = str(refusal)
        return "" if sentence.endswith(".") and len(sentence) < 2000 else f"refused: {sentence[:200]}"
    except Exception as error:
        return repr(error)[:200]
    return ""
