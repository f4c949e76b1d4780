"""Online: in a container, behind nginx and Caddy, by `streamlit run`, as a service, as a Space; and what the log says of it all."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
from PIL import Image, ImageDraw
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests import container
from tests.test_uploads import saved

playwright = pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, FilePayload, FrameLocator, Page, expect

from tests import browser as driver

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
LIMIT = 40_000_000  # bytes of an upload, .streamlit/config.toml
chromium_here = pytest.mark.skipif(driver.executable() is None, reason="no Chromium on this machine")
pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("deploy")]


def free() -> int:
    """Return a port that nobody listens to."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Answer(NamedTuple):
    """What a proxy answered."""

    status: int
    cookie: str
    text: str


def line(port: int) -> ssl.SSLSocket:
    """Connect to lab.localhost at a port, whoever signed its certificate."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return trusting.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname="lab.localhost")


def asked(port: int, path: str, brings: bytes = b"", cookie: str = "") -> Answer:
    """Ask a proxy for a page of lab.localhost, or to take a file; return its answer."""
    connection = http.client.HTTPConnection("lab.localhost", port)
    connection.sock = line(port)
    with closing(connection):
        with suppress(OSError):  # it need not hear us out
            connection.request("PUT" if brings else "GET", path, brings or None, {"Cookie": cookie})
        given = connection.getresponse()
        cookie = (given.headers["Set-Cookie"] or "").partition(";")[0]
        return Answer(given.status, cookie, given.read().decode(errors="replace"))


def until(done: Callable[[], object], seconds: float = 120) -> None:
    """Wait until something is done that raises OSError before."""
    end = time.monotonic() + seconds
    while True:
        try:
            done()
            return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def may_train(page: Page, address: str, token: str) -> None:
    """See that who has no token may watch, and who has it may launch."""
    page.goto(f"{address}/train")
    field = page.get_by_role("textbox", name="Token")
    expect(field).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Start a run")).to_have_count(0)
    field.fill(token)
    field.press("Enter")
    expect(page.get_by_role("button", name="Launch")).to_be_visible(timeout=90_000)


def framed(page: Page, address: str) -> FrameLocator:
    """Open a page of another origin that frames ours; return what is in the frame."""
    frame = f"<iframe src='{address}' width=1200 height=700></iframe>"
    page.route("http://stranger.test/**", lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto("http://stranger.test/")
    return page.frame_locator("iframe")


# The container


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("app/main.py", False),
        (".streamlit/config.toml", False),
        ("checkpoints/digit-cnn.safetensors", False),
        ("checkpoints/results/accuracy/digit-cnn.json", False),
        (".streamlit/secrets.toml", True),
        (".git/config", True),
        (".venv/bin/python", True),
        ("data/MNIST/raw/train-images-idx3-ubyte", True),
        ("runs/reader-1/state.pt", True),
        ("checkpoints/results/accuracy/.digit-cnn.lock", True),
        ("app/__pycache__/main.cpython-311.pyc", True),
        ("core/data/__pycache__/decoding.cpython-311.pyc", True),
        ("tests/test_deploy.py", True),
    ],
)
def test_what_comes_into_the_image(path: str, out: bool) -> None:
    assert container.ignored(path) is out


def test_the_image_is_slim_is_not_roots_and_is_asked_for_its_health() -> None:
    said = dict(container.instructions())
    assert said["FROM"].endswith("-slim")
    assert said["USER"] == "1000"
    assert "_stcore/health" in said["HEALTHCHECK"]
    assert said["EXPOSE"] == container.settings()["PORT"] == "7860"
    assert [name for name, _ in container.instructions()][-1] == "CMD"


@chromium_here
@pytest.mark.skipif(not container.able(), reason="no root, or no unshare, on this machine")
def test_the_commands_of_the_dockerfile_serve_it_read_only_and_not_as_root(tmp_path: Path, page: Page) -> None:
    port, log = free(), tmp_path / "log"
    address = f"http://127.0.0.1:{port}"
    before = Path("/etc/passwd").read_text()
    with container.running(tmp_path / "container", log, PORT=str(port)) as process:
        until(lambda: urllib.request.urlopen(f"{address}/_stcore/health"))
        (token,) = re.findall(r"^Everyone needs this token .*: ([\w-]{43})$", log.read_text(), re.M)
        command = dict(container.instructions())["HEALTHCHECK"].partition("CMD ")[2]
        health = subprocess.run(json.loads(command), env={"PATH": container.PATH, "PORT": str(port)})
        assert health.returncode == 0
        page.goto(f"{address}/see?image=3")
        driver.settled(page)
        may_train(page, address, token)
        page.get_by_role("button", name="Launch").click()
        expect(page.get_by_text(re.compile("at work|done")).first).to_be_visible(timeout=90_000)
        with suppress(Exception):
            page.get_by_role("button", name="Stop", exact=True).click(timeout=5_000)
        (run,) = (folder for folder in (tmp_path / "container" / "data" / "runs").iterdir() if folder.is_dir() and folder.name[0] != ".")  # fmt: skip
        assert run.stat().st_uid == 1000
    assert process.returncode == 0
    assert Path("/etc/passwd").read_text() == before  # what RUN did, it did in there
    assert "Traceback" not in log.read_text()


# Behind a proxy


@dataclass
class Served:
    """An app and its log."""

    port: int
    log: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with driver.server(folder / "log", NOISESCOPE_RUNS=str(folder / "runs"), NOISESCOPE_TOKEN="hush") as address:
        yield Served(int(address.rpartition(":")[2]), folder / "log")


def nginx(folder: Path, port: int, upstream: str) -> tuple[list[str], dict[str, str]]:
    """Write deploy/nginx.conf for lab.localhost at a port, and what nginx needs around it; return how it is started."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab.localhost -keyout {key} -out {certificate}"
    subprocess.run(made.split(), check=True, capture_output=True)
    site = (DEPLOY / "nginx.conf").read_text().replace("lab.example.org", "lab.localhost")
    site = site.replace("listen 443", f"listen 127.0.0.1:{port}").replace("listen 80", f"listen 127.0.0.1:{free()}")
    site = re.sub(r"/etc/letsencrypt/\S+privkey.pem", str(key), site)
    site = re.sub(r"/etc/letsencrypt/\S+fullchain.pem", str(certificate), site)
    site = site.replace("    server 127.0.0.1:8501;\n", "".join(f"    server {one};\n" for one in upstream.split()))
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    user = "user root;\n" if sys.platform == "linux" else ""
    around = f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{places}{site}}}\n"
    (folder / "conf").write_text(around)
    return ["nginx", "-p", str(folder), "-c", str(folder / "conf")], {}


