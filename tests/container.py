"""The Dockerfile's commands without an engine: in a copy-on-write view of this machine, then read-only, as process 1 and not as root.

`python` is this environment's, where all that is needed is installed: nothing is fetched. It takes Linux, root and util-linux.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# One after the other what an engine does for FROM, COPY, RUN, VOLUME, --read-only --tmpfs /tmp, USER, ENV, WORKDIR and CMD.
STEPS = """
mount -t tmpfs box "$BOX"; R="$BOX/root"; mkdir "$BOX/upper" "$BOX/work" "$R"
mount -t overlay overlay -o "lowerdir=/,upperdir=$BOX/upper,workdir=$BOX/work" "$R"
mount -t proc proc "$R/proc"; mount --rbind /dev "$R/dev"; chmod 755 "$R/root"
sed -i "/:$AS:/d" "$R/etc/passwd" "$R/etc/group"
mkdir -p "$R$HERE"; cp -r "$CONTEXT/." "$R$HERE"
chroot "$R" sh -ec "export PIP_NO_INDEX=1; cd $HERE; $RUNS"
cp -a "$R$VOLUME/." "$DATA"; chown --reference="$R$VOLUME" "$DATA"
mount --bind "$DATA" "$R$VOLUME"; mount -t tmpfs tmp "$R/tmp"; mount -o remount,ro "$R"
exec chroot "$R" setpriv --reuid="$AS" --regid="$AS" --clear-groups --no-new-privs --bounding-set=-all \\
    env -i $SETTINGS sh -c "cd $HERE; exec $COMMAND"
"""


def able() -> bool:
    """Say whether this machine lets us do so."""
    tools = all(map(shutil.which, ("unshare", "setpriv", "chroot", "useradd")))
    seen = not Path(sys.prefix).resolve().is_relative_to("/tmp")  # where the box has a folder of its own
    return (
        sys.platform == "linux"
        and os.geteuid() == 0
        and seen
        and tools
        and not os.system("unshare --mount --pid --fork true")
    )


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions and what each is given."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, given) for name, _, given in (line.partition(" ") for line in lines if line)]


def settings() -> dict[str, str]:
    """Return what ENV says."""
    return dict(pair.split("=", 1) for name, given in instructions() if name == "ENV" for pair in given.split())


def rules() -> list[str]:
    """Return what .dockerignore says."""
    return [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]


def ignored(path: str) -> bool:
    """Say whether .dockerignore keeps a file out: the last rule that speaks of it, or of a folder it lies in, counts."""
    out = False
    for rule in rules():
        pattern = re.escape(rule.lstrip("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{pattern}(/.*)?", path):
            out = not rule.startswith("!")
    return out


def context() -> list[Path]:
    """Return the files that COPY . . copies, from the root."""
    named = [ROOT / rule[1:] for rule in rules() if rule.startswith("!")]
    files = [file for place in named for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()]
    found = [file.relative_to(ROOT) for file in files]
    return [file for file in found if not ignored(file.as_posix())]


@contextmanager
def running(folder: Path, log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Build and run the container until the block ends, with `more` environment; its volume is `folder`/data."""
    box, copy, data = (folder / name for name in ("box", "context", "data"))
    for place in (box, copy, data):
        place.mkdir(parents=True)
    for file in context():
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, copy / file)
    said = dict(instructions())
    given = dict(
        BOX=str(box),
        CONTEXT=str(copy),
        DATA=str(data),
        HERE=said["WORKDIR"],
        RUNS="; ".join(given for name, given in instructions() if name == "RUN"),
        VOLUME=said["VOLUME"],
        AS=said["USER"],
        SETTINGS=" ".join(f"{name}={value}" for name, value in {"PATH": PATH, **settings(), **more}.items()),
        COMMAND=shlex.join(json.loads(said["CMD"])),
    )
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", STEPS]
    with open(log, "w") as out:
        process = subprocess.Popen(command, env={"PATH": PATH, **given}, stdout=out, stderr=out, start_new_session=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
