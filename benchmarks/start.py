"""How heavy is it to take home? Disk, seconds from the command to the first picture, and memory.

`python -m benchmarks.start [FOLDER]` measures a clone that `make run` has set up (this one where none is named), on the
built-in sample, and needs Chromium. The first start compiles what it imports; the median is of those after it.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

from tests import browser

PORT = 8599
PAGES = ("see", "denoise", "fooled", "quality")


def memory(pid: int) -> tuple[int, int]:
    """Return what process `pid` holds now and the most it ever held, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = {
        name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if "kB" in value
    }
    return kilobytes["VmRSS"] // 1000, kilobytes["VmHWM"] // 1000


def disk(folder: Path) -> int:
    """Return the MB that `folder` takes on the disk."""
    return int(subprocess.run(["du", "-sm", folder], capture_output=True, text=True, check=True).stdout.split()[0])


def start(folder: Path, chromium: Browser) -> tuple[float, dict[str, int]]:
    """Return the seconds from the command to the first picture, and the memory (MB) after it and after more pages."""
    with tempfile.TemporaryDirectory() as empty:
        begun = time.perf_counter()
        command = [
            str(folder / ".venv/bin/python"),
            "-m",
            "app",
            "--server.port",  # also known to versions before --port
            str(PORT),
        ]
        environment = os.environ | {"NOISESCOPE_DATA": empty}
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        try:
            while True:
                try:
                    page.goto(f"http://127.0.0.1:{PORT}/")
                    break
                except Exception:  # Playwright's word for a server that is not up yet
                    time.sleep(0.05)
            page.wait_for_selector(browser.PAINTED, timeout=120_000)
            seconds = time.perf_counter() - begun
            held = {"first picture": memory(process.pid)[0]}
            for name in PAGES:
                page.goto(f"http://127.0.0.1:{PORT}/{name}")
                browser.settled(page)
            now, most = memory(process.pid)
            return seconds, held | {f"{', '.join(PAGES)}": now, "most": most}
        finally:
            page.close()
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def main() -> None:
    """Print the figures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    print(f"disk: .venv {disk(folder / '.venv')} MB, all {disk(folder)} MB; load {os.getloadavg()[0]:.1f}")
    with browser.chromium() as chromium:
        runs = [start(folder, chromium) for _ in range(6)]
    for seconds, held in runs:
        print(f"first picture after {seconds:.1f} s; memory in MB: {held}")
    print(
        f"median of all but the first: {statistics.median(seconds for seconds, _ in runs[1:]):.1f} s; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
