from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from overtile.cli.signals import stop_on_signals

SIGNALS = {
    signal.SIGINT: 130,
    signal.SIGTERM: 75,
    signal.SIGHUP: 75,
    signal.SIGUSR1: 75,
}


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give the signals back to pytest."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_nothing_is_asked_before_a_signal_comes() -> None:
    assert stop_on_signals()() is None


@pytest.mark.parametrize(("number", "code"), SIGNALS.items())
def test_a_signal_asks_to_save_and_stop(number: signal.Signals, code: int) -> None:
    should_stop = stop_on_signals()
    signal.raise_signal(number)
    assert should_stop() == code
    assert should_stop() == code


def test_a_scheduler_that_warns_twice_is_heeded_once() -> None:
    should_stop = stop_on_signals()
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM):
        signal.raise_signal(number)
    assert should_stop() == 75


def test_what_was_ignored_before_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    should_stop = stop_on_signals()
    signal.raise_signal(signal.SIGHUP)
    assert should_stop() is None


def test_a_second_ctrl_c_stops_at_once() -> None:
    stop_on_signals()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_the_next_command_of_a_process_starts_unasked() -> None:
    stop_on_signals()
    signal.raise_signal(signal.SIGINT)
    assert stop_on_signals()() is None
