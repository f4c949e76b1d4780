"""Runs: real processes, really killed. They train on the built-in sample, so that a test takes seconds."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from core import Refusal, checkpoints, recipes, runs
from core.losses import L1
from core.noise import BlindGaussian
from core.recipes import PRESETS, RECIPES, Classification, Denoising

pytestmark = pytest.mark.sample

QUICK = Classification("quick", "Quick", "DigitMLP", epochs=3, learning_rate=0.1, momentum=0.9)
LONG = Denoising(
    "long", "Long", BlindGaussian(50.0), L1(), architecture="DigitUNet", dataset="mnist", epochs=40, batch=256
)
ENDLESS = replace(LONG, name="endless", epochs=200, batch=64)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOISESCOPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("NOISESCOPE_DATA", str(tmp_path / "no data"))
    monkeypatch.setenv("NOISESCOPE_SAVE", "0.2")
    yield
    for run in runs.every():
        kill(run.id)


def until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def kill(run: str) -> None:
    """Kill the process of a run as nothing can prevent."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if run.encode() in command and b"--run" in command:
            os.kill(int(folder.name), signal.SIGKILL)
    until(lambda: not runs.alive(run))


def begun(run: str) -> bool:
    return runs.read(run).status.step > 1


def finished(run: str) -> runs.Run:
    until(lambda: not runs.alive(run))
    return runs.read(run)


def test_a_run_trains_in_a_process_of_its_own_and_leaves_its_network_metrics_and_samples() -> None:
    run = runs.launch(QUICK)
    assert runs.read(run).state in runs.ACTIVE
    done = finished(run)
    assert (done.state, done.status.step, done.status.why) == ("done", done.status.steps, "")
    epochs = [line for line in runs.lines(run) if "epoch" in line]
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    assert epochs[-1]["score"] > 0.5
    card, weights = runs.network(run)
    assert card.recipe == json.loads(json.dumps(recipes.record(QUICK)))
    assert checkpoints.digest(weights) == card.sha256
    assert [set(s) for s in runs.samples(run)] == [{"input", "output", "truth"}] * 4
    assert "epoch 3" in runs.log(run)


def test_a_run_killed_at_20_random_moments_ends_with_the_same_weights_to_the_last_bit() -> None:
    straight = runs.launch(LONG)
    assert finished(straight).state == "done"
    moments = random.Random(0)
    run = runs.launch(LONG)
    kills = 0
    for _ in range(20):
        began = runs.read(run).status.beat
        until(lambda began=began: runs.read(run).status.beat > began + 1 or not runs.alive(run))  # type: ignore[misc]
        time.sleep(moments.uniform(0, 0.7))
        kills += runs.alive(run)
        kill(run)
        if runs.read(run).state == "done":
            break
        assert runs.read(run).state == "died"
        runs.resume(run)
    assert kills >= 10
    assert finished(run).state == "done"
    (one, weights), (other, again) = runs.network(straight), runs.network(run)
    assert weights == again
    assert one.history == other.history
    steps = [line["step"] for line in runs.lines(run)]
    assert steps == sorted(steps)


def test_pause_stop_and_resume() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.read(run).status.step > 3)
    runs.ask(run, "pause")
    with pytest.raises(Refusal, match=r"already asked .* to pause|not at work any more"):
        runs.ask(run, "stop")
    paused = finished(run)
    assert paused.state == "paused"
    runs.resume(run)
    until(lambda: runs.read(run).status.step > paused.status.step + 2)
    with pytest.raises(Refusal, match="at work already: somebody was faster"):
        runs.resume(run)
    with pytest.raises(Refusal, match="is at work: stop it first"):
        runs.delete(run)
    runs.ask(run, "stop")
    until(lambda: runs.read(run).state == "stopped")
    runs.resume(run)  # at once, while the process takes its leave
    runs.ask(run, "stop")
    assert finished(run).state == "stopped"
    with pytest.raises(Refusal, match="is not at work any more"):
        runs.ask(run, "stop")


def test_a_terminated_process_saves_and_pauses() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.read(run).status.step > 3)
    subprocess.run(["pkill", "-TERM", "-f", f"[-]-run {run}"], check=True)
    assert finished(run).state == "paused"
    assert runs.path(run, "state.pt").exists()


