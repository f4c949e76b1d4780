"""Which torch is installed: from a small index on this machine that has the CPU build, one that has not, and none."""

import os
import platform
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import install

ROOT = Path(__file__).parents[1]
TESTED = install.tested("torch")
linux = pytest.mark.skipif(platform.system() != "Linux", reason="the small wheels are for Linux")


def add_torch(index: Path, build: str) -> None:
    """Put an empty torch of the tested version into `index`, a folder to be served."""
    shelf = index / "torch"
    shelf.mkdir(parents=True)
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    name = f"torch-{TESTED}{build}-{python}-{python}-linux_{platform.machine()}.whl"
    info = f"torch-{TESTED}{build}.dist-info"
    with zipfile.ZipFile(shelf / name, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {TESTED}{build}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    (shelf / "index.html").write_text(f'<a href="{name.replace("+", "%2B")}">{name}</a>')


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """Serve two indexes: `ordinary` and, with the CPU build, `cpu`; `old` has a torch of another version."""
    add_torch(tmp_path / "ordinary", "")
    add_torch(tmp_path / "cpu", "+cpu")
    (tmp_path / "old" / "torch").mkdir(parents=True)
    (tmp_path / "old" / "torch" / "index.html").write_text("torch-1.0.0+cpu-cp311-cp311-linux_x86_64.whl")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand on a Linux without torch and without a GPU."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(install, "has_torch", lambda: False)
    monkeypatch.setattr(install, "gpu", lambda: False)


def installed(shop: str, index: str, target: Path) -> str:
    """Run what `install.py` would run for torch, into `target`, and return the version that came."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    settings = dict(PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=f"{shop}/ordinary", PIP_NO_CACHE_DIR="1")
    subprocess.run([*install.command(["--target", str(target), "torch"], index)], env=ours | settings, check=True)
    return next(target.glob("torch-*.dist-info")).name.removeprefix("torch-").removesuffix(".dist-info")


@linux
@pytest.mark.usefixtures("bare")
def test_the_cpu_build_comes_where_its_index_has_it(
    shop: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert installed(shop, f"{shop}/cpu", tmp_path / "here") == f"{TESTED}+cpu"
    assert "192 MB" in capfd.readouterr().out


@linux
@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("index", ["old", "nothing-here"])
def test_else_the_ordinary_one_with_a_sentence(
    shop: str, index: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert installed(shop, f"{shop}/{index}", tmp_path / "here") == TESTED
    assert re.search(r"does not offer it: the ordinary torch .* 2\.7 GB", capfd.readouterr().out)


@pytest.mark.usefixtures("bare")
def test_an_index_that_cannot_be_reached_costs_no_time() -> None:
    with create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    extra, sentence = install.choose(f"http://127.0.0.1:{port}")
    assert not extra
    assert "2.7 GB" in sentence
    with create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        start = time.monotonic()
        assert not install.offers(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=0.5)
        assert time.monotonic() - start < 30


@pytest.mark.usefixtures("bare")
def test_a_gpu_gets_the_ordinary_build_and_other_systems_are_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> bool:
        raise AssertionError("no index is asked")

    monkeypatch.setattr(install, "offers", never)
    for system in ("Darwin", "Windows"):
        monkeypatch.setattr(platform, "system", lambda system=system: system)
        assert install.choose() == ([], "")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(install, "gpu", lambda: True)
    extra, sentence = install.choose()
    assert not extra
    assert "NVIDIA GPU is here" in sentence
    monkeypatch.setattr(install, "has_torch", lambda: True)  # and where torch is installed, nothing is asked or said
    assert install.choose() == ([], "")


def test_a_gpu_is_one_that_nvidia_smi_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("a GPU is here")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not install.gpu()
    tool = tmp_path / "nvidia-smi"
    for lines, found in (("echo 'GPU 0: a card'", True), ("echo 'No devices were found'", False), ("exit 9", False)):
        tool.write_text(f"#!/bin/sh\n{lines}\n")
        tool.chmod(0o755)
        assert install.gpu() is found


def test_every_requirement_has_a_range_and_a_tested_version_in_it() -> None:
    pins = dict(line.split("==") for line in install.CONSTRAINTS.read_text().splitlines() if "==" in line)
    assert not [pin for pin in pins.values() if "+" in pin]  # a local version is on one index and not on another
    names = {canonicalize_name(name): pin for name, pin in pins.items()}
    for file in ("requirements.txt", "requirements-dev.txt"):
        lines = [line.strip() for line in (ROOT / file).read_text().splitlines()]
        for need in [Requirement(line) for line in lines if line and line[0] not in "#-"]:
            assert {clause.operator for clause in need.specifier} == {">=", "<"}, need
            assert need.specifier.contains(names[canonicalize_name(need.name)]), need
