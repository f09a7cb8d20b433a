"""The child process that reads hostile files: it imports, arms an audit hook, and reads them all.

What is asked comes on standard input, and how each file was met goes to standard output, as JSON.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import sys
import sysconfig
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import CodeType
from typing import Any

FORBIDDEN = {
    *("compile", "pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.fork"),
    *("os.posix_spawn", "os.spawn", "socket.connect", "ctypes.dlopen"),
}
_MOST_BYTES = 1 << 30
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_TRUSTED = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_OURS = str(Path(__file__).parents[3] / "src")

Command = Callable[[str], int]
"""What is done with a path; gives an exit code."""


class Watch:
    """An audit hook that notes what no reader of models may do; it cannot be taken off again."""

    def __init__(self) -> None:
        self.armed = False
        self.events: list[str] = []
        self.usual: set[str] = set()
        """What also happens where the file is good: typer evaluates the types of its options."""

        self.roots = {name.partition(".")[0] for name in sys.modules} | sys.stdlib_module_names
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.armed and self._is_forbidden(event, arguments):
            told = f"{event} {[_told(one) for one in arguments]}"[:300]
            if told not in self.usual:
                self.events.append(told)

    def _is_forbidden(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "exec":
            code = arguments[0]
            known = isinstance(code, CodeType) and code.co_filename.startswith((*_TRUSTED, _OURS))
            return not known
        if event == "import":
            return str(arguments[0]).partition(".")[0] not in self.roots
        if event == "open":
            _, mode, flags = arguments
            return bool(set(mode or "") & set("wax+")) or bool((flags or 0) & _WRITING)
        return event in FORBIDDEN


class Peak:
    """The largest memory of this process since it was reset; nothing where Linux does not tell."""

    def __init__(self) -> None:
        self._reset = None
        with suppress(OSError):
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY)

    def reset(self) -> None:
        if self._reset is not None:
            os.write(self._reset, b"5")

    def read(self) -> int:
        if self._reset is None:
            return 0
        lines = map(str.split, Path("/proc/self/status").read_text("utf-8").splitlines())
        return next(1024 * int(line[1]) for line in lines if line[0] == "VmHWM:")


def main() -> None:
    """Answer what is asked on standard input."""
    asked = json.load(sys.stdin)
    commands = {"unpickle": _unpickle} if asked["unpickle"] else _product(asked)
    for command in commands.values():
        _quietly(command, asked["good"])  # All that is imported late is imported now.
    watch, peak = Watch(), Peak()
    _limit_memory()
    for command in commands.values():
        watch.usual |= set(_met(command, asked["good"], watch, peak)["events"])
    answers = [
        {"file": path, "command": name, **_met(command, path, watch, peak)}
        for path in asked["files"]
        for name, command in commands.items()
    ]
    json.dump(answers, sys.stdout)


def _limit_memory() -> None:
    """Keep a reader that takes all memory from taking that of its neighbours."""
    with suppress(OSError):  # Linux alone tells how much there is.
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
        limit = pages * resource.getpagesize() + _MOST_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _product(asked: dict[str, Any]) -> dict[str, Command]:
    from overtile.cli.main import main as overtile

    def predict(path: str) -> int:
        out = str(Path(asked["out"], Path(path).stem))
        return overtile(["predict", path, asked["image"], "--out", out, "--save", "labels"])

    return {"info": lambda path: overtile(["info", path, "--verify"]), "predict": predict}


def _unpickle(path: str) -> int:
    with suppress(Exception):
        pickle.loads(Path(path).read_bytes())
    return 0


def _quietly(command: Command, path: str) -> tuple[int, str]:
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        code = command(path)
    return code, output.getvalue()


def _told(argument: object) -> object:
    if isinstance(argument, CodeType):
        return argument.co_filename, argument.co_names, argument.co_consts
    return argument


def _met(command: Command, path: str, watch: Watch, peak: Peak) -> dict[str, Any]:
    peak.reset()
    before, began = peak.read(), time.process_time()
    watch.events.clear()
    watch.armed = True
    code, output = _quietly(command, path)
    watch.armed = False
    return {
        "code": code,
        "output": output,
        "seconds": time.process_time() - began,
        "largest_growth": peak.read() - before,
        "events": list(watch.events),
    }


if __name__ == "__main__":
    main()
