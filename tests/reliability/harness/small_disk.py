"""A process that meets disks as they can be: full, read-only, or with a limit on files.

It is started as ``python -m harness.small_disk TEMPLATE PLACE TROUBLE...`` and prints outcomes as
JSON. A trouble is ``full ROOM``, ``limit BYTES``, ``read-only folder``, ``temporary full`` or
``temporary missing``. All but the second and the last need a mount namespace of their own.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
)
from functools import partial
from pathlib import Path
from typing import Any

from harness.jobs import COMMANDS, Job, attempt, fresh, leftovers, recorded
from overtile.cli.main import main
from overtile.storage import Disk

DISK_BYTES = 8 << 20
_UNLIMITED = resource.RLIM_INFINITY


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount eight megabytes at a folder."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder)
    yield
    _run("umount", folder)
    folder.rmdir()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder one that even root cannot write to."""
    _run("mount", "--bind", folder, folder)
    _run("mount", "-o", "remount,ro,bind", folder)
    yield
    _run("umount", folder)


@contextmanager
def full(folder: Path, room: int) -> Iterator[None]:
    """Leave only so many bytes on the disk of a folder, rounded up to pages."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        file.write(bytes(max(free - room, 0)))
    yield
    filler.unlink()


@contextmanager
def limited(largest: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, _UNLIMITED))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (_UNLIMITED, _UNLIMITED))


@contextmanager
def temporary_at(folder: Path) -> Iterator[None]:
    """Have temporary files belong at a folder."""
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
    yield
    del os.environ["TMPDIR"]


def outcomes(template: Path, place: Path, troubles: list[str]) -> Iterator[dict[str, Any]]:
    """Run every command in every trouble, and again when that is over."""
    for name, arguments in COMMANDS.items():
        job = recorded(Job(template=template, run=partial(main, arguments)), place / "good")
        for trouble in troubles:
            with ExitStack() as mounted:
                files, met = _prepared(job, trouble, place, mounted)
                with met:
                    first = _outcome(job, files)
                again = _outcome(job, files)["code"] if first["code"] else 0
            yield {"command": name, "trouble": trouble, "again": again, **first}


def _prepared(
    job: Job, trouble: str, place: Path, mounted: ExitStack
) -> tuple[Path, AbstractContextManager[None]]:
    """Lay out the files of a job; give them, and what is to be met."""
    kind, number = trouble.split()
    small = place / "small"
    if kind == "full":
        mounted.enter_context(small_disk(small))
        return fresh(job, small), full(small, int(number))
    files = fresh(job, place / "place")
    if kind == "limit":
        return files, limited(int(number))
    if kind == "read-only":
        return files, read_only(files)
    if number == "full":
        mounted.enter_context(small_disk(small))
        mounted.enter_context(full(small, 0))
    return files, temporary_at(small)


def _outcome(job: Job, folder: Path) -> dict[str, Any]:
    said = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(said):
        code = attempt(job, Disk(), folder)
    wrong = job.third_things(folder) + leftovers(folder)
    wrong += job.unfinished(folder) if code == job.code else []
    return {"code": code, "said": said.getvalue(), "wrong": wrong}


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    answer = list(outcomes(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
    sys.stdout.write(json.dumps(answer))
