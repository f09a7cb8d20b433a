"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from overtile.cli.output import tell
from overtile.errors import printable

_SECONDS_BETWEEN_LINES = 30.0


class ShownProgress:
    """A listener that a person watches; use it as a context, so that the bar goes at the end."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, float]] = {}
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print one statement above the bar."""
        if self._console.is_terminal:
            self._console.print(printable(text), markup=False)
        else:
            tell(text)

    def advance(self, task: str, done: float, total: float, note: str = "") -> None:
        """Move the bar, or print a line if the last one is old."""
        if not self._console.is_terminal:
            self._line(task, done, total, note)
            return
        note = printable(note)
        if task not in self._tasks:
            self._tasks[task] = self._bar.add_task(task, total=total, note=note)
        self._bar.update(self._tasks[task], completed=done, total=total, note=note)

    def _line(self, task: str, done: float, total: float, note: str) -> None:
        now = time.monotonic()
        began, first = self._began.setdefault(task, (now, done))
        if now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        left = ""
        if done > first:
            seconds = (now - began) * (total - done) / (done - first)
            left = f", {seconds / 60:.0f} min left" if seconds >= 90 else f", {seconds:.0f} s left"
        tell(f"{task} {100 * done / total:.0f} %{left}: {note}")
