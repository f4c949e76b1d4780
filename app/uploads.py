"""What visitors bring: decoded in turn, held as bytes, and together never more than there is room for.

A picture is known by the hash of its file, so that what is keyed by it holds 32 bytes of it. Where others have taken its place
it is decoded anew from the file, which Streamlit holds for the session; of files too the server holds so many bytes and no more.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Lock

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from app.inputs import Digit, Photo
from core import UserError
from core.data import uploads
from core.data.uploads import Picture
from core.experiments.attack_path import SMALLEST
from core.types import Uint8Images

ROOM = 400_000_000  # bytes of decoded pictures, of all visitors together
FILES = 400_000_000  # bytes of files as they were sent, of all visitors together
OWN = 1_000  # bytes that a picture takes besides its pixels


class Held:
    """Pictures by a key, those asked for last, in at most `room` bytes."""

    def __init__(self, room: int) -> None:
        self.nbytes, self._room = 0, room
        self._pictures: OrderedDict[bytes, Picture] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes) -> Picture | None:
        """Return a picture; None where it was never put, or others have taken its place."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: bytes, picture: Picture) -> None:
        """Hold a picture, in the place of those that nobody asked for longest."""
        with self._lock:
            if key not in self._pictures:
                self.nbytes += _size(picture)
            self._pictures[key] = picture
            while self.nbytes > self._room:
                self.nbytes -= _size(self._pictures.popitem(last=False)[1])


HELD = Held(ROOM)


def digit(content: bytes, visitor: str) -> Iterator[float | tuple[Digit, str]]:
    """Read a picture of a digit, once, and say what had to be done to read it; 0.0 while it waits. Raises UserError."""

    def small(picture: Picture) -> Picture:
        return replace(picture, pixels=Digit.read(picture.image).pixels())

    for step in _read(b"digit" + _key(content), content, small, visitor, side=1000):
        yield step if isinstance(step, float) else (Digit(step.pixels.numpy().tobytes()), step.note)


def photo(content: bytes, visitor: str) -> Iterator[float | tuple[Photo, str]]:
    """Read a picture in colour, once, and say what had to be done to read it; 0.0 while it waits. Raises UserError."""

    def whole(picture: Picture) -> Picture:
        if min(picture.pixels.shape[-2:]) < SMALLEST:
            raise UserError(f"This picture is less than {SMALLEST} pixels wide or high: choose a larger one.")
        return picture

    key = _key(content)
    for step in _read(key, content, whole, visitor):
        yield step if isinstance(step, float) else (Photo(key), step.note)


def pixels(photo: Photo) -> Uint8Images:
    """Return a picture that somebody brought, (1, C, H, W) with C = 1 or 3. Raises UserError where others have taken its place."""
    found = HELD.get(photo.content)
    if found is None:
        raise UserError("Pictures of others have taken the place of yours: reload the page and choose it again.")
    return found.pixels


def bound(room: int = FILES) -> None:
    """Let the files that Streamlit holds take at most `room` bytes: whoever holds most loses the oldest first."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return
    add, lock = manager.add_file, Lock()

    def add_file(session_id: str, file: UploadedFileRec) -> None:
        add(session_id, file)
        with lock:
            while (held := _held(manager)) and sum(held.values()) > room:
                most = max(held, key=lambda session: held[session])
                manager.remove_file(most, next(iter(manager.file_storage[most])))

    manager.add_file = add_file  # type: ignore[method-assign]  # it has no setting for this


def _held(manager: MemoryUploadedFileManager) -> dict[str, int]:
    """Count the bytes of files each session holds."""
    files = {session: [*held.values()] for session, held in [*manager.file_storage.items()]}
    return {session: sum(len(file.data) for file in held) for session, held in files.items() if held}


def _read(
    key: bytes, content: bytes, made: Callable[[Picture], Picture], visitor: str, side: int | None = None
) -> Iterator[float | Picture]:
    found = HELD.get(key)
    if found is None:
        for step in uploads.read(content, side, visitor):
            if isinstance(step, float):
                yield step
            else:
                found = made(step)
                HELD.put(key, found)
    assert found
    yield found


def _key(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _size(picture: Picture) -> int:
    return OWN + picture.pixels.nbytes
