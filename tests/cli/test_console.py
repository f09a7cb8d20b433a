from __future__ import annotations

import io
import sys

import pytest

from overtile.cli.console import ShownProgress


class Terminal(io.StringIO):
    """A standard error that a person looks at."""

    def isatty(self) -> bool:
        return True


def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the clock of the console; the last entry is the time."""
    now = [1000.0]
    monkeypatch.setattr("overtile.cli.console.time.monotonic", lambda: now[-1])
    return now


def test_what_is_said_goes_to_standard_error_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "a [bold]name[/] and :cat: of " + 30 * "many words "
    with ShownProgress() as progress:
        progress.say(text)
    assert capsys.readouterr() == ("", text + "\n")


class Gone(io.StringIO):
    """A standard error that nothing can be written to any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_work_goes_on_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    with ShownProgress() as progress:
        progress.say("a step")
        progress.advance("training", 1, 2, "step 1")


def test_a_name_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with ShownProgress() as progress:
        progress.say("left out a\x1b[31m.tif")
    assert capsys.readouterr().err == "left out a\\x1b[31m.tif\n"


def test_without_a_terminal_a_line_comes_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock(monkeypatch)
    with ShownProgress() as progress:
        for seconds in range(61):
            now.append(1000.0 + seconds)
            progress.advance("training", seconds, 600, f"step {seconds}")
    assert capsys.readouterr().err.splitlines() == [
        "training 0 %: step 0",
        "training 5 %, 10 min left: step 30",
        "training 10 %, 9 min left: step 60",
    ]


def test_time_left_counts_from_where_a_resumed_run_began(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock(monkeypatch)
    with ShownProgress() as progress:
        progress.advance("training", 50, 100, "a")
        now.append(1040.0)
        progress.advance("training", 90, 100, "b")
    assert capsys.readouterr().err.splitlines()[-1] == "training 90 %, 10 s left: b"


def test_on_a_terminal_a_bar_moves_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with ShownProgress() as progress:
        progress.advance("predicting", 1, 4, "a [0].tif")
        progress.advance("predicting", 2, 4, "b.tif")
        progress.say("left out c.tif")
    shown = screen.getvalue()
    assert "predicting" in shown
    assert "50 %" in shown
    assert "left out c.tif" in shown
    assert shown.endswith("\x1b[2K")  # the line of the bar is erased
