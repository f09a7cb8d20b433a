"""A folder is held by one process at a time, and says by which."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from overtile import storage
from overtile.errors import OutputError
from overtile.storage import TEMPORARY_SUFFIX

LOCK_NAME = ".overtile-lock"
_OWNER_NAME = ".overtile-owner.json"
_SECONDS_FOR_OWNER = 0.5


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
        raise storage.refusal(error, folder, fault="cannot be locked") from error
    try:
        storage.remove(
            folder / _OWNER_NAME
        )  # Of a process that was killed: it must not be named again.
        owner = {
            "host": socket.gethostname(),
            "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        storage.write_json(folder / _OWNER_NAME, owner)
        yield
    finally:
        # The lock file goes while it is held: who waits on it sees that it has no name any more.
        for name in (_OWNER_NAME, LOCK_NAME):
            with suppress(OSError):
                storage.disk.remove(folder / name)
        with suppress(OSError):
            lock.release()


def is_ours(path: Path) -> bool:
    """Say whether a file is one that overtile itself leaves in a folder that it holds."""
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
