"""Processes that hold folders: light ones, that import the storage module and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from overtile.errors import OutputError
from overtile.locks import locked

_HEAD_START_S = 0.02


class Holder:
    """A process that takes and lets go of folders as it is told; ends with the `with` block."""

    def __init__(self) -> None:
        path = os.pathsep.join(one for one in sys.path if one)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.holder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            text=True,
        )

    def __enter__(self) -> Holder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, action: str, folder: Path, number: float = 0) -> None:
        """Tell it to do something: ``take`` at a time, ``let go``, or ``cycle`` so many times."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([action, str(folder), number]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for what came of it."""
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def take(self, folder: Path) -> dict[str, Any]:
        """Have it take a folder; it answers if it ``holds`` it, what it ``said``, in what time."""
        self.ask("take", folder)
        return self.answer()


def race(holders: list[Holder], folder: Path) -> list[dict[str, Any]]:
    """Have all take a folder at the same moment, and let go of it; give what came of each."""
    start = time.monotonic() + _HEAD_START_S
    for holder in holders:
        holder.ask("take", folder, start)
    outcomes = [holder.answer() for holder in holders]
    for holder, outcome in zip(holders, outcomes, strict=True):
        if outcome["holds"]:
            holder.ask("let go", folder)
            holder.answer()
    return outcomes


def _take(held: ExitStack, folder: Path, start: float) -> dict[str, Any]:
    while time.monotonic() < start:
        pass
    began = time.monotonic()
    said = ""
    try:
        held.enter_context(locked(folder))
    except OutputError as error:
        said = str(error)
    return {"holds": not said, "said": said, "seconds": time.monotonic() - began}


def _cycle(folder: Path, times: int) -> dict[str, Any]:
    """Take and let go of a folder so many times; count how often another was in it as well."""
    alone = together = 0
    inside = folder / "inside"
    while alone + together < times:
        try:
            with locked(folder):
                try:
                    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    together += 1
                    continue
                time.sleep(0.001)
                inside.unlink()
                alone += 1
        except OutputError:
            pass
    return {"alone": alone, "together": together}


def _serve() -> None:
    held = ExitStack()
    for line in sys.stdin:
        action, folder, number = json.loads(line)
        if action == "take":
            answer = _take(held, Path(folder), number)
        elif action == "cycle":
            answer = _cycle(Path(folder), number)
        else:
            held.close()
            answer = {}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
