"""Train, predict and score in one process, and tell what was written outside the working folder.

The last argument names the file that the paths are written to; the others are the commands, one
JSON list of arguments each.
"""

from __future__ import annotations

import json
import locale
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_CACHES = ("__pycache__", "numba", "matplotlib", "torchinductor", "/dev/null", "/proc")
_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod")

elsewhere: list[str] = []


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note each change of the disk outside the working folder; caches of libraries apart."""
    writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & _WRITE)
    if (writes or event in _CHANGES) and isinstance(arguments[0], str | bytes):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not path.startswith(f"{Path.cwd()}/") and not any(name in path for name in _CACHES):
            elsewhere.append(f"{event} {path}")


def main() -> int:
    """Run the commands up to the first that fails."""
    *commands, note = sys.argv[1:]
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    tempfile.gettempdir()  # It tries which folder can be written to.
    sys.addaudithook(watch)
    from overtile.cli.main import main as overtile

    code = 0
    for command in commands:
        code = code or overtile(json.loads(command))
    Path(note).write_text(json.dumps(elsewhere), "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
