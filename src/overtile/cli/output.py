"""What a command leaves on standard output: a summary for a person, or JSON for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
    """
    if json_target == "-":
        sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")
        return
    for line in lines:
        print(line)
    if json_target is not None:
        make_folder(Path(json_target).parent)
        write_json(Path(json_target), content)


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
