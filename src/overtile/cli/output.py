"""What a command leaves on standard output: a summary for a person, or JSON for a program."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from overtile.errors import OutputError, printable
from overtile.storage import make_folder, write_json

_FINER_IOUS = ("_55", "_60", "_65", "_70", "_80", "_85", "_90", "_95")
_COUNTS = (
    *("_positives", "_negatives", "count_error", "merges", "splits"),
    *("objects_added", "objects_removed", "holes_added", "holes_removed", "_area_px", "_volume_px"),
)


def emit(lines: Iterable[str], content: dict[str, Any], json_target: str | None) -> None:
    """Print `lines`, and write `content` as JSON if asked.

    Parameters
    ----------
    lines : iterable of str
        The summary.
    content : dict
        The result, of plain values.
    json_target : str or None
        A file, or ``-`` for standard output, which then holds nothing else.

    Raises
    ------
    OutputError
        If the file or standard output cannot be written to; the other has been, then.
    """
    if json_target == "-":
        _print([json.dumps(content, indent=2, allow_nan=False)])
        return
    try:
        _print(printable(line) for line in lines)
    finally:
        if json_target is not None:
            make_folder(Path(json_target).parent)
            write_json(Path(json_target), content)


def tell(line: str) -> None:
    """Print one line for a person on standard error; work goes on where that cannot be."""
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except OSError:  # The disk is full, or the reader gone.
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Send to nowhere what a stream still holds, for nobody takes it; else Python's end fails."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print(lines: Iterable[str]) -> None:
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)  # Its reader, such as `head`, has seen enough.
    except OSError as error:
        silence(sys.stdout)
        raise OutputError(
            f"standard output cannot be written ({error.strerror or error})",
            remedy="make room, or send it elsewhere",
        ) from error


def table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Align names and values."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def numbers(scores: dict[str, float]) -> list[tuple[str, str]]:
    """Round the scores that a person looks at first; the JSON holds all of them."""
    return [
        (name, _rounded(name, value))
        for name, value in scores.items()
        if not name.endswith(_FINER_IOUS)
    ]


def _rounded(name: str, value: float) -> str:
    if not any(word in name for word in _COUNTS):
        return f"{value:.4f}"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
