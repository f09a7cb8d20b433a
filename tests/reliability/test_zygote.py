"""The harness that kills: what it says about a child is true."""

from __future__ import annotations

import mmap
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from harness.zygote import Command, Strike, Zygote


def mark_and_sleep(shared: mmap.mmap) -> None:
    shared[3] = 7
    time.sleep(60)


def leave_a_child(shared: mmap.mmap) -> None:
    subprocess.Popen(["sleep", "60"])


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(argv=["--help"], folder=tmp_path, output=tmp_path / "output.txt")


def test_a_child_is_the_command_itself(zygote: Zygote, command: Command) -> None:
    ended = zygote.run(command)
    expected = subprocess.run([sys.executable, "-m", "overtile"], capture_output=True, check=True)
    assert (ended.code, ended.left_alive, ended.hung) == (0, 0, False)
    assert command.output.read_bytes() == expected.stdout


def test_exit_codes_and_the_working_folder_are_those_of_the_command(
    zygote: Zygote, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "none.txt").write_text("no model")
    ended = zygote.run(replace(command, argv=["info", "none.txt"]))
    assert ended.code == 2
    assert command.output.read_text("utf-8").startswith("error: none.txt: ")


def test_a_strike_waits_for_the_mark_and_the_mark_outlives_the_child(
    zygote: Zygote, command: Command
) -> None:
    strike = Strike(after_s=0.05, signal=signal.SIGTERM, mark=3)
    ended = zygote.run(replace(command, hook="test_zygote:mark_and_sleep", strikes=(strike,)))
    assert (ended.code, ended.struck, ended.shared[3]) == (-signal.SIGTERM, 1, 7)
    assert 0.05 <= ended.seconds < 5


def test_a_child_that_hangs_is_killed_and_called_so(zygote: Zygote, command: Command) -> None:
    ended = zygote.run(replace(command, hook="test_zygote:mark_and_sleep", limit_s=0.1))
    assert (ended.code, ended.hung) == (-signal.SIGKILL, True)


def test_what_a_child_leaves_running_is_counted_and_killed(
    zygote: Zygote, command: Command
) -> None:
    ended = zygote.run(replace(command, hook="test_zygote:leave_a_child", patience_s=0.1))
    assert (ended.code, ended.left_alive) == (0, 1)


def test_children_asked_for_together_run_side_by_side(
    zygote: Zygote, command: Command, tmp_path: Path
) -> None:
    strike = Strike(after_s=0.5, signal=signal.SIGKILL)
    commands = [
        replace(
            command,
            hook="test_zygote:mark_and_sleep",
            strikes=(strike,),
            output=tmp_path / f"{number}.txt",
        )
        for number in range(2)
    ]
    began = time.monotonic()
    assert [ended.code for ended in zygote.run_together(commands)] == [-signal.SIGKILL] * 2
    assert time.monotonic() - began < 0.9
