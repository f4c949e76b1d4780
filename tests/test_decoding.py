"""Pictures that attack: bombs, repeated scans, thousands of damaged files, and what a server full of them may take."""

import io
import json
import os
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from app import cache, uploads
from app.door import Door
from app.held import OWN
from core import UserError
from core.data import decoding
from core.data import uploads as reading
from tests.test_uploads import bomb, png, saved

ROOT = Path(__file__).parents[1]
MOST = 400_000  # kB that a process may take
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the memory of a process")


def plain(width: int, height: int) -> bytes:
    """A WebP file of 36 bytes that is one colour, as large as it says."""
    file = bytearray(saved(Image.new("RGB", (1, 1), "red"), "WEBP", lossless=True))
    bits = int.from_bytes(file[21:25], "little") >> 28 << 28 | (height - 1) << 14 | (width - 1)
    file[21:25] = bits.to_bytes(4, "little")
    return bytes(file)


def scans(side: int, times: int) -> bytes:
    """A progressive JPEG of one colour, whose last scan comes again and again."""
    file = saved(Image.new("RGB", (side, side), "red"), "JPEG", progressive=True)
    return file[:-2] + file[file.rfind(b"\xff\xda") : -2] * times + file[-2:]


def short() -> bytes:
    """A PNG with a chunk behind its data that is too short for what it says it is."""
    file, kind = png(1, 1, 8, b"\0\0\0\0"), b"gAMA\0"
    return file[:-12] + struct.pack(">I", 1) + kind + struct.pack(">I", zlib.crc32(kind)) + file[-12:]


def noise(side: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (side, side, 4), np.uint8)
    return Image.fromarray(values, "RGBA").convert(mode)


def refused(content: bytes, side: int | None = None) -> str:
    with pytest.raises(UserError) as refusal:
        reading.decode(content, side)
    assert str(refusal.value).endswith(".")
    assert str(refusal.value).count(". ") == 0
    return str(refusal.value)


def computed() -> float:
    """Return how long the processes that have ended have computed, in seconds: the clock would count what others do."""
    return os.times().children_user + os.times().children_system


MEASURED = """
    import json, sys, time
    from core import UserError
    from core.data import decoding

    decoding.limit(DATA=decoding.MEMORY)
    for size in json.loads(sys.argv[1]):
        content, began, what = sys.stdin.buffer.read(size), time.process_time(), "read"
        try:
            picture, grey, note = decoding.decoded(content)
            for part in decoding.rows(picture, grey):
                pass
        except UserError as refusal:
            what = str(refusal)
        picture = None
        print(json.dumps([what, time.process_time() - began]))
    print(json.dumps(int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])))
"""


def measured(contents: list[bytes]) -> tuple[list[str], float, int]:
    """Decode files one after the other in one process: what became of each, seconds of the slowest, and the peak in kB."""
    command = [sys.executable, "-c", textwrap.dedent(MEASURED), json.dumps([*map(len, contents)])]
    done = subprocess.run(command, input=b"".join(contents), capture_output=True, cwd=ROOT)
    assert not done.returncode, done.stderr.decode()[-500:]
    *told, peak = map(json.loads, done.stdout.splitlines())
    return [what for what, _ in told], max(seconds for _, seconds in told), peak


@linux
def test_a_bomb_of_a_few_bytes_takes_no_memory() -> None:
    content = plain(8000, 5000)
    assert len(content) < 40
    assert "more than 400 MB" in refused(content)
    assert "40 million pixels" in refused(plain(16_384, 16_384))
    _, seconds, peak = measured([content] * 6)
    assert peak < 60_000
    assert seconds < 1


@linux
def test_the_largest_picture_of_each_kind_is_read_in_400_mb() -> None:
    for file in (plain(5000, 4400), saved(Image.new("L", (8000, 5000)), "JPEG"), bomb(7999, 5000)):
        (what,), _, peak = measured([file])
        assert peak < MOST, what
        assert what == ("read" if file[:1] != b"\x89" else decoding.DAMAGED)


@linux
def test_memory_that_no_header_tells_of_is_bounded_by_the_system() -> None:
    code = "from core.data import decoding as d; d.limit(DATA=d.MEMORY); x = b'1' * 500_000_000"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT)
    assert b"MemoryError" in done.stderr


