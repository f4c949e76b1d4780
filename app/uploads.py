"""What visitors bring: decoded in processes of their own, in turns, and held in bytes, together never more than there is room for.

A picture is known by the hash of its file, so that what is keyed by it holds 32 bytes of it. Where others have taken its place
it is decoded anew from the file, which Streamlit holds for the session; of files too the server holds so many bytes and no more.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Lock

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from app import cache
from app.inputs import Digit, Photo
from app.turns import watched
from core import UserError
from core.data import uploads
from core.data.uploads import Picture
from core.experiments.attack_path import SMALLEST

FILES = 400_000_000  # bytes of files as they were sent, of all visitors together


def digit(content: bytes) -> tuple[Digit, str]:
    """Read a picture of a digit, once, and say what had to be done to read it. Raises UserError."""

    def small() -> Picture:
        picture = uploads.decode(content, side=1000)
        return replace(picture, pixels=Digit.read(picture.image).pixels())

    found = _read(("digit", _key(content)), small)
    return Digit(found.pixels.numpy().tobytes()), found.note


def photo(content: bytes) -> tuple[Photo, str]:
    """Read a picture in colour, once, and say what had to be done to read it. Raises UserError.

    It is held for `cache.pixels` until others take its place.
    """

    def whole() -> Picture:
        picture = uploads.decode(content)
        if min(picture.pixels.shape[-2:]) < SMALLEST:
            raise UserError(f"This picture is less than {SMALLEST} pixels wide or high: choose a larger one.")
        return picture

    photo = Photo(_key(content))
    return photo, _read(photo, whole).note


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


def _read(key: object, read: Callable[[], Picture]) -> Picture:
    def work() -> Iterator[float | Picture]:
        yield read()

    return watched(key, work, "Reading the picture", door=cache.processes())


def _key(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
