"""Disks that fail when they are told to: what the storage module does to them is counted."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from overtile import storage
from overtile.storage import Disk

ERRORS = ("ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS", "EINTR")
"""Faults that raise an error; a write keeps half of its bytes before it does."""

SILENT = ("nothing", "zeros")
"""Faults that claim success: nothing was done, or zeros were written."""

SHORT, KILL = "short", "kill"
"""A write that takes half of its bytes; the end of the process."""

_STRIKES_ONLY = {"short": ("write",), "nothing": ("write", "replace"), "zeros": ("write",)}


class Killed(BaseException):
    """The end of the process: nothing catches it, and a disk does nothing after it."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One fault at one operation."""

    fault: str
    at: int
    """Number of the operation, from 1, among those that the fault can strike; 0 is never."""

    for_ever: bool = False
    """Also at all operations after it."""


NEVER = Point(fault="EIO", at=0)


class FaultyDisk(Disk):
    """A disk with a fault at one point. Nothing is flushed to the real disk: that is slow."""

    def __init__(self, point: Point = NEVER) -> None:
        self.point = point
        self.seen: list[str] = []
        """Every operation, in order."""

        self.struck: list[str] = []
        """The operations that were struck."""

        self.dead = False

    def create(self, path: Path) -> int:
        self._strike("create")
        return super().create(path)

    def write(self, descriptor: int, content: memoryview) -> int:
        if not self._strikes("write"):
            return super().write(descriptor, content)
        if self.point.fault == "nothing":
            return len(content)
        if self.point.fault == "zeros":
            return super().write(descriptor, memoryview(bytes(len(content))))
        written = super().write(descriptor, content[: max(len(content) // 2, 1)])
        return written if self.point.fault == SHORT else self._fail()

    def sync(self, descriptor: int) -> None:
        self._strike("sync")

    def close(self, descriptor: int) -> None:
        super().close(descriptor)  # First: descriptors must not leak into the next point.
        self._strike("close")

    def replace(self, part: Path, path: Path) -> None:
        if self._strike("replace"):
            super().replace(part, path)

    def sync_folder(self, folder: Path) -> None:
        self._strike("sync_folder")

    def remove(self, path: Path) -> None:
        self._strike("remove")
        super().remove(path)

    def make_folder(self, path: Path) -> None:
        self._strike("make_folder")
        super().make_folder(path)

    def free_bytes(self, folder: Path) -> int | None:
        self._strike("free_bytes")
        return super().free_bytes(folder)

    def _strike(self, operation: str) -> bool:
        """Raise what the fault raises here, and say whether the operation is to be done."""
        if not self._strikes(operation):
            return True
        return False if self.point.fault in SILENT else self._fail()

    def _strikes(self, operation: str) -> bool:
        if self.dead:
            raise Killed
        self.seen.append(operation)
        if not _can_strike(self.point.fault, operation) or self.point.at == 0:
            return False
        after = count(self.seen, self.point.fault) - self.point.at
        strikes = after >= 0 if self.point.for_ever else after == 0
        self.struck += [operation] * strikes
        return strikes

    def _fail(self) -> NoReturn:
        if self.point.fault == KILL:
            self.dead = True
            raise Killed
        code = getattr(errno, self.point.fault)
        raise OSError(code, os.strerror(code))


class VolatileDisk(FaultyDisk):
    """A disk that forgets, when the power goes, what was not flushed.

    Parameters
    ----------
    point : Point
    grave : path
        An empty folder on the same file system: what is removed or replaced can come back from it.
    """

    def __init__(self, point: Point, grave: Path) -> None:
        super().__init__(point)
        self._grave = grave
        self._kept: dict[int, tuple[Path, int]] = {}
        """By inode: a second name of each file that was made, and how many bytes are flushed."""

        self._names: list[tuple[Path, Path | None, Path | None]] = []
        """What is not flushed, in order: a name, where it came from, what bore it before."""

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._kept[os.fstat(descriptor).st_ino] = (self._bury(path), 0)
        self._note(path)
        return descriptor

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        status = os.fstat(descriptor)
        self._kept[status.st_ino] = (self._kept[status.st_ino][0], status.st_size)

    def replace(self, part: Path, path: Path) -> None:
        before = self._bury(path) if os.path.lexists(path) else None
        super().replace(part, path)
        self._note(path, part.absolute(), before)

    def remove(self, path: Path) -> None:
        before = self._bury(path) if os.path.lexists(path) else None
        super().remove(path)
        if before is not None:
            self._note(path, None, before)

    def make_folder(self, path: Path) -> None:
        there = path.is_dir()
        super().make_folder(path)
        if not there:
            self._note(path)

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        unflushed = [change for change in self._names if change[0].parent != folder.absolute()]
        self._names = unflushed

    def lose_power(self, *, names: str, content: str) -> None:
        """Bring the files into a state that a disk may be in after the power went.

        Parameters
        ----------
        names : {'old', 'new'}
            What becomes of names that were not flushed.
        content : {'cut', 'zeros'}
            What becomes of bytes that were not flushed.
        """
        if names == "old":
            for change in reversed(self._names):
                self._undo(*change)
        for path, flushed in self._kept.values():
            size = path.stat().st_size
            os.truncate(path, flushed)
            if content == "zeros":
                os.truncate(path, size)

    def _note(self, path: Path, source: Path | None = None, before: Path | None = None) -> None:
        self._names.append((path.absolute(), source, before))

    def _undo(self, path: Path, source: Path | None, before: Path | None) -> None:
        if path.is_dir():
            shutil.move(path, self._next_grave())
        elif source is not None:
            path.rename(source)
        else:
            path.unlink(missing_ok=True)
        if before is not None:
            os.link(before, path)

    def _bury(self, path: Path) -> Path:
        buried = self._next_grave()
        os.link(path, buried)
        return buried

    def _next_grave(self) -> Path:
        return self._grave / str(len(list(self._grave.iterdir())))


class RecordingDisk(FaultyDisk):
    """A disk without a fault that notes each content that a name was given."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[Path, list[bytes]] = {}

    def replace(self, part: Path, path: Path) -> None:
        super().replace(part, path)
        self.contents.setdefault(path, []).append(path.read_bytes())


@contextmanager
def used(disk: Disk) -> Iterator[None]:
    """Let the storage module write to this disk."""
    before, storage.disk = storage.disk, disk
    try:
        yield
    finally:
        storage.disk = before


def count(operations: Iterable[str], fault: str) -> int:
    """Say how many operations a fault could strike."""
    return sum(_can_strike(fault, operation) for operation in operations)


def points(operations: Sequence[str], faults: Sequence[str]) -> list[Point]:
    """List every fault at every operation of a run that went well, once and for ever."""
    return [
        Point(fault=fault, at=at, for_ever=for_ever)
        for fault in faults
        for for_ever in ((False,) if fault == KILL else (False, True))
        for at in range(1, count(operations, fault) + 1)
    ]


def _can_strike(fault: str, operation: str) -> bool:
    return operation in _STRIKES_ONLY.get(fault, (operation,))
