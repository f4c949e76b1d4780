"""Any file may be damaged in any byte, and any button pressed twice: what comes of it is one sentence, and every page lives on.

Types are not checked call by call here, as they are in the other tests: a visitor's app does not check them either.
"""

import json
import os
import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from streamlit.testing.v1 import AppTest

from app import navigation
from app.browser import packing, strips
from app.controls import presses
from core import UserError, checkpoints, records
from core.data import datasets
from core.experiments import networks
from core.experiments.registry import EXPERIMENTS
from core.networks.digits import DigitCNN
from core.runs import control, folder, shown, states, worker
from core.training import recipes
from core.training.recipes import RECIPES, Classification, Denoising
from tests import damage
from tests.test_pages import PLAIN, opened, words

pytestmark = pytest.mark.sample

ROOT = Path(__file__).parents[1]
QUICK = Classification("quick", "Quick", "DigitMLP", epochs=3, learning_rate=0.1, momentum=0.9)
FILES = ("config.json", "status.json", "metrics.jsonl", "log.txt", "network.json", "network.safetensors", "samples/0001.safetensors")  # fmt: skip


@pytest.fixture(autouse=True)
def _unchecked(no_data: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOISESCOPE_TRAINING", "on")
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def run() -> Path:
    return damage.run("mine", QUICK)


@pytest.fixture
def shipped(shelf: Path) -> Path:
    shutil.copytree(ROOT / "checkpoints", shelf)
    return shelf


def read_whole(name: str) -> None:
    """Read a run as the training page does."""
    for found in folder.every():
        assert records.fits(vars(found.status)["speed"], float)
        assert found.left >= 0 or found.left != found.left
    told = folder.damaged()
    assert all(len(why) < 2000 for why in told.values())
    assert records.fits(folder.lines(name), list[dict[str, float]])
    folder.sampled(name)
    if samples := folder.samples(name):
        strips.epochs(samples)
    assert len(folder.log(name)) <= folder.TOLD
    try:
        card, weights = folder.network(name)
        assert checkpoints.digest(weights) == card.sha256
    except UserError:
        pass


@pytest.mark.parametrize("name", FILES)
def test_a_run_is_read_whatever_is_damaged_of_it(name: str, run: Path) -> None:
    file, text = run / name, name.endswith(".json")
    content = file.read_bytes()
    for what, damaged in damage.every(content, 0, text):
        file.write_bytes(damaged)
        assert not (problem := damage.answered(lambda: read_whole("mine"))), f"{what}: {problem}"
    for what in damage.in_place(file):
        assert not (problem := damage.answered(lambda: read_whole("mine"))), f"{what}: {problem}"
    control.delete("mine")
    assert not run.exists()


def test_lines_of_metrics_that_are_damaged_are_passed_over(run: Path) -> None:
    file, line = run / "metrics.jsonl", b'{"epoch": 3, "step": 6, "loss": 0.5, "score": 0.5}'
    good = file.read_bytes()
    known = folder.lines("mine")
    for what, damaged in (*damage.bytewise(line, 1), *damage.typewise(line)):
        file.write_bytes(good + damaged.replace(b"\n", b" ") + b"\n" + good)
        found = folder.lines("mine")
        assert [line for line in found if line["step"] < 6][: len(known)] == known, what
        assert records.fits(found, list[dict[str, float]])


def test_a_state_with_one_bit_flipped_is_never_taken_up(run: Path) -> None:
    fit = recipes.train(QUICK, recipes.untrained(QUICK), train := datasets.load("mnist", "train"))
    file, content = run / "state.pt", (run / "state.pt").read_bytes()
    for _, damaged in (*damage.flipped(content, 0, 60), *damage.bytewise(content, 1, 0)):
        file.write_bytes(damaged)
        with pytest.raises((ValueError, EOFError)):
            states.read(file)
    assert len(states.restore("mine", fit, train)["history"]) == 2  # from the one before
    assert not file.exists()
    (run / "state.before.pt").write_bytes(damaged)
    with pytest.raises(
        UserError, match=r"^The state of mine is damaged, and none before it is whole: launch it anew\.$"
    ):
        states.restore("mine", fit, train)


def test_a_run_goes_on_from_the_state_before_to_the_same_weights(run: Path) -> None:
    shutil.copytree(run, folder.path("other"))
    (run / "state.pt").write_bytes(b"half")
    assert finished("mine") == finished("other") == "done"
    (_, weights), (_, again) = folder.network("mine"), folder.network("other")
    assert weights == again


def finished(name: str) -> str:
    """Train in this process."""
    import signal

    handler = signal.getsignal(signal.SIGTERM)
    try:
        return worker.work(name)
    finally:
        signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("files", [("network",), ("network", "0003", "metrics"), ("network", "0003", "state.pt")])
def test_a_disk_that_is_full_at_the_very_end_leaves_a_run_that_can_be_finished(
    files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.create("mine", QUICK)
    fsync, tell = os.fsync, worker.Work.tell
    last = [False]

    def full(number: int) -> None:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{number}"))
        if last[0] and name.startswith(tuple(f".{file}" for file in files)):
            raise OSError(28, "No space left on device")
        fsync(number)

    def told(now: worker.Work, **news: object) -> None:
        last[0] = last[0] or len(now.history) == 2
        tell(now, **news)

    def note(now: worker.Work, **line: float) -> None:
        if not (last[0] and "metrics" in files):
            noted(now, **line)

    noted = worker.Work.note
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.setattr(worker.Work, "tell", told)
        patch.setattr(worker.Work, "note", note)
        assert finished("mine") == "paused"
    why = folder.read("mine").status.why
    assert ".safetensors could not be saved (No space left on device): free some disk space" in why
    assert why.endswith("Then resume it.")
    trained: list[int] = []
    monkeypatch.setattr(worker.Log, "step", lambda self, now, step: trained.append(step.step))
    assert finished("mine") == "done"
    assert bool(trained) == ("state.pt" in files)  # where only that was missing, nothing is trained again
    done = folder.read("mine").status
    assert (done.step, done.why) == (done.steps, "")
    assert len(folder.samples("mine")) == 4
    assert [line["epoch"] for line in folder.lines("mine") if "epoch" in line] == [1, 2, 3]
    assert control.adopt("mine", "kept").name == "kept"


def test_weights_that_are_no_numbers_are_neither_saved_loaded_nor_adopted(run: Path, shelf: Path) -> None:
    damage.stray()
    model, card = checkpoints.load("stray")
    good = checkpoints.encoded(model.state_dict(), torch.float32)
    for value in (torch.nan, torch.inf):
        next(model.parameters()).data.view(-1)[0] = value
        with pytest.raises(UserError, match="its weights are no numbers: try a smaller learning rate"):
            checkpoints.save(model, card)
        bad = damage.encoded(model)
        checkpoints.put(card, bad)
        with pytest.raises(UserError, match="The weights of stray are no numbers, its training has diverged"):
            checkpoints.load("stray")
        mine, _ = folder.network("mine")
        (run / "network.safetensors").write_bytes(bad)
        about = replace(mine, sha256=checkpoints.digest(bad))
        (run / "network.json").write_bytes(folder.encoded(vars(about)))
        with pytest.raises(UserError, match="The weights of mine are no numbers"):
            control.adopt("mine", "kept")
    checkpoints.put(card, good)
    checkpoints.load("stray")
    assert not checkpoints.there("kept")


def test_a_training_that_diverges_to_no_numbers_fails_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    folder.create("mine", replace(QUICK, learning_rate=0.5, momentum=0.99))
    monkeypatch.setattr(
        "core.training.losses.CrossEntropy.__call__", lambda self, output, y, done: output.sum(1) * torch.nan
    )
    assert finished("mine") == "failed"
    assert folder.read("mine").status.why.startswith("The training has diverged, its weights are no numbers")


def test_a_stray_card_is_passed_over_and_named(shelf: Path) -> None:
    """Among a few of the networks that ship: every case reads all cards there are."""
    shelf.mkdir()
    for name in ("digit-cnn", "n2n-digits", "n2n-gaussian-50"):
        for file in (ROOT / "checkpoints").glob(f"{name}.*"):
            shutil.copy(file, shelf)
    place = damage.stray()
    content, known = place.read_bytes(), [card.name for card in networks.cards() if card.name != "stray"]
    assert known == [name for name in RECIPES if checkpoints.there(name)]
    weights = checkpoints.path("stray", ".safetensors")
    for what, damaged in damage.every(content, 0, True):
        place.write_bytes(damaged)
        cards = {card.name: card for card in networks.cards()}
        assert [name for name in cards if name != "stray"] == known, what
        assert ("stray" in cards) != ("stray" in networks.damaged()), what
        assert not (problem := damage.answered(lambda: checkpoints.load("stray"))), f"{what}: {problem}"
        if "stray" in cards:
            assert records.fits(vars(cards["stray"]), dict[str, object]), what
    for what in damage.in_place(place):
        assert [card.name for card in networks.cards()] == known, what
        assert not (problem := damage.answered(lambda: checkpoints.load("stray"))), f"{what}: {problem}"
    place.write_bytes(content)
    for _, damaged in damage.bytewise(weights.read_bytes(), 0):
        weights.write_bytes(damaged)
        with pytest.raises(UserError, match="The weights of stray are damaged"):
            checkpoints.load("stray")
    for _ in damage.in_place(weights):
        with pytest.raises(UserError, match="The weights of stray are"):
            checkpoints.load("stray")


def results(shelf: Path) -> Iterator[Path]:
    """Put every result anew, which writes down its hash, and yield its file: of each experiment at most three."""
    for experiment in EXPERIMENTS.values():
        store = experiment.store
        for key, found in list(store.every().items())[:3]:
            store.put(key, found)
            yield from store.folder.glob(f"{key}.*s*")


def test_a_result_is_what_was_measured_or_not_measured(shipped: Path) -> None:
    chosen = list(results(shipped))
    assert len(chosen) > 20
    rng = random.Random(0)
    for file in rng.sample(chosen, 20):
        (store,) = (e.store for e in EXPERIMENTS.values() if e.store.folder == file.parent)
        content, known = file.read_bytes(), store.read(file.stem)
        cases = list(damage.every(content, 0, file.suffix == ".json"))
        for what, damaged in rng.sample(cases, min(25, len(cases))):
            file.write_bytes(damaged)
            store._held.clear()
            found = store.read(file.stem)
            assert found is None or repr(found) == repr(known), f"{file}: {what}"
        for what in damage.in_place(file):
            store._held.clear()
            assert store.read(file.stem) is None, what


def alive(at: AppTest) -> bool:
    return not at.exception and not any("could not be drawn" in w.value for w in at.warning)


def training_cases(run: Path) -> Iterable[tuple[str, str]]:
    """Damage the files of a run in some dozens of ways, one after the other."""
    rng = random.Random(0)
    for name in FILES:
        file = run / name
        content = file.read_bytes()
        cases = list(damage.every(content, 0, name.endswith(".json")))
        for what, damaged in rng.sample(cases, 6 if name.endswith(".json") else 3):
            file.write_bytes(damaged)
            yield name, what
        for what in damage.in_place(file):
            if what == "a folder":
                yield name, what
        file.write_bytes(content)


def test_the_training_page_stays_alive_with_a_damaged_run_and_offers_to_delete_it(run: Path) -> None:
    for case in training_cases(run):
        at = opened("train", run="mine")
        assert alive(at), case
        assert any(b.label == "Delete it" for b in at.button), case


def test_every_page_opens_with_stray_cards_and_damaged_results(shipped: Path) -> None:
    good = json.loads(damage.stray().read_bytes())
    denoiser = json.loads((shipped / "n2n-gaussian-50.json").read_text())
    strays: dict[str, Any] = dict(
        recipe=None, title="\ud800", dataset="x", architecture="Oracle", history=[{}], name="digit-cnn"
    )
    for key, value in strays.items():
        (shipped / f"stray-{key}.json").write_text(json.dumps({**good, "name": f"stray-{key}", key: value}))
    (shipped / "stray-noise.json").write_text(json.dumps({**denoiser, "name": "stray-noise", "recipe": {"noise": "x"}}))
    (shipped / "stray-deep.json").write_text(damage.DEEP)
    rng = random.Random(0)
    for file in results(shipped):
        content = file.read_bytes()
        file.write_bytes(rng.choice(list(damage.every(content, 0, file.suffix == ".json")))[1])
    for entry in navigation.PAGES:
        at = opened(entry.name, **PLAIN.get(entry.name, {}))
        assert alive(at), entry.name
        assert at.title, entry.name
        named = [w.value for w in at.warning if "stray" in w.value]
        assert len(named) == (len(strays) + 2 if entry.name == "cards" else 0), (entry.name, named)
    assert all(any(f"stray-{key}" in why for why in networks.damaged().values()) for key in strays)


def test_two_clicks_delete_one_run(run: Path) -> None:
    damage.run("next", QUICK)
    at = opened("train", run="mine")
    assert at.button(key="delete-mine").disabled
    at.checkbox(key="sure-mine").check().run()
    delete = at.button(key="delete-mine")
    delete.click().run()
    assert "mine is deleted." in words(at)
    assert not at.checkbox(key="sure-next").value
    assert at.button(key="delete-next").disabled
    assert [r.id for r in folder.every()] == ["next"]


def test_two_tabs_and_an_old_page_are_answered_in_one_sentence(run: Path) -> None:
    damage.run("next", QUICK)
    one, other = opened("train", run="mine"), opened("train", run="mine")
    for tab in (one, other):
        tab.checkbox(key="sure-mine").check().run()
    one.button(key="delete-mine").click().run()
    other.button(key="delete-mine").click().run()
    assert "There is no run 'mine' any more." in words(other)
    assert [r.id for r in folder.every()] == ["next"]
    assert alive(opened("train", run="mine"))  # reloaded
    old = opened("train", run="next")
    shutil.rmtree(folder.path("next"))
    old.button(key="resume-next").click().run()
    assert "There is no run 'next' any more." in words(old)
    assert alive(old)


def test_damaged_runs_are_deleted_one_at_a_time(run: Path) -> None:
    for name in ("one", "two"):
        folder.path(name).mkdir(parents=True)
    at = opened("train")
    at.checkbox(key="sure-one").check().run()
    at.button(key="delete-one").click().run()
    assert folder.damaged().keys() == {"two"}
    assert at.button(key="delete-two").disabled


def test_an_adopted_network_can_be_removed_but_none_that_ships(run: Path, shipped: Path) -> None:
    control.adopt("mine", "kept")
    with pytest.raises(UserError, match="digit-cnn comes with Noisescope: only an adopted network can be removed"):
        control.discard("digit-cnn")
    at = opened("cards", card="digit-cnn")
    assert not at.checkbox
    one, other = opened("cards", card="kept"), opened("cards", card="kept")
    for tab in (one, other):
        tab.checkbox(key="sure-kept").check().run()
    for tab in (one, other):
        tab.button(key="delete-kept").click().run()
    assert "kept is deleted." in words(one)
    assert "There is no network 'kept' here any more." in words(other)
    assert not list(shipped.glob("kept*"))
    assert checkpoints.there("digit-cnn")
    at = opened("cards", card="kept")
    assert "The address asks for the network 'kept', which is not offered here" in words(at)


def test_a_network_that_a_run_begins_with_stays_until_it_is_done(run: Path, shipped: Path) -> None:
    begun = RECIPES["n2n-gaussian-100"]
    assert isinstance(begun, Denoising)
    checkpoints.save(checkpoints.load("n2n-gaussian-50")[0], replace(checkpoints.read("n2n-gaussian-50"), name="kept"))
    folder.create("mine", replace(begun, start="kept"))
    with pytest.raises(UserError, match=r"^mine begins with kept: delete that run first\.$"):
        control.discard("kept")
    control.delete("mine")
    control.discard("kept")


def test_a_damaged_request_neither_stops_nor_starts_anything(run: Path) -> None:
    now = worker.Work("mine", QUICK, folder.status("mine"))
    (run / "request").write_bytes(b"\xff\xfe")
    assert now.request() not in ("", "stop")
    (run / "request").unlink()
    (run / "request").mkdir()
    assert now.request() == ""
    assert not damage.answered(lambda: control.ask("mine", "stop"))
    assert not damage.answered(lambda: control.resume("mine"))
    assert not folder.alive("mine")


def test_no_status_names_a_process_that_is_none(run: Path) -> None:
    for process in (-1, 10**30, "1", 1.5, None):
        (run / "status.json").write_text(json.dumps({**vars(folder.Status()), "process": process}))
        assert folder.status("mine").process == 0


def test_the_second_half_of_a_double_click_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", dict(presses={}))
    done: list[str] = []
    for drawn in (0, 0, 1):  # the second press is on what was drawn before the first
        presses.pressed(lambda: done.append("launched"), "launch", drawn)
    assert len(done) == 2


def test_of_a_convolutional_classifier_a_run_shows_the_first_layer_too() -> None:
    recipe = RECIPES["digit-cnn"]
    model = recipes.untrained(recipe)
    assert isinstance(model, DigitCNN)
    sample = shown.sampler(recipe)(model)
    assert torch.equal(sample["filters"], model.conv1.weight)
    assert torch.allclose(sample["maps"], model.first(sample["input"][:1])[0], atol=1e-6)
    header, arrays = packing.unpack(strips.epochs([sample, sample]))
    assert [tile["title"] for tile in header["tiles"][-2:]] == ["filter 3", "its map of the first"]
    assert arrays["map 3"].min() == 0
    assert arrays["map 3"].max() == 1


def test_the_digits_a_run_shows_are_of_many_classes_and_unlike_the_mean_of_theirs() -> None:
    test = datasets.load("mnist", "test")
    chosen = shown.unusual(test)
    assert len(set(test.labels[chosen].tolist())) == len(chosen) == shown.SAMPLES
    some = test.part(slice(0, shown.EXAMINED))
    for i in chosen.tolist():
        alike = some.images(some.labels == test.labels[i])
        apart = (alike - alike.mean(0)).square().sum((1, 2, 3))
        assert apart.max() == pytest.approx(float((test.images([i]) - alike.mean(0)).square().sum()), rel=1e-4)