def test_runs_queue_one_at_a_time_on_a_cpu() -> None:
    first = runs.launch(ENDLESS)
    until(lambda: runs.read(first).state == "running")
    second, third = runs.launch(QUICK), runs.launch(QUICK)
    time.sleep(1)
    assert [runs.read(r).state for r in (first, second, third)] == ["running", "queued", "queued"]
    runs.ask(second, "pause")
    assert finished(second).state == "paused"
    kill(first)
    assert finished(third).state == "done"
    runs.resume(second)
    assert finished(second).state == "done"


def test_of_two_who_press_at_once_one_wins_and_the_other_is_told() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.read(run).status.step > 0)

    def press(what: Callable[[], object]) -> str:
        try:
            what()
            return "done"
        except Refusal as refusal:
            return str(refusal)

    with ThreadPoolExecutor(4) as pool:
        stops = list(pool.map(lambda _: press(lambda: runs.ask(run, "stop")), range(4)))
        until(lambda: not runs.alive(run))
        resumes = list(pool.map(lambda _: press(lambda: runs.resume(run)), range(4)))
        kill(run)
        deletes = list(pool.map(lambda _: press(lambda: runs.delete(run)), range(4)))
    for answers in (stops, resumes, deletes):
        assert answers.count("done") == 1, answers
        assert all(a == "done" or run in a for a in answers)
    assert runs.every() == []


