"""The only module that writes: a file under its final name is always whole.

Bytes go to a temporary file beside the target, are flushed to the disk, read back, and then renamed
over it, so that a crash leaves the old file or the new one, never a part of one.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from overtile.errors import OutputError

TEMPORARY_SUFFIX = ".overtile-part"
LOCK_NAME = ".overtile-lock"
_OWNER_NAME = ".overtile-owner.json"
_SECONDS_FOR_OWNER = 0.5
_READ_BACK_BYTES = 1 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CANNOT_SYNC_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES)
_REMEDIES = {
    errno.EIO: "check the disk, or choose another folder",
    errno.EISDIR: "remove that folder, or choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}


class Disk:
    """Every operation that changes a disk, one method each: tests make any of them fail."""

    def create(self, path: Path) -> int:
        """Make a new file; give its descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        return os.open(path, flags, 0o666)

    def write(self, descriptor: int, content: memoryview) -> int:
        """Write some of `content`; give how many bytes."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Wait until what was written is on the disk, not only in memory."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def replace(self, part: Path, path: Path) -> None:
        """Give a file its name, taking it from any other."""
        part.replace(path)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """Make a folder whose parent exists, if it is not there."""
        path.mkdir(exist_ok=True)

    def free_bytes(self, folder: Path) -> int | None:
        """Tell how much can still be written in a folder; None where nobody knows."""
        if not hasattr(os, "statvfs"):
            return None
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize if found.f_blocks else None


disk = Disk()
"""What all writing goes through."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all.

    Parameters
    ----------
    path : path
        The target. Its folder must exist; an existing file, or a link, is replaced.
    content : bytes
        All of the file.

    Raises
    ------
    OutputError
        If there is no room, the folder or the file may not be written to, or the disk does not give
        back what was written. Until the last step an existing file stays as it was.
    """
    demand_room(path, len(content))
    part = path.parent / f".{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
    try:
        _demand_replaceable(path)
        try:
            _fill(part, content)
            _read_back(part, content, path)
            disk.replace(part, path)
        finally:
            with suppress(OSError):
                disk.remove(part)
        _sync_folder(path.parent)
        _read_back(path, content, path)
    except OSError as error:
        raise _refusal(error, path, len(content)) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, whole or not at all. NaN is refused: JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def remove(path: Path) -> None:
    """Remove a file that is no longer needed, if it is there.

    Raises
    ------
    OutputError
        If it cannot be removed.
    """
    try:
        disk.remove(path)
    except OSError as error:
        raise _refusal(error, path, fault="cannot be removed") from error


def make_folder(path: Path) -> Path:
    """Create `path` and its parents where missing.

    Raises
    ------
    OutputError
        If something else bears the name, or the place is read-only.
    """
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
        for folder in reversed(missing):
            disk.make_folder(folder)
            _sync_folder(folder.parent)
    except OSError as error:
        fault = "is not a folder that can be written to"
        raise _refusal(error, path, fault=fault) from error
    return path


def demand_room(path: Path, needed: int) -> None:
    """Refuse to begin what the disk has no room for.

    Parameters
    ----------
    path : path
        A file, or a folder, that is to be written; neither need exist yet.
    needed : int
        Bytes that it will take.

    Raises
    ------
    OutputError
        Telling how many bytes are needed, and how many are free.
    """
    free = _free_bytes(path)
    if free is not None and free < needed:
        raise _refusal(_os_error(errno.ENOSPC), path, needed)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left in `folder`: temporary files, never finished ones."""
    with suppress(OSError):  # A folder that vanishes has nothing left to sweep.
        for part in list(folder.glob(f".*{TEMPORARY_SUFFIX}")):
            with suppress(OSError):
                disk.remove(part)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no other process works in it; dies with the process.

    Parameters
    ----------
    folder : path
        It must exist.

    Raises
    ------
    OutputError
        If another process holds it, telling which, where and since when, or if it cannot be locked.
    """
    # A lock of the operating system or none: a mere file would outlive a killed process.
    lock = FileLock(folder / LOCK_NAME, fallback_to_soft=False)
    try:
        folder.stat()  # `FileLock` would make a missing folder.
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(
            f"is in use by {_owner(folder)}",
            remedy="wait until it ends, stop it, or choose another folder",
            path=folder,
        ) from error
    except OSError as error:
        raise _refusal(error, folder, fault="cannot be locked") from error
    try:
        remove(folder / _OWNER_NAME)  # Of a process that was killed: it must not be named again.
        owner = {
            "host": socket.gethostname(),
            "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_json(folder / _OWNER_NAME, owner)
        yield
    finally:
        # The lock file goes while it is held: who waits on it sees that it has no name any more.
        for name in (_OWNER_NAME, LOCK_NAME):
            with suppress(OSError):
                disk.remove(folder / name)
        with suppress(OSError):
            lock.release()


def is_ours(path: Path) -> bool:
    """Say whether a file is one that this module leaves in a folder that it holds."""
    return path.name in (LOCK_NAME, _OWNER_NAME) or path.name.endswith(TEMPORARY_SUFFIX)


def _owner(folder: Path) -> str:
    end = time.monotonic() + _SECONDS_FOR_OWNER
    while True:
        try:
            note = json.loads((folder / _OWNER_NAME).read_bytes())
            return f"process {note['process']} on {note['host']} since {note['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            if time.monotonic() > end:  # It may just have begun, and not told yet.
                return "another process"
            time.sleep(0.02)


def _fill(part: Path, content: bytes) -> None:
    descriptor = disk.create(part)
    try:
        left = memoryview(content)
        while left:
            written = disk.write(descriptor, left)
            if written < 1:
                raise _os_error(errno.EIO)
            left = left[written:]
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)


def _read_back(path: Path, content: bytes, target: Path) -> None:
    """Refuse a disk that says that it wrote, and did not."""
    view = memoryview(content)
    with path.open("rb") as file:
        while chunk := file.read(_READ_BACK_BYTES):
            if chunk != view[: len(chunk)]:
                break
            view = view[len(chunk) :]
    if chunk or view:
        raise OutputError(
            "was not kept by the disk: other bytes are read than were written",
            remedy="check the disk, or choose another folder",
            path=target,
        )


def _demand_replaceable(path: Path) -> None:
    """Refuse what renaming would not: a file that its owner protects, and a link to a folder."""
    if path.is_dir():
        raise _os_error(errno.EISDIR)
    if path.exists() and not os.access(path, os.W_OK):
        raise _os_error(errno.EACCES)


def _os_error(code: int) -> OSError:
    return OSError(code, os.strerror(code))


def _refusal(
    error: OSError, path: Path, needed: int = 0, *, fault: str = "cannot be written"
) -> OutputError:
    remedy = _REMEDIES.get(error.errno or 0, "choose a place that can be written to")
    free = _free_bytes(path)
    if error.errno in _NO_ROOM:
        what = f"{needed} bytes are needed" if needed else "room is needed"
        room = "" if free is None else f" and {free} are free"
        remedy = f"{what}{room}: make room, or choose another folder"
    return OutputError(f"{fault} ({error.strerror or error})", remedy=remedy, path=path)


def _free_bytes(path: Path) -> int | None:
    """Ask at the nearest place that is there; None where nobody knows."""
    for place in (path, *path.absolute().parents):
        with suppress(OSError):
            return disk.free_bytes(place)
    return None


def _sync_folder(folder: Path) -> None:
    # A rename is only on the disk once its folder is. Windows cannot open folders; it needs no
    # sync. Some network drives refuse one: the new file is whole there all the same, and after a
    # crash it is the new or the old one, as promised.
    if os.name != "nt":
        try:
            disk.sync_folder(folder)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC_FOLDERS:
                raise
