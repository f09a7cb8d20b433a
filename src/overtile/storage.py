"""The only module that writes: a file under its final name is always whole.

Bytes go to a temporary file beside the target, are flushed to the disk, read back, and then renamed
over it, so that a crash leaves the old file or the new one, never a part of one.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from overtile.errors import OutputError

TEMPORARY_SUFFIX = ".overtile-part"
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

    def sync_file(self, path: Path) -> None:
        """Wait until a file that is closed is on the disk."""
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

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

    def remove_folder(self, path: Path) -> None:
        """Remove a folder and all that is in it, if it is there."""
        if path.is_dir():
            shutil.rmtree(path)

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
        demand_replaceable(path)
        try:
            _fill(part, content)
            _read_back(part, content, path)
            disk.replace(part, path)
        finally:
            with suppress(OSError):
                disk.remove(part)
        sync_folder(path.parent)
        _read_back(path, content, path)
    except OSError as error:
        raise refusal(error, path, len(content)) from error


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
        raise refusal(error, path, fault="cannot be removed") from error


def remove_folder(path: Path) -> None:
    """Remove a folder and all that is in it, if it is there.

    Raises
    ------
    OutputError
        If it cannot be removed.
    """
    try:
        disk.remove_folder(path)
    except OSError as error:
        raise refusal(error, path, fault="cannot be removed") from error


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
            sync_folder(folder.parent)
    except OSError as error:
        fault = "is not a folder that can be written to"
        raise refusal(error, path, fault=fault) from error
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
        raise refusal(os_error(errno.ENOSPC), path, needed)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left in `folder`: temporary files, never finished ones."""
    with suppress(OSError):  # A folder that vanishes has nothing left to sweep.
        for part in list(folder.glob(f".*{TEMPORARY_SUFFIX}")):
            with suppress(OSError):
                if part.is_dir():
                    disk.remove_folder(part)
                else:
                    disk.remove(part)


def _fill(part: Path, content: bytes) -> None:
    descriptor = disk.create(part)
    try:
        left = memoryview(content)
        while left:
            left = left[write_some(descriptor, left) :]
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)


def write_some(descriptor: int, content: memoryview) -> int:
    """Write some of `content`, at least one byte; give how many."""
    count = disk.write(descriptor, content)
    if count < 1:
        raise os_error(errno.EIO)
    return count


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


def demand_replaceable(path: Path) -> None:
    """Refuse what renaming would not: a file that its owner protects, and a link to a folder."""
    if path.is_dir():
        raise os_error(errno.EISDIR)
    if path.exists() and not os.access(path, os.W_OK):
        raise os_error(errno.EACCES)


def os_error(code: int) -> OSError:
    """Give the error of the system that has this number."""
    return OSError(code, os.strerror(code))


def refusal(
    error: OSError, path: Path, needed: int = 0, *, fault: str = "cannot be written"
) -> OutputError:
    """Turn an error of the disk into one line: what cannot be done, and what to do about it."""
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


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where it can be waited for."""
    # A rename is only on the disk once its folder is. Windows cannot open folders; it needs no
    # sync. Some network drives refuse one: the new file is whole there all the same, and after a
    # crash it is the new or the old one, as promised.
    if os.name != "nt":
        try:
            disk.sync_folder(folder)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC_FOLDERS:
                raise