def test_an_adopted_network_is_one_that_can_be_loaded(shelf: Path) -> None:
    run = runs.launch(QUICK)
    finished(run)
    card = runs.adopt(run, "mine")
    model, again = checkpoints.classifier("mine")
    assert again == card
    assert (card.name, card.architecture) == ("mine", "DigitMLP")
    assert model(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    for name in ("mine", "pixels", "fooled-x"):
        with pytest.raises(Refusal, match=f"There is a network, or a table, '{name}' already"):
            runs.adopt(run, name)
    with pytest.raises(Refusal, match="is not the name of a network"):
        runs.adopt(run, "../mine")
    runs.delete(run)
    assert checkpoints.there("mine")
    with pytest.raises(Refusal, match="There is no run"):
        runs.read(run)


def test_a_run_has_no_network_before_its_first_epoch_has_ended() -> None:
    checkpoints.write(runs.path("half", "config.json"), runs._json(recipes.record(QUICK)))
    with pytest.raises(Refusal, match="half has no network yet"):
        runs.network("half")
    assert runs.read("half").state == "died"  # nothing is shown as at work that is not


@pytest.mark.parametrize("name", ["../../x", "/etc", "a/b", "", ".hidden", "A"])
def test_names_that_are_no_runs_are_refused(name: str) -> None:
    for what in (runs.read, runs.resume, runs.delete, runs.network, runs.lines):
        with pytest.raises(Refusal, match="is not the name of a run"):
            what(name)


def test_a_half_written_or_deleted_folder_is_one_sentence_and_hides_no_other() -> None:
    run = runs.launch(QUICK)
    finished(run)
    broken = runs.folder() / "broken"
    shutil.copytree(runs.path(run), broken)
    (broken / "config.json").write_text('{"name": "qui')
    with pytest.raises(Refusal, match="The run broken is damaged: delete it"):
        runs.read("broken")
    (runs.folder() / "empty").mkdir()
    assert [r.id for r in runs.every()] == [run]
    assert runs.damaged() == {
        "broken": "The run broken is damaged: delete it.",
        "empty": "The run empty is only half there: delete it.",
    }
    runs.delete("broken")
    runs.delete("empty")
    assert runs.damaged() == {}
    with open(runs.path(run, "metrics.jsonl"), "a") as file:
        file.write('{"step": 9')  # as a killed process leaves it
    (runs.path(run, "status.json")).write_text("{")
    assert runs.lines(run)[-1] != {"step": 9}
    assert runs.read(run).state == "died"
    shutil.rmtree(runs.path(run))
    with pytest.raises(Refusal, match="There is no run"):
        runs.resume(run)


def test_a_run_whose_folder_is_deleted_while_it_works_ends_and_holds_nobody_up() -> None:
    run, waiting = runs.launch(ENDLESS), runs.launch(ENDLESS)
    until(partial(begun, run))
    shutil.rmtree(runs.path(waiting))
    shutil.rmtree(runs.path(run))
    third = runs.launch(QUICK)
    assert finished(third).state == "done"
    assert [r.id for r in runs.every()] == [third]
    assert not runs.path(run).exists()


def test_a_resumed_run_is_not_taken_for_the_process_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.launch(ENDLESS)
    until(partial(begun, run))
    kill(run)
    old = runs.read(run).status
    assert old.process
    monkeypatch.setattr(os, "kill", None)  # nobody is to be killed
    runs.resume(run)
    found = runs.read(run).status
    assert found.process != old.process
    assert found.beat > old.beat
    monkeypatch.undo()


def test_where_the_disk_is_full_a_run_can_still_be_stopped_and_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.launch(ENDLESS)
    until(partial(begun, run))

    def full(target: Path, content: bytes) -> None:
        raise Refusal(f"{target.name} could not be saved (No space left on device).")

    monkeypatch.setattr(checkpoints, "write", full)
    with pytest.raises(Refusal, match=f"No space left on device.* {run} is asked to pause instead"):
        runs.ask(run, "stop")
    assert finished(run).state == "paused"
    now = runs.Work(run, ENDLESS, runs.read(run).status)
    now.tell(state="failed", why="it speaks")
    assert (runs.read(run).state, runs.read(run).status.why) == ("failed", "it speaks")


def test_a_wish_of_a_killed_process_does_not_stop_the_next() -> None:
    run = runs.launch(QUICK)
    assert finished(run).state == "done"
    checkpoints.write(runs.path(run, "wish"), b"stop")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert runs.work(run) == "done"
    finally:
        signal.signal(signal.SIGTERM, handler)


def test_each_run_takes_free_devices_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic of several GPUs, on a machine that has none: which are locked, and which a process then sees."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    checkpoints.write(runs.path("one", "config.json"), runs._json(recipes.record(QUICK)))
    now = runs.Work("one", QUICK, runs.Status())
    now.tell(queued=1.0)
    with runs._alive("one"):
        now.tell()
        with runs._turn(now, 1):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "4"
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")  # as another process has it
            with runs._turn(now, 2):
                assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,6"
                with open(runs.folder() / ".turn-0", "w") as one, open(runs.folder() / ".turn-1", "w") as two:
                    assert runs._held([one, two], 1) == []


@pytest.mark.parametrize("batch", [256, 1024])
def test_how_long_a_few_large_batches_take_is_measured_too(batch: int) -> None:
    assert runs.estimate(replace(QUICK, batch=batch, epochs=1)) > 0


def test_a_damaged_state_fails_in_one_sentence() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.path(run, "state.pt").exists())
    kill(run)
    runs.path(run, "state.pt").write_bytes(b"garbage not zip")
    runs.resume(run)
    failed = finished(run)
    assert failed.state == "failed"
    assert failed.status.why == f"The state of {run} is damaged: launch it anew."


