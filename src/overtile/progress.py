"""How long work tells what it is doing and is asked to stop, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from overtile.errors import StoppedError

StopRequest: TypeAlias = Callable[[], int | None]
"""Asked often by long work; an exit code means: save and stop."""


class Progress(Protocol):
    """Listener to long work. The command line shows it; a library user may pass their own."""

    def say(self, text: str) -> None:
        """Take one finished statement, such as how a file was understood."""

    def advance(self, task: str, done: float, total: float, note: str = "") -> None:
        """Take the state of a running task: `done` of `total`, with rate or score in `note`."""


class Silence:
    """A listener that ignores everything; the default for library users."""

    def say(self, text: str) -> None:
        """Ignore `text`."""

    def advance(self, task: str, done: float, total: float, note: str = "") -> None:
        """Ignore the state."""


def never() -> int | None:
    """Never ask to stop; the default for library users."""
    return None


def heed(should_stop: StopRequest, fault: str, remedy: str) -> None:
    """Raise `StoppedError` if asked to stop."""
    code = should_stop()
    if code is not None:
        raise StoppedError(fault, remedy=remedy, exit_code=code)
