"""Files and folders too large for memory: under their final names they are always whole.

They are written beside the target, flushed to the disk, and then renamed, as `overtile.storage`
does with what fits into memory; what they write goes through its `disk`.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from overtile import storage
from overtile.storage import TEMPORARY_SUFFIX


@contextmanager
def whole_file(path: Path) -> Iterator[io.RawIOBase]:
    """Write what is too large for memory: a file that bears its name only once it is complete.

    Parameters
    ----------
    path : path
        The target. Its folder must exist; an existing file is replaced.

    Yields
    ------
    file : binary file
        To write to and to seek in. If the context ends by an error, nothing is left of it.

    Raises
    ------
    OutputError
        As for `write_bytes`.
    """
    part = path.parent / f".{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
    try:
        storage.demand_replaceable(path)
        try:
            with _Part(part) as file:
                yield file
            storage.disk.replace(part, path)
        finally:
            with suppress(OSError):
                storage.disk.remove(part)
        storage.sync_folder(path.parent)
    except OSError as error:
        raise storage.refusal(error, path) from error


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Write a folder that bears its name only once it is complete.

    Parameters
    ----------
    path : path
        The target; an existing folder of this name is replaced.

    Yields
    ------
    folder : path
        To write into. If the context ends by an error, nothing is left of it.

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    part = path.parent / f".{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
    try:
        if path.exists() and not path.is_dir():
            raise storage.os_error(errno.ENOTDIR)
        try:
            storage.disk.make_folder(part)
            yield part
            for file in (inside for inside in part.rglob("*") if inside.is_file()):
                storage.disk.sync_file(file)
            if path.exists():
                storage.disk.remove_folder(path)
            storage.disk.replace(part, path)
        finally:
            with suppress(OSError):
                storage.disk.remove_folder(part)
        storage.sync_folder(path.parent)
    except OSError as error:
        raise storage.refusal(error, path) from error


class _Part(io.RawIOBase):
    """A new file, every change of which goes through `disk`; flushed to the disk when closed."""

    def __init__(self, path: Path) -> None:
        self._descriptor = storage.disk.create(path)

    def write(self, content: Any) -> int:  # noqa: ANN401 - whatever has bytes
        left = memoryview(content).cast("B")
        size = len(left)
        while left:
            left = left[storage.write_some(self._descriptor, left) :]
        return size

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, place, whence)

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            try:
                storage.disk.sync(self._descriptor)
            finally:
                storage.disk.close(self._descriptor)
                super().close()
