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
from io import BytesIO
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from core import UserError, checkpoints
from core.noise import BlindGaussian
from core.runs import control, folder, slots, states, terminal, worker
from core.training import recipes
from core.training.losses import L1
from core.training.recipes import PRESETS, RECIPES, Classification, Denoising

pytestmark = pytest.mark.sample

QUICK = Classification("quick", "Quick", "DigitMLP", epochs=3, learning_rate=0.1, momentum=0.9)
LONG = Denoising(
    "long", "Long", BlindGaussian(50.0), L1(), architecture="DigitUNet", dataset="mnist", epochs=8, batch=128
)
ENDLESS = replace(
    LONG, name="endless", epochs=200, batch=64, synthetic=0.0
)  # no dead leaves: they take seconds to draw
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.test_runs", "tests.forked"])


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOISESCOPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("NOISESCOPE_DATA", str(tmp_path / "no data"))
    monkeypatch.setenv("NOISESCOPE_SAVE", "0.2")
    yield
    for run in folder.every():
        kill(run.id)


def until(true: Callable[[], object], seconds: float = 400) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def kill(run: str) -> None:
    """Kill the process of a run as nothing can prevent."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if run.encode() in command and b"--run" in command:
            os.kill(int(process.name), signal.SIGKILL)
    until(lambda: not folder.alive(run))


def begun(run: str) -> bool:
    return folder.read(run).status.step > 1


def go_on(run: str, settings: dict[str, str]) -> None:
    """Do in this process what `python -m core train --run` does."""
    os.environ.update(settings)
    terminal.go_on(run)


def forked(run: str) -> ForkServerProcess:
    """Go on with a run in a process of its own that is forked and begins at once, where a launched one first imports for seconds."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("NOISESCOPE_")}
    process = FORKS.Process(target=go_on, args=(run, settings))
    process.start()
    return process


def finished(run: str) -> folder.Run:
    until(lambda: not folder.alive(run))
    return folder.read(run)


def test_a_run_trains_in_a_process_of_its_own_and_leaves_its_network_metrics_and_samples() -> None:
    run = control.launch(QUICK)
    assert folder.read(run).state in folder.ACTIVE
    done = finished(run)
    assert (done.state, done.status.step, done.status.why) == ("done", done.status.steps, "")
    epochs = [line for line in folder.lines(run) if "epoch" in line]
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    assert epochs[-1]["score"] > 0.5
    card, weights = folder.network(run)
    assert card.recipe == json.loads(json.dumps(recipes.record(QUICK)))
    assert checkpoints.digest(weights) == card.sha256
    assert [set(s) for s in folder.samples(run)] == [{"input", "output", "truth"}] * 4
    assert "epoch 3" in folder.log(run)


def test_a_run_killed_at_20_random_moments_ends_with_the_same_weights_to_the_last_bit() -> None:
    folder.create("straight", LONG)
    clock = time.monotonic()
    forked("straight").join()
    took = time.monotonic() - clock
    moments, run = random.Random(0), control.launch(LONG)
    until(partial(begun, run))
    kill(run)
    reached = [folder.status(run).step]
    for k in range(20):
        assert folder.read(run).state == "died"
        began = folder.status(run).beat
        process = forked(run)
        until(lambda began=began: folder.status(run).beat > began + 1)  # type: ignore[misc]
        if k % 2:  # half of them come on, however busy the machine is
            until(lambda: folder.status(run).step > reached[-1])
        time.sleep(moments.uniform(0, took / 40))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL  # it had not come to its end
        reached.append(folder.status(run).step)
    assert len({*reached}) > 10
    control.resume(run)
    assert finished(run).state == "done"
    (one, weights), (other, again) = folder.network("straight"), folder.network(run)
    assert weights == again
    assert one.history == other.history
    steps = [line["step"] for line in folder.lines(run)]
    assert steps == sorted(steps)


