"""The only module that writes: a file under its final name is always whole.

Bytes go to a temporary file beside the target, are flushed to the disk and then renamed over it, so
that a crash leaves the old file or the new one, never a part of one.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from overtile.errors import OutputError

TEMPORARY_SUFFIX = ".overtile-part"


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all.

    Parameters
    ----------
    path : path
        The target. Its folder must exist; an existing file is replaced.
    content : bytes
        All of the file.

    Raises
    ------
    OutputError
        If the disk is full or the folder cannot be written to. An existing file stays as it was.
    """
    part = path.with_name(f".{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror or error})",
            remedy=f"free {len(content)} bytes or choose another folder",
            path=path,
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, whole or not at all. NaN is refused: JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def make_folder(path: Path) -> Path:
    """Create `path` and its parents where missing.

    Raises
    ------
    OutputError
        If something else bears the name, or the place is read-only.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"is not a folder that can be written to ({error.strerror or error})",
            remedy="choose another one",
            path=path,
        ) from error
    return path


def sweep(folder: Path) -> None:
    """Remove what a killed writer left in `folder`: temporary files, never finished ones."""
    for part in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        with suppress(OSError):
            part.unlink()


def _sync_folder(folder: Path) -> None:
    # A rename is only on the disk once its folder is. Windows cannot open folders; it needs no
    # sync. Some network drives refuse one: the new file is whole there all the same, and after a
    # crash it is the new or the old one, as promised.
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
