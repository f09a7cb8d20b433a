"""Errors that teach: what is wrong, with which file, and the way out.

The tree::

    OvertileError               anything that a user can mend (exit code 2)
    ├── ImageError              an image that cannot be read or has the wrong shape
    ├── LabelError              a label image that cannot mean what it should
    ├── PairError               images and labels that do not belong together
    ├── ConfigError             a recipe or an option outside its range
    ├── ModelError              a model file that is not one, or does not fit the image
    ├── RecordError             a record that is missing, damaged or of another release
    ├── DivergedError           a loss that is no longer a number
    ├── OutputError             a place that cannot or must not be written to
    └── StoppedError            work saved on request, to be resumed (exit codes 3, 75 and 130)

Every one is also a `ValueError`, so that a library user may catch either. The command line prints
``error: <file>: <what is wrong>; <what to do>`` and no traceback.
"""

from __future__ import annotations

import unicodedata
from os import PathLike
from pathlib import Path
from typing import Self

_NOT_SHOWN = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: control characters, parts of characters, ends of lines and paragraphs."""


class OvertileError(ValueError):
    """A fault that the user can mend.

    Parameters
    ----------
    fault : str
        What is wrong, with the value that was found.
    remedy : str
        What to do about it.
    path : path, optional
        The file it is about.
    """

    exit_code = 2

    def __init__(
        self, fault: str, *, remedy: str = "", path: str | PathLike[str] | None = None
    ) -> None:
        super().__init__(fault)
        self.fault = fault
        self.remedy = remedy
        self.path = None if path is None else Path(path)

    def at(self, path: str | PathLike[str]) -> Self:
        """Name the file, for a fault found by code that sees arrays only; an earlier name stays."""
        if self.path is None:
            self.path = Path(path)
        return self

    def __str__(self) -> str:
        """Write the fault on one line, whatever a file name may hold."""
        where = "" if self.path is None else f"{printable(str(self.path))}: "
        remedy = f"; {self.remedy}" if self.remedy else ""
        return where + printable(" ".join(f"{self.fault}{remedy}".split()))


class ImageError(OvertileError):
    """An image cannot be read, or its shape does not fit what is asked."""


class LabelError(OvertileError):
    """A label image cannot mean what it should."""


class PairError(OvertileError):
    """Images and labels do not belong together."""


class ConfigError(OvertileError):
    """A recipe or an option is outside its range."""


class ModelError(OvertileError):
    """A model file is not one, or does not fit the image."""


class RecordError(OvertileError):
    """A record beside results or a run is missing, damaged, or of another release."""


class DivergedError(OvertileError):
    """The loss is no longer a number."""


class OutputError(OvertileError):
    """A place cannot, or must not, be written to."""


class StoppedError(OvertileError):
    """Work stopped part-way, and can be resumed.

    Parameters
    ----------
    exit_code : int
        130 for Ctrl-C, 75 for SIGTERM, 3 for a disk that failed part-way.
    """

    def __init__(self, fault: str, *, remedy: str, exit_code: int) -> None:
        super().__init__(fault, remedy=remedy)
        self.exit_code = exit_code


def printable(text: str) -> str:
    r"""Escape what no terminal should be sent: line ends, control characters, and broken UTF-8.

    Examples
    --------
    >>> print(printable("two\nlines"))
    two\nlines
    """
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in _NOT_SHOWN
        else letter
        for letter in text
    )