def test_pause_stop_and_resume() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.read(run).status.step > 3)
    control.ask(run, "pause")
    with pytest.raises(UserError, match=r"already asked .* to pause|not at work any more"):
        control.ask(run, "stop")
    paused = finished(run)
    assert paused.state == "paused"
    control.resume(run)
    until(lambda: folder.read(run).status.step > paused.status.step + 2)
    with pytest.raises(UserError, match="at work already: somebody was faster"):
        control.resume(run)
    with pytest.raises(UserError, match="is at work: stop it first"):
        control.delete(run)
    control.ask(run, "stop")
    until(lambda: folder.read(run).state == "stopped")
    control.resume(run)  # at once, while the process takes its leave
    control.ask(run, "stop")
    assert finished(run).state == "stopped"
    with pytest.raises(UserError, match="is not at work any more"):
        control.ask(run, "stop")


def test_a_terminated_process_saves_and_pauses() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.read(run).status.step > 3)
    subprocess.run(["pkill", "-TERM", "-f", f"[-]-run {run}"], check=True)
    assert finished(run).state == "paused"
    assert folder.path(run, "state.pt").exists()


def test_runs_queue_one_at_a_time_on_a_cpu() -> None:
    first = control.launch(ENDLESS)
    until(lambda: folder.read(first).state == "running")
    second, third = control.launch(QUICK), control.launch(QUICK)
    time.sleep(1)
    assert [folder.read(r).state for r in (first, second, third)] == ["running", "queued", "queued"]
    control.ask(second, "pause")
    assert finished(second).state == "paused"
    kill(first)
    assert finished(third).state == "done"
    control.resume(second)
    assert finished(second).state == "done"


def test_of_two_who_press_at_once_one_wins_and_the_other_is_told() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.read(run).status.step > 0)

    def press(what: Callable[[], object]) -> str:
        try:
            what()
            return "done"
        except UserError as refusal:
            return str(refusal)

    with ThreadPoolExecutor(4) as pool:
        stops = list(pool.map(lambda _: press(lambda: control.ask(run, "stop")), range(4)))
        until(lambda: not folder.alive(run))
        resumes = list(pool.map(lambda _: press(lambda: control.resume(run)), range(4)))
        kill(run)
        deletes = list(pool.map(lambda _: press(lambda: control.delete(run)), range(4)))
    for answers in (stops, resumes, deletes):
        assert answers.count("done") == 1, answers
        assert all(a == "done" or run in a for a in answers)
    assert folder.every() == []


