"""How long work tells what it is doing, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


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
