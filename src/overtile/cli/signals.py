"""Signals as requests to save and stop: Ctrl-C, and what clusters send; a second Ctrl-C hastens."""

from __future__ import annotations

import signal
from types import FrameType

from overtile.progress import StopRequest

_EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 75}
for _name in ("SIGHUP", "SIGUSR1"):  # a terminal that closes, a scheduler that warns
    if hasattr(signal, _name):
        _EXIT_CODES[signal.Signals[_name]] = 75


def stop_on_signals() -> StopRequest:
    """Take over the signals and give the question that long work asks."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        # Schedulers warn more than once before they kill; only a person means "at once".
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(_EXIT_CODES[signal.Signals(number)])

    for number in _EXIT_CODES:
        # Whoever started us with `nohup` or in the background wants a signal to be ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, note)
    return lambda: received[0] if received else None