def test_an_adopted_network_is_one_that_can_be_loaded(shelf: Path) -> None:
    run = control.launch(QUICK)
    finished(run)
    card = control.adopt(run, "mine")
    model, again = checkpoints.classifier("mine")
    assert again == card
    assert (card.name, card.architecture) == ("mine", "DigitMLP")
    assert model(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    for name in ("mine",):
        with pytest.raises(UserError, match=f"There is a network '{name}' already"):
            control.adopt(run, name)
    with pytest.raises(UserError, match="is not the name of a network"):
        control.adopt(run, "../mine")
    control.delete(run)
    assert checkpoints.there("mine")
    with pytest.raises(UserError, match="There is no run"):
        folder.read(run)


def test_a_run_has_no_network_before_its_first_epoch_has_ended() -> None:
    checkpoints.write(folder.path("half", "config.json"), folder.encoded(recipes.record(QUICK)))
    with pytest.raises(UserError, match="half has no network yet"):
        folder.network("half")
    assert folder.read("half").state == "died"  # nothing is shown as at work that is not


@pytest.mark.parametrize("name", ["../../x", "/etc", "a/b", "", ".hidden", "A"])
def test_names_that_are_no_runs_are_refused(name: str) -> None:
    for what in (folder.read, control.resume, control.delete, folder.network, folder.lines):
        with pytest.raises(UserError, match="is not the name of a run"):
            what(name)


def test_a_half_written_or_deleted_folder_is_one_sentence_and_hides_no_other() -> None:
    run = control.launch(QUICK)
    finished(run)
    broken = folder.root() / "broken"
    shutil.copytree(folder.path(run), broken)
    (broken / "config.json").write_text('{"name": "qui')
    with pytest.raises(UserError, match="The run broken is damaged: delete it"):
        folder.read("broken")
    (folder.root() / "empty").mkdir()
    assert [r.id for r in folder.every()] == [run]
    assert folder.damaged() == {
        "broken": "The run broken is damaged: delete it.",
        "empty": "The run empty is only half there: delete it.",
    }
    control.delete("broken")
    control.delete("empty")
    assert folder.damaged() == {}
    with open(folder.path(run, "metrics.jsonl"), "a") as file:
        file.write('{"step": 9')  # as a killed process leaves it
    (folder.path(run, "status.json")).write_text("{")
    assert folder.lines(run)[-1] != {"step": 9}
    assert folder.read(run).state == "died"
    shutil.rmtree(folder.path(run))
    with pytest.raises(UserError, match="There is no run"):
        control.resume(run)


def deleted(place: Path) -> bool:
    """Delete a folder that its process may be writing to at that very moment; say whether it is gone."""
    shutil.rmtree(place, ignore_errors=True)
    return not place.exists()


def test_a_run_whose_folder_is_deleted_while_it_works_ends_and_holds_nobody_up() -> None:
    run, waiting = control.launch(ENDLESS), control.launch(ENDLESS)
    until(partial(begun, run))
    for gone in (waiting, run):
        until(partial(deleted, folder.path(gone)))
    third = control.launch(QUICK)
    assert finished(third).state == "done"
    assert [r.id for r in folder.every()] == [third]
    until(partial(deleted, folder.path(run)))  # a file under way may have brought its folder back


def test_a_resumed_run_is_not_taken_for_the_process_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    run = control.launch(ENDLESS)
    until(partial(begun, run))
    kill(run)
    old = folder.read(run).status
    assert old.process
    monkeypatch.setattr(os, "kill", None)  # nobody is to be killed
    control.resume(run)
    found = folder.read(run).status
    assert found.process != old.process
    assert found.beat > old.beat
    monkeypatch.undo()


def test_where_the_disk_is_full_a_run_can_still_be_stopped_and_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    run = control.launch(ENDLESS)
    until(partial(begun, run))

    def full(target: Path, content: bytes) -> None:
        raise checkpoints.Unsaved(f"{target.name} could not be saved (No space left on device).")

    monkeypatch.setattr(checkpoints, "write", full)
    with pytest.raises(UserError, match=f"No space left on device.* {run} is asked to pause instead"):
        control.ask(run, "stop")
    assert finished(run).state == "paused"
    now = worker.Work(run, ENDLESS, folder.read(run).status)
    now.tell(state="failed", why="it speaks")
    assert (folder.read(run).state, folder.read(run).status.why) == ("failed", "it speaks")


def test_a_request_of_a_killed_process_does_not_stop_the_next() -> None:
    run = control.launch(QUICK)
    assert finished(run).state == "done"
    checkpoints.write(folder.path(run, "request"), b"stop")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert worker.work(run) == "done"
    finally:
        signal.signal(signal.SIGTERM, handler)


def test_each_run_takes_free_devices_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic of several GPUs, on a machine that has none: which are locked, and which a process then sees."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    checkpoints.write(folder.path("one", "config.json"), folder.encoded(recipes.record(QUICK)))
    now = worker.Work("one", QUICK, folder.Status())
    now.tell(queued=1.0)
    with worker._alive("one"):
        now.tell()
        with slots.slot("one", 1, now.waits):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "4"
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")  # as another process has it
            with slots.slot("one", 2, now.waits):
                assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,6"
                with open(folder.root() / ".slot-0", "w") as one, open(folder.root() / ".slot-1", "w") as two:
                    assert slots.held([one, two], 1) == []


@pytest.mark.parametrize("batch", [256, 1024])
def test_how_long_a_few_large_batches_take_is_measured_too(batch: int) -> None:
    assert control.estimate(replace(QUICK, batch=batch, epochs=1)) > 0


def test_a_damaged_state_fails_in_one_sentence() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.path(run, "state.pt").exists())
    kill(run)
    for name in states.NAMES:
        folder.path(run, name).write_bytes(b"garbage not zip")
    control.resume(run)
    failed = finished(run)
    assert failed.state == "failed"
    assert failed.status.why == f"The state of {run} is damaged, and none before it is whole: launch it anew."