@linux
def test_a_jpeg_with_a_repeated_scan_is_given_up() -> None:
    content = scans(2000, 30_000)
    assert len(content) < 500_000
    before = computed()
    assert "more than 3 seconds" in refused(content)
    assert computed() - before < decoding.CPU + 1


def test_a_process_that_hangs_is_killed_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 0.3)
    before = computed()
    assert "more than 3 seconds" in refused(scans(2000, 30_000))
    assert computed() - before < 2


def test_a_short_chunk_behind_the_data_is_damage() -> None:
    assert len(short()) == 82
    assert refused(short()) == decoding.DAMAGED


@pytest.mark.parametrize("form", ["GIF", "TIFF", "ICO", "BMP", "PPM", "JPEG2000", "PDF"])
def test_what_pillow_would_open_but_nobody_promised_never_reaches_it(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved(Image.new("RGB", (16, 16)), form)
    monkeypatch.setattr(Image, "open", lambda *a, **k: pytest.fail("opened"))
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("started"))
    assert refused(content) == decoding.UNKNOWN


def test_the_process_imports_nothing_large_and_knows_no_secret() -> None:
    code = "import core.data.decoding, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert "PIL.Image" in loaded
    assert not {"torch", "numpy", "streamlit", "scipy"} & {*loaded}


def test_a_process_that_dies_or_lies_is_a_damaged_picture(tmp_path: Path) -> None:
    lies = ["", "[]", "7", "{", '{"width": 9}', '{"width": 1e9, "height": 1e9, "channels": 3, "note": ""}', '{"width": 2, "height": 2, "channels": 3, "note": ""}']  # fmt: skip
    for lie in lies:
        (tmp_path / "said").write_bytes(lie.encode() + b"\nabc")
        with (tmp_path / "said").open("rb") as said, pytest.raises(UserError, match="damaged"):
            reading._received(said)