def caddy(folder: Path, port: int, upstream: str) -> tuple[list[str], dict[str, str]]:
    """Write deploy/Caddyfile for lab.localhost at a port, with a certificate of Caddy's own; return how it is started."""
    site = (DEPLOY / "Caddyfile").read_text().replace("lab.example.org {", f"https://lab.localhost:{port} {{")
    about = "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tgrace_period 1s\n}\n\n"
    (folder / "Caddyfile").write_text(about + site.replace("127.0.0.1:8501", upstream))
    return ["caddy", "run", "--config", str(folder / "Caddyfile")], dict(HOME=str(folder), XDG_DATA_HOME=str(folder))


PROXIES = {"nginx": nginx, "caddy": caddy}


@contextmanager
def proxied(name: str, folder: Path, upstream: str) -> Iterator[int]:
    """Run a proxy by the file in deploy/ until the block ends; yields its port."""
    if not shutil.which(name):
        pytest.skip(f"no {name} on this machine")
    port = free()
    command, more = PROXIES[name](folder, port, upstream)
    with open(folder / "log", "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={"PATH": container.PATH, **more})
        try:
            until(lambda: asked(port, "/_stcore/health"), 20)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with proxied(request.param, tmp_path_factory.mktemp(request.param), f"127.0.0.1:{served.port}") as port:
        yield port


def digit(size: int) -> bytes:
    """Return a PNG of a 1, of nearly 40 million pixels, in a file of so many bytes."""
    picture = Image.new("L", (6300, 6300), "white")
    ImageDraw.Draw(picture).rectangle((2900, 1500, 3400, 4800), fill="black")
    file = saved(picture, compress_level=0)
    head, end = file[:33], file[33:]  # signature and header; a chunk of text goes between
    text = b"Comment\0".ljust(size - len(file) - 12, b".")
    return head + chunk(b"tEXt", text) + end


def chunk(kind: bytes, content: bytes) -> bytes:
    from zlib import crc32

    return len(content).to_bytes(4, "big") + kind + content + crc32(kind + content).to_bytes(4, "big")


@chromium_here
def test_behind_a_proxy_the_page_lives_and_its_visitor_is_not_at_this_machine(proxy: int, page: Page) -> None:
    address = f"https://lab.localhost:{proxy}"
    answer = page.goto(f"{address}/see?image=3")
    assert answer
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    driver.settled(page)  # so the websocket works
    expect(page.locator(".verdict")).to_be_visible()
    may_train(page, address, "hush")
    assert "replica" in {cookie["name"] for cookie in page.context.cookies()}


@chromium_here
def test_behind_a_proxy_the_largest_upload_passes_and_a_larger_one_is_a_sentence(
    proxy: int, page: Page, tmp_path: Path
) -> None:
    page.goto(f"https://lab.localhost:{proxy}/see?way=upload")
    driver.settled(page)
    for name, size in (("larger.png", LIMIT + 1), ("largest-holiday.png", LIMIT)):
        (tmp_path / name).write_bytes(digit(size))
        assert (tmp_path / name).stat().st_size == size
    upload = page.locator("input[type=file]")
    upload.set_input_files(tmp_path / "larger.png")
    expect(page.get_by_text("File must be 40.0MB or smaller.")).to_be_visible()
    upload.set_input_files(tmp_path / "largest-holiday.png")
    expect(page.locator(".verdict")).to_be_visible(timeout=90_000)


def test_behind_a_proxy_too_large_an_upload_is_refused_before_it_is_read(proxy: int) -> None:
    answer = asked(proxy, "/_stcore/upload_file/session/file", bytes(42 * 2**20))
    assert answer.status in (
        403,
        413,
    )  # nginx by its size; behind Caddy the app, before it reads it, for want of a cookie
    assert asked(proxy, "/_stcore/metrics").status == 404


@chromium_here
def test_behind_a_proxy_no_other_page_frames_it_or_talks_to_it(proxy: int, page: Page) -> None:
    address = f"https://lab.localhost:{proxy}"
    framed(page, f"{address}/see?embed=true")
    page.wait_for_timeout(2000)
    assert page.frames[1].url == "chrome-error://chromewebdata/"
    talk = partial(connect, f"ws://lab.localhost:{proxy}/_stcore/stream", subprotocols=[Subprotocol("streamlit")])
    with talk(sock=line(proxy), origin=Origin(address)):
        pass
    with pytest.raises(InvalidStatus, match="403"):
        talk(sock=line(proxy), origin=Origin("https://stranger.test"))


class Replica(BaseHTTPRequestHandler):
    """A server that says which it is, and how many bytes it was sent."""

    def do_GET(self) -> None:
        self._say(str(self.connection.getsockname()[1]))

    def do_PUT(self) -> None:
        self._say(str(len(self.rfile.read(int(self.headers["Content-Length"])))))

    def _say(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("name", PROXIES)
def test_a_visitor_stays_with_one_replica_and_brings_no_more_than_40_mb(name: str, tmp_path: Path) -> None:
    replicas = [ThreadingHTTPServer(("127.0.0.1", 0), Replica) for _ in range(2)]
    for one in replicas:
        Thread(target=one.serve_forever, daemon=True).start()
    places = " ".join(f"127.0.0.1:{one.server_address[1]}" for one in replicas)
    with proxied(name, tmp_path, places) as port:
        met = set()
        for _ in range(12):
            answer = asked(port, "/")
            met.add(answer.text)
            assert {asked(port, path, cookie=answer.cookie).text for path in ("/", "/_stcore/stream", "/media/a")} == {
                answer.text
            }
        assert len(met) == 2
        assert asked(port, "/", bytes(40 * 2**20)).text == str(40 * 2**20)
        assert asked(port, "/", bytes(42 * 2**20)).status in (413, 502)  # so says Caddy 2.6
    for one in replicas:
        one.shutdown()


# Without any of it: Streamlit's own command, as Community Cloud starts it


@contextmanager
def streamlit(folder: Path, **more: str) -> Iterator[tuple[str, Path]]:
    """Serve by `streamlit run app/main.py` until the block ends; yields the address and the log."""
    port, log = free(), folder / "log"
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.port", str(port)]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("NOISESCOPE_")}
    here = dict(NOISESCOPE_RUNS=str(folder / "runs"), NOISESCOPE_DATA=str(folder / "data"), **more)
    with open(log, "w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env={**ours, **here}, stdout=out, stderr=out)
        try:
            until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"))
            yield f"http://127.0.0.1:{port}", log
        finally:
            process.terminate()
            process.wait(30)


@chromium_here
def test_streamlits_own_command_warms_up_once_and_lets_nobody_change_anything(tmp_path: Path, page: Page) -> None:
    with streamlit(tmp_path) as (address, log):
        for _ in range(2):
            page.goto(f"{address}/see?image=3")
            driver.settled(page)
            expect(page.locator(".verdict")).to_be_visible()
        page.goto(f"{address}/train")
        expect(page.get_by_text("nothing can be changed from a page")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("textbox", name="Token")).to_have_count(0)
        expect(page.get_by_text("Start a run")).to_have_count(0)
        page.goto(f"{address}/break")
        page.get_by_role("button", name="Measure").click()
        expect(page.get_by_text("nothing can be changed from a page")).to_be_visible(timeout=60_000)
    assert log.read_text().count("warmed up") == 1
    for said in ("token", "Traceback", "external IP"):
        assert said not in log.read_text()


@chromium_here
def test_streamlits_own_command_takes_a_token_that_is_chosen(tmp_path: Path, page: Page) -> None:
    with streamlit(tmp_path, NOISESCOPE_TOKEN="hush") as (address, log):
        may_train(page, address, "hush")
    assert "hush" not in log.read_text()


# As a service, and as a Space


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd on this machine")
def test_the_service_is_one_that_systemd_understands_and_is_shut_in(tmp_path: Path) -> None:
    unit = tmp_path / "noisescope.service"
    said = (DEPLOY / "noisescope.service").read_text()
    unit.write_text(said.replace("/opt/noisescope/.venv/bin/python", "/usr/bin/env").replace("/opt/noisescope", "/"))
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    exposed = subprocess.run(command, capture_output=True, text=True)  # of 100; 20 is what it calls OK
    assert exposed.returncode == 0, exposed.stdout


def test_a_space_is_what_is_committed_with_its_front_matter(tmp_path: Path) -> None:
    done = subprocess.run(["make", "space", f"SPACE={tmp_path}/space"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(["git", "ls-tree", "-r", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    files = {
        file.relative_to(tmp_path / "space").as_posix() for file in (tmp_path / "space").rglob("*") if file.is_file()
    }
    assert files == set(listed.stdout.splitlines())
    begin, front, readme = (tmp_path / "space" / "README.md").read_text().split("---\n", 2)
    said = dict(line.split(": ", 1) for line in front.splitlines())
    assert not begin
    assert readme.startswith("# Noisescope")
    assert (said["sdk"], said["app_port"]) == ("docker", container.settings()["PORT"])
    assert len(said["short_description"]) <= 60
    assert "NOISESCOPE_FRAMED_BY=https://huggingface.co" in (tmp_path / "space" / "Dockerfile").read_text()


@chromium_here
def test_who_may_frame_it_may_upload_in_the_frame_where_frames_have_cookies(tmp_path: Path, chromium: Browser) -> None:
    profile = tmp_path / "profile" / "Default"
    profile.mkdir(parents=True)
    (profile / "Preferences").write_text('{"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": false}}')
    environment = dict(NOISESCOPE_FRAMED_BY="http://stranger.test", NOISESCOPE_RUNS=str(tmp_path / "runs"))
    with (
        driver.server(tmp_path / "app", **environment) as address,
        proxied("nginx", tmp_path, address.removeprefix("http://")) as port,
        chromium.browser_type.launch_persistent_context(
            tmp_path / "profile",
            executable_path=driver.executable(),
            args=driver.ARGUMENTS.split(),
            ignore_https_errors=True,
        ) as remembering,
    ):
        within = framed(remembering.new_page(), f"https://lab.localhost:{port}/see?way=upload")
        picture = FilePayload(name="a.png", mimeType="image/png", buffer=b"no picture")
        within.locator("input[type=file]").set_input_files(picture, timeout=60_000)
        expect(within.get_by_text("not a PNG, JPEG or WebP picture").first).to_be_visible(timeout=60_000)


# What the log says of it


@chromium_here
def test_the_log_says_who_waits_for_what_and_nothing_of_whom(served: Served, page: Page) -> None:
    address = f"ws://127.0.0.1:{served.port}/_stcore/stream"
    for origin in (f"http://127.0.0.1:{served.port}", "https://stranger.test"):
        with (
            suppress(InvalidStatus),
            connect(
                address,
                origin=Origin(origin),
                subprotocols=[Subprotocol("streamlit")],
                additional_headers={"X-Forwarded-For": "203.0.113.7"},
                user_agent_header="Browser/9",
            ),
        ):
            pass
    page.goto(f"http://127.0.0.1:{served.port}/train")
    page.get_by_role("textbox", name="Token").count()
    page.goto(f"http://127.0.0.1:{served.port}/fooled?photo=3")
    driver.settled(page)
    until = time.monotonic() + 120
    while "has 'attacked'" not in served.log.read_text() and time.monotonic() < until:
        page.wait_for_timeout(200)
    page.goto(f"http://127.0.0.1:{served.port}/see?way=upload")
    picture = FilePayload(name="holiday.png", mimeType="image/png", buffer=b"no picture of mine")
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_text("not a PNG, JPEG or WebP picture")).to_be_visible(timeout=60_000)
    log = served.log.read_text()
    assert re.search(r"session \d+ waits for 'attacked', turns before it: \d+", log)
    assert re.search(r"session \d+ has 'attacked' after [\d.]+ s of work", log)
    for private in ("203.0.113.7", "stranger", "Browser/9", "hush", "holiday", "of mine", "Traceback", "external IP"):
        assert private not in log
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", log)  # nobody's address