def test_a_full_disk_is_said_and_the_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where the disk can be made full."""
    checkpoints.write(runs.path("here", "config.json"), runs._json(recipes.record(QUICK)))
    write, told = checkpoints.write, []

    def full(target: Path, content: bytes) -> None:
        if target.name == "status.json":
            told.append(json.loads(content)["why"])
        if target.name in ("state.pt", "network.safetensors") and len(told) < 4:
            raise Refusal(f"{target.name} could not be saved (No space left on device): free some disk space.")
        write(target, content)

    monkeypatch.setattr(checkpoints, "write", full)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert runs.work("here") == "done"
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert any("No space left on device" in why and "The training goes on" in why for why in told)
    assert told[-1] == ""
    assert runs.read("here").state == "done"


def test_memory_that_runs_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.write(runs.path("here", "config.json"), runs._json(recipes.record(QUICK)))

    def train(now: runs.Work, devices: int, nodes: int) -> bool:
        raise MemoryError

    monkeypatch.setattr(runs, "_train", train)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert runs.work("here") == "failed"
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert runs.read("here").status.why == "The memory is full: choose a smaller batch."


def test_a_clock_that_jumps_changes_nothing_but_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    future = runs.launch(QUICK)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    past = runs.launch(QUICK)
    assert finished(future).state == finished(past).state == "done"
    assert [r.id for r in runs.every()] == [future, past]


def test_two_processes_do_not_work_on_one_run() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.read(run).state == "running")
    second = subprocess.run(
        [sys.executable, "-m", "core", "train", "--run", run], cwd=runs.ROOT, capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 1
    assert second.stderr.strip() == f"{run} is at work already."
    assert runs.alive(run)


@pytest.mark.parametrize(
    "recipe", [*RECIPES.values(), *(r for plan in PRESETS.values() for r in plan)], ids=lambda r: r.name
)
def test_every_recipe_is_its_record_read_again(recipe: recipes.Recipe) -> None:
    assert recipes.parse(json.loads(json.dumps(recipes.record(recipe)))) == recipe


def test_a_recipe_refuses_an_impossible_value() -> None:
    with pytest.raises(Refusal, match="Classification: epochs is 0, but it goes from 1 to 200"):
        replace(QUICK, epochs=0)


def test_how_long_it_takes_is_measured() -> None:
    assert 0 < runs.estimate(QUICK, batches=2) < 600


def test_metrics_become_tensorboards_events_where_it_is_installed() -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = runs.launch(QUICK)
    finished(run)
    file = runs.folder() / "events.out.tfevents.1"
    file.write_bytes(runs.tensorboard(run))
    events = event_accumulator.EventAccumulator(str(file))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "epoch loss", "epoch score"}
    assert len(events.Scalars("epoch score")) == QUICK.epochs


def test_a_run_is_never_seen_dead_while_it_starts() -> None:
    run = runs.launch(QUICK)
    while runs.read(run).state != "done":
        assert runs.read(run).state in (*runs.ACTIVE, "done")


def test_a_run_can_be_gone_on_with_from_the_command_line() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.read(run).status.step > 1)
    runs.ask(run, "pause")
    finished(run)
    process = subprocess.Popen([sys.executable, "-m", "core", "train", "--run", run], cwd=runs.ROOT)
    until(lambda: runs.read(run).state == "running")
    process.terminate()
    assert process.wait(60) == 0
    assert finished(run).state == "paused"


def test_a_run_goes_on_on_two_devices_to_the_same_losses(tmp_path: Path) -> None:
    """Over gloo, on this machine's processor; paused in the middle, by a wish that both processes follow."""
    ends = {}
    for devices in ("1", "2"):
        run = runs.launch(replace(LONG, epochs=3))
        until(partial(begun, run))
        runs.ask(run, "pause")
        finished(run)
        command = [sys.executable, "-m", "core", "train", "--run", run, "--devices", devices]
        subprocess.run(command, cwd=runs.ROOT, check=True, timeout=300)
        assert runs.read(run).state == "done"
        ends[devices] = [line["loss"] for line in runs.lines(run) if "epoch" in line]
    assert len(ends["1"]) == 3
    assert ends["2"] == pytest.approx(ends["1"], rel=2e-3)


def test_a_run_does_not_go_on_with_other_data() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.path(run, "state.pt").exists())
    kill(run)
    state = torch.load(runs.path(run, "state.pt"), weights_only=True)
    torch.save({**state, "data": "other digits"}, runs.path(run, "state.pt"))
    runs.resume(run)
    failed = finished(run)
    assert failed.state == "failed"
    assert failed.status.why.startswith(f"{run} began on other digits; here is ")


def test_a_process_that_hangs_can_be_ended_and_the_run_goes_on() -> None:
    run = runs.launch(ENDLESS)
    until(lambda: runs.path(run, "state.pt").exists() and runs.read(run).status.process)
    process = runs.read(run).status.process
    os.kill(process, signal.SIGSTOP)
    beat = runs.read(run).status.beat
    time.sleep(1)
    hung = runs.read(run)
    assert (hung.state, hung.status.beat) == ("running", beat)
    runs.end(run)
    until(lambda: runs.read(run).state == "died")
    with pytest.raises(Refusal, match="is not at work any more"):
        runs.end(run)
    runs.resume(run)
    until(lambda: runs.read(run).state == "running" and runs.read(run).status.process != process)
