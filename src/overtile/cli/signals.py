"""Ctrl-C and SIGTERM as a request to save and stop; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
from types import FrameType

from overtile.progress import StopRequest

_EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 75}


def stop_on_signals() -> StopRequest:
    """Take over both signals and give the question that long work asks."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(_EXIT_CODES[signal.Signals(number)])

    for number in _EXIT_CODES:
        signal.signal(number, note)
    return lambda: received[0] if received else None
