from __future__ import annotations

import io
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overtile.cli.main import main
from overtile.errors import StoppedError

COMMANDS = ("check", "train", "predict", "evaluate", "report", "info", "demo")


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `overtile info` meet an error deep inside."""

    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr("overtile.workflows.info.load_model", fail)


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_names_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []


def test_the_arguments_of_the_process_are_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["overtile", "info", "--help"])
    assert main() == 0
    assert "MODEL" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_takes_json(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["segment"], "No such command 'segment'"),
        (["info"], "Missing argument 'MODEL'"),
        (["info", "a", "b"], "unexpected extra argument"),
        (["info", "a", "--what"], "No such option"),
        (["info", "a", "--json"], "requires an argument"),
        (["predict", "run", "--out", "o"], "Missing argument 'INPUT...'"),
        (["predict", "run", "a"], "Missing option '--out'"),
        (["predict", "run", "a", "--out", "o", "--tta", "all"], "'rotations7'"),
        (["evaluate", "a", "b", "--task", "best"], "'isbi2012'"),
        (["train", "a", "b", "--out", "o", "--labels", "ids"], "'instances'"),
        (["train", "a", "b", "--out", "o", "--steps", "many"], "Invalid value for '--steps'"),
        (["train", "a", "b", "--out", "o", "--seed", "-1"], "Invalid value for '--seed'"),
        (["train", "a", "b", "--out", "o", "--seed", str(1 << 63)], "Invalid value for '--seed'"),
    ],
)
def test_a_mistyped_command_is_told_in_one_line(
    arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert shown.err.startswith("error: ")
    assert fault in shown.err
    assert "see `overtile --help`" in shown.err


@pytest.mark.parametrize("code", [3, 75, 130])
def test_stopped_work_ends_with_its_own_code(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, StoppedError("saved", remedy="go on", exit_code=code))
    assert main(["info", "run"]) == code
    assert capsys.readouterr().err == "stopped: saved; go on\n"


def test_our_own_fault_is_shown_in_full_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, ZeroDivisionError("by\nzero"))
    assert main(["info", "run"]) == 1
    *trace, last = capsys.readouterr().err.splitlines()
    assert trace[0].startswith("Traceback")
    assert last.startswith("error: this is a fault of overtile (ZeroDivisionError: by zero)")


def test_a_lack_of_memory_is_told_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, MemoryError())
    assert main(["info", "run"]) == 2
    assert capsys.readouterr().err.startswith("error: memory ran out; predict with less --memory")


def test_ctrl_c_without_anything_to_save_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    assert main(["info", "run"]) == 130
    assert capsys.readouterr().err.strip().splitlines() == [
        "stopped at once; files that are written are whole"
    ]


def test_info_leaves_out_what_is_not_known(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(trained / "last.safetensors")]) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in shown if line[0] == "scores"] == []
    assert ["step", "12"] in shown


def test_letters_that_the_terminal_lacks_fail_nothing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copy(trained / "model.safetensors", tmp_path / "µ.safetensors")
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, encoding="ascii"))
    assert main(["info", str(model)]) == 0
    assert rb"\xb5.safetensors" in screen.getvalue()


def test_a_reader_that_has_gone_is_no_fault(trained: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "overtile", "info", str(trained)]
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "2>/dev/full"])
def test_streams_that_cannot_be_used_fail_nothing(
    trained: Path, tmp_path: Path, streams: str
) -> None:
    command = f"exec {sys.executable} -m overtile info {trained} --json {tmp_path}/a.json {streams}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["in_channels"] == 1


def test_a_summary_that_cannot_be_told_is_an_error_and_the_json_is_written(
    trained: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "overtile",
        "info",
        str(trained),
        "--json",
        str(tmp_path / "a"),
    ]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.decode()) == (
        2,
        "error: standard output cannot be written (No space left on device); make room, or send it "
        "elsewhere\n",
    )
    assert (tmp_path / "a").exists()


def test_what_libraries_log_is_not_told(
    monkeypatch: pytest.MonkeyPatch, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assert main(["info", str(trained)]) == 0
    logging.getLogger("matplotlib").warning("a temporary folder was made")
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_help_that_finds_no_room_is_told_in_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "overtile", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    told = b"error: standard output: No space left on device; make room"
    assert done.stderr.startswith(told)
    assert done.stderr.count(b"\n") == 1