def test_a_full_disk_is_said_and_the_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where the disk can be made full."""
    checkpoints.write(folder.path("here", "config.json"), folder.encoded(recipes.record(QUICK)))
    write, told = checkpoints.write, []

    def full(target: Path, content: bytes) -> None:
        if target.name == "status.json":
            told.append(json.loads(content)["why"])
        if target.name in ("state.pt", "network.safetensors") and len(told) < 4:
            raise checkpoints.Unsaved(
                f"{target.name} could not be saved (No space left on device): free some disk space."
            )
        write(target, content)

    monkeypatch.setattr(checkpoints, "write", full)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert worker.work("here") == "done"
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert any("No space left on device" in why and "The training goes on" in why for why in told)
    assert told[-1] == ""
    assert folder.read("here").state == "done"


def test_memory_that_runs_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.write(folder.path("here", "config.json"), folder.encoded(recipes.record(QUICK)))

    def train(now: worker.Work, devices: int, nodes: int) -> bool:
        raise MemoryError

    monkeypatch.setattr(worker, "_train", train)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert worker.work("here") == "failed"
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert folder.read("here").status.why == "The memory is full: choose a smaller batch."


def test_a_clock_that_jumps_changes_nothing_but_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    future = control.launch(QUICK)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    past = control.launch(QUICK)
    assert finished(future).state == finished(past).state == "done"
    assert [r.id for r in folder.every()] == [future, past]


def test_two_processes_do_not_work_on_one_run() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.read(run).state == "running")
    second = subprocess.run(
        [sys.executable, "-m", "core", "train", "--run", run],
        cwd=folder.ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert second.returncode == 1
    assert second.stderr.strip() == f"{run} is at work already."
    assert folder.alive(run)


@pytest.mark.parametrize(
    "recipe", [*RECIPES.values(), *(r for plan in PRESETS.values() for r in plan)], ids=lambda r: r.name
)
def test_every_recipe_is_its_record_read_again(recipe: recipes.Recipe) -> None:
    assert recipes.parse(json.loads(json.dumps(recipes.record(recipe)))) == recipe


def test_a_recipe_refuses_an_impossible_value() -> None:
    with pytest.raises(UserError, match="Classification: epochs is 0, but it goes from 1 to 200"):
        replace(QUICK, epochs=0)


def test_how_long_it_takes_is_measured() -> None:
    assert 0 < control.estimate(QUICK, batches=2) < 600


def test_metrics_become_tensorboards_events_where_it_is_installed() -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = control.launch(QUICK)
    finished(run)
    file = folder.root() / "events.out.tfevents.1"
    file.write_bytes(control.tensorboard(run))
    events = event_accumulator.EventAccumulator(str(file))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "epoch loss", "epoch score"}
    assert len(events.Scalars("epoch score")) == QUICK.epochs


def test_a_run_is_never_seen_dead_while_it_starts() -> None:
    run = control.launch(QUICK)
    while folder.read(run).state != "done":
        assert folder.read(run).state in (*folder.ACTIVE, "done")


def test_a_run_can_be_gone_on_with_from_the_command_line() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.read(run).status.step > 1)
    control.ask(run, "pause")
    finished(run)
    process = subprocess.Popen([sys.executable, "-m", "core", "train", "--run", run], cwd=folder.ROOT)
    until(lambda: folder.read(run).state == "running")
    process.terminate()
    assert process.wait(300) == 0
    assert finished(run).state == "paused"


def test_a_run_goes_on_on_two_devices_to_the_same_losses(tmp_path: Path) -> None:
    """Over gloo, on this machine's processor; paused in the middle, by a request that both processes follow."""
    ends, paused = {}, control.launch(replace(LONG, epochs=3))
    until(partial(begun, paused))
    control.ask(paused, "pause")
    finished(paused)
    for devices in ("1", "2"):
        run = f"on-{devices}"
        shutil.copytree(folder.path(paused), folder.path(run))
        command = [sys.executable, "-m", "core", "train", "--run", run, "--devices", devices]
        subprocess.run(command, cwd=folder.ROOT, check=True, timeout=300)
        assert folder.read(run).state == "done"
        ends[devices] = [line["loss"] for line in folder.lines(run) if "epoch" in line]
    assert len(ends["1"]) == 3
    assert ends["2"] == pytest.approx(ends["1"], rel=2e-3)


