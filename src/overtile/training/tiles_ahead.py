"""Batches drawn beside the network's arithmetic, and what to say if they cease to come."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from itertools import count
from types import FrameType, TracebackType
from typing import Generic, Self, TypeVar

from overtile.errors import StoppedError

SECONDS_OF_PATIENCE = 50
"""A worker that gives nothing for so long, while nothing else is waited for, hangs."""

_AHEAD = 2
_PACKAGE = __name__.partition(".")[0]

Batch = TypeVar("Batch")


class TilesAhead(Generic[Batch]):
    """Draws batch after batch in a thread of its own; use it as a context.

    Compiled kernels release the interpreter lock, so that drawing costs the network no time.

    Parameters
    ----------
    draw : callable
        Gives the batch of a step.
    first : int
        The first step to draw for.
    """

    def __init__(self, draw: Callable[[int], Batch], first: int) -> None:
        self._draw, self._first = draw, first
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
        self._ended = threading.Event()
        # A thread that hangs must not keep the process from ending.
        self._worker = threading.Thread(target=self._work, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._worker.join(timeout=1)

    def next(self) -> Batch:
        """Give the batch of the next step.

        Raises
        ------
        StoppedError
            With exit code 3 and the place where the worker stands, if it hangs.
        Exception
            What the worker died of.
        """
        for _ in range(SECONDS_OF_PATIENCE):
            try:
                # In slices: a process that was asleep meanwhile has waited for one slice only.
                batch = self._ready.get(timeout=1)
            except queue.Empty:
                continue
            if isinstance(batch, BaseException):
                raise batch
            return batch
        raise StoppedError(
            f"no training tile came for {SECONDS_OF_PATIENCE} s; the worker hangs in "
            f"{_place(sys._current_frames().get(self._worker.ident or 0))}",
            remedy="go on with the same command and --resume; report it if it happens again",
            exit_code=3,
        )

    def _work(self) -> None:
        for step in count(self._first):
            try:
                batch: Batch | BaseException = self._draw(step)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the run must tell it
                batch = error
            while not self._ended.is_set():
                try:
                    self._ready.put(batch, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if self._ended.is_set() or isinstance(batch, BaseException):
                return


def _place(frame: FrameType | None) -> str:
    """Name the innermost line of our own code."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.partition(".")[0] == _PACKAGE and module != __name__:
            return f"{module}, line {frame.f_lineno} ({frame.f_code.co_name})"
        frame = frame.f_back
    return "code that is not ours, or it has died"
