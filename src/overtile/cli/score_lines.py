"""Scores on a terminal: however many numbers there are, a person finds those that matter."""

from __future__ import annotations

import textwrap
from pathlib import Path

from overtile.cli.output import numbers, table
from overtile.errors import ConfigError
from overtile.evaluation.scores import Row, TaskScores
from overtile.storage import make_folder

_WIDTH = 80
_GAP = "  "
_MOST_LINES = 12
_WORST = 5
_LONGEST_NAME = 30


def score_lines(scores: TaskScores) -> list[str]:
    """Write a summary of scores, no line longer than 80 letters.

    Returns
    -------
    lines : list of str
        The headline first, the other numbers, the mean and SD of the headline, the worst images
        and the convention.
    """
    spread = f"mean {scores.spread.mean:.4f}, SD {scores.spread.sd:.4f} over images"
    shown = numbers(scores.summary)
    lines = table(shown) if len(shown) <= _MOST_LINES else _side_by_side(table(shown))
    hidden = len(scores.summary) - len(shown)
    if hidden:
        lines.append(f"and {hidden} numbers at other overlaps: --json or --csv")
    sure = f"{scores.spread.low:.4f} to {scores.spread.high:.4f} with 95 % confidence"
    lines += ["", f"{scores.headline}: {spread}", f"  the mean over images like these: {sure}"]
    lines += ["worst images:", *_worst(scores)]
    return [*lines, "", *textwrap.wrap(scores.convention, _WIDTH, break_long_words=False)]


def check_targets(page: Path | None, csv: Path | None, images: str | None) -> None:
    """Refuse places for results before the work, and make their folders.

    Raises
    ------
    ConfigError
        If a name does not end as its format does, or there are images without a page.
    OutputError
        If a folder cannot be made.
    """
    for option, target, end in (("--page", page, ".html"), ("--csv", csv, ".csv")):
        if target is None:
            continue
        if target.suffix.lower() != end or target.is_dir():
            raise ConfigError(
                f"{option} {target} is no name of a {end} file",
                remedy=f"give a name that ends in {end}",
            )
        make_folder(target.parent)
    if images is not None and page is None:
        raise ConfigError(
            "--images are shown on a page, and none is asked for", remedy="add --page scores.html"
        )


def _side_by_side(lines: list[str]) -> list[str]:
    """Set lines in two columns, read downwards, if they fit."""
    width = max(map(len, lines))
    if 2 * width + len(_GAP) * 2 > _WIDTH:
        return lines
    half = -(-len(lines) // 2)
    right = [*lines[half:], ""]
    return [
        f"{one:<{width}}{_GAP * 2}{other}".rstrip()
        for one, other in zip(lines[:half], right, strict=False)
    ]


def _worst(scores: TaskScores) -> list[str]:
    """Tabulate the worst images with as many numbers as fit, the headline first."""
    rows = scores.per_image[:_WORST]
    columns = [["image", *(_shortened(str(row["image"])) for row in rows)]]
    for name in _columns(scores):
        column = [name, *(_cell(row, name) for row in rows)]
        if sum(max(map(len, one)) + len(_GAP) for one in columns) + max(map(len, column)) > _WIDTH:
            continue
        columns.append(column)
    widths = [max(map(len, column)) for column in columns]
    return [
        _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]


def _columns(scores: TaskScores) -> list[str]:
    """Name the headline, then what is counted and can be checked by eye, then all else."""
    values = {name: value for row in scores.per_image for name, value in row.items()}
    names = [name for name, _ in numbers({n: float(v) for n, v in values.items() if n != "image"})]
    counts = sorted((name for name in names if isinstance(values[name], int)), key=len)
    return list(dict.fromkeys([scores.headline, *counts, *names]))


def _cell(row: Row, name: str) -> str:
    if name not in row:
        return "-"
    ((_, value),) = numbers({name: float(row[name])})
    return value


def _shortened(name: str) -> str:
    """Leave out the middle of a long name: both ends tell images apart."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = (_LONGEST_NAME - 3) // 2
    return f"{name[:half]}...{name[-half:]}"
