"""The same pieces of work on threads and on a Ray cluster, of which a worker is killed in the middle."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from core import UserError, parallel
from core.parallel import imap, spread


def test_a_container_has_as_many_cores_as_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(parallel, "QUOTA", tmp_path / "cpu.max")
    assert parallel.cores() == 16
    for said, cores in (
        ("200000 100000", 2),
        ("50000 100000", 1),
        ("9900000 100000", 16),
        ("max 100000", 16),
        ("", 16),
    ):
        (tmp_path / "cpu.max").write_text(f"{said}\n")
        assert parallel.cores() == cores


def test_results_come_in_order_and_no_further_than_asked_for() -> None:
    begun: list[int] = []

    def task(k: int) -> int:
        begun.append(k)
        time.sleep(0.01 * (k % 3))
        return k * k

    assert list(imap(task, range(20), workers=3)) == [k * k for k in range(20)]
    begun.clear()
    found = imap(task, range(20), workers=3)
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]
    assert len(begun) <= 3


def test_what_goes_wrong_in_a_piece_reaches_the_caller() -> None:
    def task(k: int) -> int:
        raise UserError(f"{k} is not to be had.")

    with pytest.raises(UserError, match=r"0 is not to be had\."):
        list(imap(task, [0, 1], workers=2))


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="RAY_ADDRESS is set, but Ray is not installed"):
        list(spread(abs, [1]))


def test_what_is_not_an_experiment_never_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor's photograph, say: `imap` knows no cluster, and nothing that shows pictures knows `spread`."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert list(imap(abs, [-1, 2], workers=2)) == [1, 2]
    root = Path(__file__).parents[1]
    users = {f for f in root.rglob("[!.]*.py") if ".venv" not in f.parts and "spread(" in f.read_text()}
    assert {f.parent.relative_to(root).as_posix() for f in users if "parallel" in f.read_text()} <= {
        "core", "core/experiments", "tests",
    }  # fmt: skip


def test_nobody_waits_for_the_slowest_while_there_is_other_work() -> None:
    """The first piece ends only when six others have been done, which is more than a wave of two."""
    done = threading.Semaphore(0)

    def task(k: int) -> int:
        if k:
            done.release()
        elif not all(done.acquire(timeout=60) for _ in range(6)):
            return -1
        return k

    assert list(imap(task, range(20), workers=2)) == list(range(20))


def test_a_cluster_gives_the_same_though_a_worker_is_killed(tmp_path: Path) -> None:
    """A Ray of two workers on this machine; measured in processes of their own, for the tests' checks cannot be pickled."""
    ray = pytest.importorskip("ray")
    root = Path(__file__).parents[1]
    address = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False).address_info["address"]
    try:
        found = []
        for name, where in (("cluster", dict(RAY_ADDRESS=address)), ("here", {})):
            file = tmp_path / name
            command = [sys.executable, "-m", "tests.clustered", str(file)]
            environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", **where}
            process = subprocess.Popen(command, cwd=root, env=environment)
            killed = kill_one(process) if where else 0
            assert process.wait(300) == 0
            assert killed or not where, "no worker was caught at work"
            found.append(torch.load(file, weights_only=True))
    finally:
        ray.shutdown()
    assert torch.equal(found[0]["counts"], found[1]["counts"])
    assert torch.allclose(found[0]["tables"], found[1]["tables"], atol=1e-3)


def kill_one(process: "subprocess.Popen[bytes]") -> int:
    """Kill a worker of the cluster that is at work on a piece; return its process, 0 where none was found."""
    while process.poll() is None:
        workers = subprocess.run(["pgrep", "-f", "^ray::done"], capture_output=True, text=True).stdout.split()
        if workers:
            os.kill(int(workers[0]), signal.SIGKILL)
            return int(workers[0])
        time.sleep(0.005)
    return 0
