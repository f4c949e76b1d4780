"""Install what Noisescope needs into the environment of this Python, in the tested versions of constraints.txt.

    .venv/bin/python install.py [-r requirements-dev.txt]     # requirements.txt where nothing is said

The ordinary torch for Linux brings about 2.7 GB of CUDA libraries, which only an NVIDIA GPU can use. Where there is none,
the CPU build of the same version (about 192 MB) is taken from PyTorch's own index, if that answers. Nothing is asked of any
network where the tested torch is installed already, be it either build. macOS and Windows have one build only.
"""

import platform
import re
import subprocess
import sys
from contextlib import suppress
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event, Thread
from urllib.parse import unquote
from urllib.request import urlopen

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
PATIENCE = 5.0  # seconds that the index of CPU builds has to answer in


def gpu() -> bool:
    """Say whether an NVIDIA GPU is at hand: its driver is loaded, or `nvidia-smi` lists one (as under WSL)."""
    if Path("/proc/driver/nvidia/version").exists():
        return True
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and listed.stdout.startswith(b"GPU")


def tested(package: str) -> str:
    """Return the version of `package` in constraints.txt."""
    pins = dict(line.split("==") for line in CONSTRAINTS.read_text().splitlines() if "==" in line)
    return pins[package]


def has_torch() -> bool:
    """Say whether the tested torch is installed, in whichever build."""
    try:
        return version("torch").partition("+")[0] == tested("torch")
    except PackageNotFoundError:
        return False


def offers(index: str, patience: float = PATIENCE) -> bool:
    """Say whether `index` answers within `patience` seconds with a CPU build of the tested torch for this Python."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    wanted = re.compile(rf"torch-{re.escape(tested('torch'))}\+cpu-{python}-[^<\"]*{platform.machine()}\.whl")
    found = Event()

    def ask() -> None:
        with suppress(OSError, HTTPException), urlopen(f"{index}/torch/", timeout=patience) as page:
            if wanted.search(unquote(page.read().decode(errors="replace"))):
                found.set()

    asking = Thread(target=ask, daemon=True)  # a name server may take longer than any timeout of the socket
    asking.start()
    asking.join(patience)
    return found.is_set()


def choose(index: str = CPU_BUILDS) -> tuple[list[str], str]:
    """Return what pip must be told besides, so that it takes the right torch, and a sentence on what it will fetch."""
    if platform.system() != "Linux" or has_torch():
        return [], ""
    if gpu():
        return [], "An NVIDIA GPU is here: the ordinary torch is installed and fetches about 2.7 GB of CUDA."
    if offers(index):
        return ["--extra-index-url", index], "No NVIDIA GPU is here: the CPU build of torch is installed, about 192 MB."
    return [], (
        f"No NVIDIA GPU is here, but {index}, where the CPU build of torch should be, does not offer it: "
        "the ordinary torch is installed, which may fetch about 2.7 GB of CUDA libraries."
    )


def command(arguments: list[str], index: str = CPU_BUILDS) -> list[str]:
    """Return the call of pip that installs `arguments` (pip's own), saying first what it will fetch."""
    extra, sentence = choose(index)
    if sentence:
        print(sentence, flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(CONSTRAINTS)]
    return [*pip, *extra, *(arguments or ["-r", str(ROOT / "requirements.txt")])]


if __name__ == "__main__":
    sys.exit(subprocess.run(command(sys.argv[1:])).returncode)
