"""Processes that begin with everything imported, and are killed when it suits least.

A zygote imports torch and overtile once, computes nothing, and forks a child for each command: a
child begins in milliseconds instead of seconds, and is a process of its own all the same. The
children of one zygote share the seed of Python's hashes.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import mmap
import os
import pkgutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

SHARED_BYTES = 64
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_POLL_S = 0.001


@dataclass(frozen=True, kw_only=True)
class Strike:
    """One signal: `after_s` seconds after the child began, or after it set a byte it shares."""

    after_s: float
    signal: int = signal.SIGKILL
    mark: int | None = None
    """Number of the shared byte that is waited for; the clock starts once it is not 0."""

    whole_group: bool = True
    """Also to the processes that the child started."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a child is to run, where, and how it is to be disturbed."""

    argv: Sequence[str]
    """Arguments of `overtile`; a strike comes at the earliest when its `main` is called."""

    folder: Path
    output: Path
    """Takes standard output and standard error; what was in it is lost."""

    hook: str = ""
    """``module:function``, called first in the child with the `SHARED_BYTES` bytes of memory (0 at
    first) that the zygote reads after the child is dead."""

    environment: dict[str, str] = field(default_factory=dict)
    strikes: tuple[Strike, ...] = ()
    limit_s: float = 120.0
    """The child is taken to hang, and is killed, when it runs longer."""

    patience_s: float = 5.0
    """How long the processes that the child started may outlive it."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a child ended."""

    code: int
    """Exit code; that of a signal is negative."""

    seconds: float
    struck: int
    """How many of its strikes it lived to receive."""

    shared: bytes
    hung: bool
    left_alive: int
    """Processes that it started and that outlived it beyond patience; they are killed."""


class Zygote:
    """A process to fork commands from; ends with the `with` block.

    Parameters
    ----------
    prepare : str, optional
        ``module:function``, called once before the first fork. It must start no thread.
    """

    def __init__(self, prepare: str = "") -> None:
        environment = os.environ | dict.fromkeys(_ONE_THREAD, "1")
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.zygote", prepare],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Zygote:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, command: Command) -> Ended:
        """Run one command to its end."""
        return self.run_together([command])[0]

    def run_together(self, commands: Sequence[Command]) -> list[Ended]:
        """Run several commands that begin at the same time, and wait for all of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = [asdict(command) for command in commands]
        self._process.stdin.write(json.dumps(asked, default=os.fspath) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the zygote is dead; standard error says why")
        return [Ended(**one | {"shared": bytes(one["shared"])}) for one in json.loads(answer)]


class _Child:
    """A child, as the zygote sees it."""

    def __init__(self, pid: int, shared: mmap.mmap, command: dict[str, Any]) -> None:
        self.pid = pid
        self.shared = shared
        self.command = command
        self.began = time.monotonic()
        self.clocks: dict[int, float] = {}
        self.pending = list(command["strikes"])
        self.struck = 0
        self.hung = False

    def ended(self) -> dict[str, Any] | None:
        """Strike where it is time, and say how the child ended if it did."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            self._disturb(time.monotonic())
            return None
        return {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": time.monotonic() - self.began,
            "struck": self.struck,
            "shared": list(self.shared[:]),
            "hung": self.hung,
            "left_alive": _left_alive(self.pid, self.command["patience_s"]),
        }

    def _disturb(self, now: float) -> None:
        for strike in list(self.pending):
            start = self.began if strike["mark"] is None else self._marked(strike["mark"], now)
            if start is not None and now >= start + strike["after_s"]:
                self.pending.remove(strike)
                self.struck += 1
                (os.killpg if strike["whole_group"] else os.kill)(self.pid, strike["signal"])
        if not self.hung and now > self.began + self.command["limit_s"]:
            self.hung = True
            os.killpg(self.pid, signal.SIGKILL)

    def _marked(self, mark: int, now: float) -> float | None:
        return self.clocks.setdefault(mark, now) if self.shared[mark] else None


def _serve(prepare: str) -> int:
    """Run what is asked on standard input, line by line, and answer on standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _import_all()
    if prepare:
        _named(prepare)()
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"{threads} threads run before the first fork")
    gc.freeze()
    for line in sys.stdin:
        children: list[_Child] = []
        for command in json.loads(line):
            shared = mmap.mmap(-1, SHARED_BYTES)
            pid = os.fork()
            if pid == 0:
                answers.close()
                _end(_child(command, shared))
            with suppress(OSError):  # Both sides say so: whoever comes first.
                os.setpgid(pid, pid)
            children.append(_Child(pid, shared, command))
        answers.write(json.dumps(_outcomes(children)) + "\n")
        answers.flush()
    return 0


def _outcomes(children: list[_Child]) -> list[dict[str, Any]]:
    ended: dict[int, dict[str, Any]] = {}
    while len(ended) < len(children):
        time.sleep(_POLL_S)
        for child in children:
            if child.pid not in ended and (outcome := child.ended()) is not None:
                ended[child.pid] = outcome
    return [ended[child.pid] for child in children]


def _child(command: dict[str, Any], shared: mmap.mmap) -> int:
    """Become the command; give its exit code."""
    with suppress(OSError):
        os.setpgid(0, 0)
    output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    for opened in (null, output):
        os.close(opened)
    os.environ.update(command["environment"])
    os.chdir(command["folder"])
    if command["hook"]:
        _named(command["hook"])(shared)
    from overtile.cli.main import main

    return main(command["argv"])


def _end(code: int) -> None:
    """End as Python does, but leave it to the system to tear down half a million objects."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _import_all() -> None:
    package = importlib.import_module("overtile")
    for module in pkgutil.walk_packages(package.__path__, "overtile."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # The command that needs the module will say so.
                importlib.import_module(module.name)
    # Torch puts off two seconds of imports until the first weight or optimiser is made.
    importlib.import_module("torch._dynamo")


def _named(name: str) -> Callable[..., None]:
    module, function = name.split(":")
    found: Callable[..., None] = getattr(importlib.import_module(module), function)
    return found


def _left_alive(group: int, patience_s: float) -> int:
    """Wait for the processes of a group to end; count and kill those that do not."""
    end = time.monotonic() + patience_s
    while members := _members(group):
        if time.monotonic() > end:
            os.killpg(group, signal.SIGKILL)
            break
        time.sleep(0.02)
    return len(members)


def _members(group: int) -> list[int]:
    """Processes of a group that are not dead and waited for."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == group:
                state = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
                found += [int(entry.name)] * (state != "Z")
    return found


if __name__ == "__main__":
    sys.exit(_serve(sys.argv[1]))