def test_no_process_to_be_had_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(12, os.strerror(12))

    monkeypatch.setattr(subprocess, "Popen", full)
    assert "No process could be started" in refused(saved(noise(9)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_process_gives_what_pillow_gives(mode: str, turn: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was done in one go before, whatever part of it is converted at once."""
    exif = Image.Exif()
    exif[0x0112] = turn
    monkeypatch.setattr(decoding, "ROWS", 100)
    content = saved(noise(40, mode).crop((0, 0, 40, 29)), exif=exif)
    picture, grey, _ = decoding.decoded(content)
    whole = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}[turn]
    expected: Image.Image = Image.open(io.BytesIO(content))
    expected = expected.transpose(whole) if whole else expected
    flat = Image.alpha_composite(Image.new("RGBA", expected.size, "white"), expected.convert("RGBA"))
    values = np.asarray(flat.convert("L" if mode in ("1", "L", "LA") else "RGB"))
    assert b"".join(decoding.rows(picture, grey)) == values.tobytes()
    assert torch.equal(
        reading.decode(content).pixels[0], torch.from_numpy(np.atleast_3d(values).copy()).permute(2, 0, 1)
    )


def mutated(seed: int, count: int) -> Iterator[bytes]:
    """Damage small files of every kind: bits, lengths, sizes, parts left out, moved and repeated, PNG chunks with right checksums."""
    random = Random(seed)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    good = [
        *(saved(noise(12, mode), exif=exif, compress_level=1) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        saved(Image.fromarray(np.full((8, 8), 32896, np.uint16))),
        saved(noise(12), save_all=True, append_images=[noise(12).rotate(90)]),
        *(saved(noise(24, mode), "JPEG", exif=exif) for mode in ("L", "RGB", "CMYK")),
        *(saved(noise(24), "JPEG", progressive=True, subsampling=s) for s in (0, 2)),
        *(saved(noise(12, mode), "WEBP", exif=exif, lossless=loss) for mode in ("RGB", "RGBA") for loss in (True, False)),
        saved(noise(12), "WEBP", save_all=True, append_images=[noise(12).rotate(90)]),
    ]  # fmt: skip
    for _ in range(count):
        file = bytearray(random.choice(good))
        for _ in range(random.choice([1, 1, 2, 5])):
            at = random.randrange(4, len(file))
            length = random.choice([1, 2, 4, random.randrange(1, 40)])
            match random.randrange(6):
                case 0:
                    file[at] ^= 1 << random.randrange(8)
                case 1:
                    file[at : at + length] = random.choice([b"\0", b"\xff", b"\x7f", b"\x80"]) * length
                case 2:
                    del file[at : at + length]
                case 3:
                    file[at:at] = random.randbytes(length)
                case 4:
                    file[at:at] = file[at : at + 5 * length] * random.randrange(1, 9)
                case _:
                    other = random.choice(good)
                    start = random.randrange(len(other))
                    file[at : at + length] = other[start : start + length]
            if len(file) < 6:
                break
        yield bytes(mended(file) if random.random() < 0.7 else file)


def mended(file: bytearray) -> bytearray:
    """Set the checksums of PNG chunks right, so that what is wrong in them is read."""
    at = 8
    while file.startswith(b"\x89PNG") and at + 12 <= len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(file):
            break
        file[end : end + 4] = struct.pack(">I", zlib.crc32(file[at + 4 : end]))
        at = end + 4
    return file


@linux
def test_thousands_of_damaged_files_end_in_a_picture_or_a_refusal() -> None:
    files = [
        *mutated(0, 6000),
        *(file[: len(file) * k // 40] for file in (short(), plain(9, 9), scans(64, 9)) for k in range(40)),
    ]
    told, seconds, peak = measured(files)
    assert len(told) == len(files)
    assert 0.1 < told.count("read") / len(told) < 0.9
    assert {*told} <= {"read", decoding.UNKNOWN, decoding.TOO_LARGE, decoding.TOO_MUCH, decoding.DAMAGED}
    assert seconds < decoding.CPU
    assert peak < MOST


def test_some_of_them_sent_by_a_visitor() -> None:
    others = [bomb(5000, 5000), plain(16_000, 2000), scans(300, 50), b"\xff\xd8\xff", b"RIFF1234WEBP"]
    for content in [*mutated(1, 20), *others]:
        with suppress(UserError):
            assert reading.decode(content).pixels.dtype == torch.uint8


def test_a_picture_whose_place_others_have_taken_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Door(2, room=3 * 40 * 40 + 2 * OWN)
    monkeypatch.setattr(cache, "processes", lambda: one)
    mine, other = saved(noise(40)), saved(noise(41).crop((0, 0, 40, 40)))
    photo, _ = uploads.photo(mine)
    assert len(photo.content) == 32
    before = cache.image(photo)
    uploads.photo(other)
    with pytest.raises(UserError, match="taken the place of yours"):
        cache.image(photo)
    uploads.photo(mine)
    assert torch.equal(cache.image(photo), before)
    assert before.dtype == torch.float32


def test_a_digit_is_held_as_its_784_values(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Door(2, room=100_000)
    monkeypatch.setattr(cache, "processes", lambda: one)
    sheet = Image.new("L", (900, 900), "white")
    sheet.paste("black", (400, 200, 450, 700))
    for _ in range(2):
        digit, _ = uploads.digit(saved(sheet))
        assert len(digit.values) == 784
    assert one.held.nbytes == 784 + OWN


def test_a_picture_that_is_refused_is_read_anew_and_nothing_of_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Door(2)
    monkeypatch.setattr(cache, "processes", lambda: one)
    for _ in range(2):
        with pytest.raises(UserError, match="damaged"):
            uploads.photo(saved(noise(40))[:300])
    assert one.held.nbytes == 0


def test_files_as_they_were_sent_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds most loses: somebody who sends file after file does not take the place of those with one."""
    manager = MemoryUploadedFileManager("/upload")
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=manager))
    uploads.bound(room=1000)

    def send(session: str, name: str, size: int) -> None:
        manager.add_file(session_id=session, file=UploadedFileRec(file_id=name, name=name, type="", data=b"0" * size))

    send("pupil", "one", 300)
    for k in range(50):
        send("attacker", str(k), 90)
    assert manager.get_files("pupil", ["one"])
    assert sum(len(f.data) for files in manager.file_storage.values() for f in files.values()) <= 1000
    assert manager.get_files("attacker", ["49"])
    threads = [Thread(target=send, args=(f"s{k}", "x", 200)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(f.data) for files in manager.file_storage.values() for f in files.values()) <= 1000
