"""What the app keeps is bounded in bytes, whatever it is and whoever asks."""

import ast
import io
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image

from app import cache, held, progress
from app.browser.photographs import Scene
from app.door import Door
from app.held import OWN, Held
from app.inputs import Photo, Trained
from app.photograph import Shown
from core import UserError, checkpoints
from core.noise import Gaussian
from tests.test_layers import modules

FINITE = {
    "app.cache._dataset": "two data sets, two parts of each",
    "app.browser.component": "the components of app/browser",
    "app.snippets.read": "64 files of at most 2 kB",
    "core.checkpoints.parsed": "256 cards of about 2 kB",
    "core.checkpoints.commit": "one word",
    "core.records.hints": "the classes of records",
    "core.noise.parse": "the noises that networks were made for",
    "core.study.figures._drawn": "the architectures",
    "core.data.samples.photograph": "the photographs that ship, 20 MB",
    "core.data.unfamiliar.windows": "two sizes of one set, in a measurement",
    "core.training.dead_leaves.pool": "two sizes of one set, in a training",
}  # what is kept elsewhere, by arguments of which there are few


LIGHT = {
    "classifier", "_denoiser", "strip", "weak_spots", "epochs", "cases", "digit_frames",
    "weights", "start", "unattacked", "challenge",
}  # found in less than 0.3 s: docs/log.md has how long each takes  # fmt: skip


def functions(file: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]


def caches(file: Path) -> dict[str, int]:
    """Count the arguments of all functions in a file that Streamlit or functools keep the results of."""
    named = {node.name: (len(node.args.args), [*map(ast.unparse, node.decorator_list)]) for node in functions(file)}
    return {
        name: count
        for name, (count, given) in named.items()
        if any("cache" in one and "property" not in one for one in given)
    }


def test_all_that_is_kept_by_an_argument_is_bounded_in_bytes_or_there_are_few() -> None:
    """Everything else is kept by `kept` or behind the door: how much is decided in one place for all of it."""
    found = {room: {f"{m}.{name}": n for m, file in modules(room).items() for name, n in caches(file).items()} for room in ("app", "core", "pages")}  # fmt: skip
    by_argument = {name for room in ("app", "pages") for name, count in found[room].items() if count}
    assert by_argument | found["core"].keys() == FINITE.keys()


def test_what_takes_long_waits_behind_the_door_and_what_is_kept_without_is_light() -> None:
    """Whoever adds a request to app/progress.py or keeps something by `kept` says by that how long it takes."""
    requests = [node for node in functions(Path(progress.__file__)) if node.col_offset == 0 and node.name[0] != "_"]
    assert len(requests) > 10
    assert not [node.name for node in requests if "watched(" not in ast.unparse(node)]
    decorated = {m: [n.name for n in functions(file) if "kept" in map(ast.unparse, n.decorator_list)] for m, file in modules("app").items()}  # fmt: skip
    assert {name for names in decorated.values() for name in names} == LIGHT


def test_no_module_keeps_a_dictionary_of_its_own() -> None:
    """A name on the left of a module that begins empty is a store that nobody bounds."""
    for room in ("app", "pages"):
        for name, file in modules(room).items():
            for node in ast.parse(file.read_text()).body:
                value = getattr(node, "value", None)
                empty = isinstance(value, ast.Dict | ast.List) and not getattr(
                    value, "keys", getattr(value, "elts", ())
                )
                assert not empty, f"{name}, line {node.lineno}"


def test_values_are_held_in_so_many_bytes_the_last_asked_for_longest() -> None:
    some: Held[np.ndarray] = Held(10 * (OWN + 3_000))
    for k in range(40):
        some.enter(k, lambda: np.zeros(3_000, np.uint8))
        some.weigh(k, 3_000)
        assert some.get(0) is not None, "what is asked for stays"
        assert some.nbytes <= some.room
    assert some.nbytes == some.room
    assert sum(some.get(k) is not None for k in range(40)) == 10
    some.enter("large", lambda: np.zeros(1))
    some.weigh("large", some.room)
    assert some.get("large") is None
    some.weigh("never there", 7)
    some.clear()
    assert (some.nbytes, len(some)) == (0, 0)


def test_what_a_value_weighs_may_change_and_some_stay() -> None:
    some: Held[str] = Held(3 * OWN + 100, stays=lambda value: value == "stays")
    for value in ("stays", "goes", "last"):
        some.enter(value, lambda value=value: value)  # type: ignore[misc]
    some.weigh("last", 100)
    assert some.nbytes == some.room
    some.weigh("last", 101)
    assert [some.get(value) for value in ("stays", "goes", "last")] == ["stays", None, "last"]
    some.weigh("last", 50)
    assert some.nbytes == 2 * OWN + 50
    some.drop("last")
    some.drop("last")
    assert some.nbytes == OWN


def test_a_size_counts_what_is_inside() -> None:
    x = torch.zeros(3, 4)
    assert held.size(x) == 48
    assert held.size({"a": [x, np.zeros(5), b"123"], "b": (x,)}) == 1 + 48 + 40 + 3 + 1 + 48
    assert held.size(torch.nn.Linear(3, 4)) == 64
    assert held.size(held) < 100


@pytest.mark.parametrize("attempt", range(3))
def test_what_is_light_is_found_once_for_all_who_ask_and_a_refusal_is_not_kept(attempt: int) -> None:
    asked = list[int]()

    @cache.kept
    def found(k: int, refuse: bool = False) -> int:
        asked.append(k)
        if refuse:
            raise UserError("No.")
        return 2 * k

    cache.light().clear()
    answers = list[int]()
    threads = [Thread(target=lambda: answers.append(found(attempt))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [2 * attempt] * 20
    assert asked == [attempt]
    for _ in range(2):
        with pytest.raises(UserError, match="No"):
            found(attempt, refuse=True)
    assert asked == [attempt] * 3


def test_a_card_is_parsed_once_and_anew_where_a_byte_of_it_changes(shelf: Path) -> None:
    shelf.mkdir()
    content = (Path(__file__).parents[1] / "checkpoints" / "digit-cnn.json").read_bytes()
    (shelf / "digit-cnn.json").write_bytes(content)
    card = checkpoints.read("digit-cnn")
    assert checkpoints.read("digit-cnn") is card
    (shelf / "digit-cnn.json").write_bytes(content.replace(b"DigitCNN", b"DigitMLP", 1))
    assert checkpoints.read("digit-cnn").architecture != card.architecture


def test_a_download_holds_no_picture_and_is_made_anew_where_others_took_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Door(1)
    monkeypatch.setattr(cache, "door", lambda: one)
    noise = Gaussian()
    photo = Photo(name="coffee")
    trained = Trained.named("n2n-gaussian-50")
    monkeypatch.setattr("app.photograph.Shown._of", lambda self, steps: lambda: steps(torch.rand(1, 3, 40, 40)))
    shown = Shown(trained, photo, Scene("x", noise, 0), False, ())
    file = shown.file(3)
    assert Image.open(io.BytesIO(file)).size == (40, 40)
    assert shown.file(3) is file
    one.held.clear()
    assert Image.open(io.BytesIO(shown.file(3))).size == (40, 40)