def test_a_run_does_not_go_on_with_other_data() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.path(run, "state.pt").exists())
    kill(run)
    state = {**states.read(folder.path(run, "state.pt")), "data": "other digits"}
    torch.save(state, file := BytesIO())
    folder.path(run, "state.pt").write_bytes(checkpoints.digest(file.getvalue()).encode() + file.getvalue())
    control.resume(run)
    failed = finished(run)
    assert failed.state == "failed"
    assert failed.status.why.startswith(f"{run} began on other digits; here is ")


def test_a_process_that_hangs_can_be_ended_and_the_run_goes_on() -> None:
    run = control.launch(ENDLESS)
    until(lambda: folder.path(run, "state.pt").exists() and folder.read(run).status.process)
    process = folder.read(run).status.process
    os.kill(process, signal.SIGSTOP)
    until(lambda: "\nState:\tT" in Path(f"/proc/{process}/status").read_text())
    beat = folder.read(run).status.beat
    time.sleep(1)
    hung = folder.read(run)
    assert (hung.state, hung.status.beat) == ("running", beat)
    control.end(run)
    until(lambda: folder.read(run).state == "died")
    with pytest.raises(UserError, match="is not at work any more"):
        control.end(run)
    control.resume(run)
    until(lambda: folder.read(run).state == "running" and folder.read(run).status.process != process)


def test_an_estimate_that_takes_too_much_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own: this one goes on."""
    monkeypatch.setattr(control, "MEMORY", 300)
    with pytest.raises(UserError, match="take more than 300 MB of memory: choose a smaller batch"):
        control.estimate(replace(LONG, batch=1024), batches=1)
    monkeypatch.setattr(control, "PATIENCE", 0.1)
    with pytest.raises(UserError, match=r"take more than .* seconds: choose a smaller batch"):
        control.estimate(LONG, batches=1)
    monkeypatch.setattr(control, "PATIENCE", 60.0)
    with pytest.raises(UserError, match="There is no network 'nobody'"):
        control.estimate(replace(LONG, start="nobody"), batches=1)


def test_of_metrics_only_what_is_new_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    folder.create("one", QUICK)
    file, reader, read = folder.path("one", "metrics.jsonl"), folder.Metrics("one"), []
    loads = json.loads

    def counted(line: bytes, **how: Any) -> dict[str, float]:
        read.append(line)
        return dict(loads(line, **how))

    monkeypatch.setattr(json, "loads", counted)
    assert reader.lines() == []
    file.write_text('{"step": 1, "loss": 1}\n{"step": 2, "loss": 1}\n{"st')
    assert reader.lines() == [{"step": 1, "loss": 1}, {"step": 2, "loss": 1}]
    with file.open("a") as more:
        more.write('ep": 3, "loss": 1}\n')
    assert reader.lines() == [{"step": 1, "loss": 1}, {"step": 2, "loss": 1}, {"step": 3, "loss": 1}]
    assert len(read) == 3
    for anew in (
        '{"step": 1, "loss": 1}\n',
        '{"step": 1, "loss": 1}\n{"step": 4, "loss": 1}\n{"step": 5, "loss": 1}\n{"step": 6, "loss": 1}\n',
    ):  # a resumed run's
        checkpoints.write(file, anew.encode())
        assert reader.lines() == [loads(line) for line in anew.splitlines()]
