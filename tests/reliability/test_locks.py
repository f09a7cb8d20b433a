"""Two processes never work in one folder, and a process that is dead holds none."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness.holder import Holder, race

from overtile import storage
from overtile.errors import OutputError
from overtile.locks import LOCK_NAME, locked

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

PROCESSES = 4


@pytest.fixture
def holders() -> Iterator[list[Holder]]:
    with ExitStack() as running:
        yield [running.enter_context(Holder()) for _ in range(PROCESSES)]


def told(holder: Holder) -> re.Pattern[str]:
    """Give what a process must be told that a holder is in its way of."""
    host = re.escape(socket.gethostname())
    since = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
    return re.compile(f"is in use by process {holder.process.pid} on {host} since {since}; wait")


def test_of_two_that_start_at_once_one_wins_and_the_other_is_told_by_whom(
    holders: list[Holder], tmp_path: Path, amount: Amount, tally: Tally
) -> None:
    pair, races = holders[:2], amount(20, 50)
    won = [0, 0]
    for number in range(races):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcomes = race(pair, folder)
        (winner,) = (one for one in (0, 1) if outcomes[one]["holds"])
        loser = outcomes[1 - winner]
        assert told(pair[winner]).search(loser["said"]), loser["said"]
        assert loser["seconds"] < 2
        assert list(folder.iterdir()) == []
        won[winner] += 1
    tally("races for a folder", races, races, won_by_the_first=won[0], won_by_the_second=won[1])


def test_two_are_never_in_a_folder_however_often_it_changes_hands(
    holders: list[Holder], tmp_path: Path, amount: Amount
) -> None:
    times = amount(200, 2000) // PROCESSES
    for holder in holders:
        holder.ask("cycle", tmp_path, times)
    assert [holder.answer() for holder in holders] == [{"alone": times, "together": 0}] * PROCESSES
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_free_at_once_when_its_holder_is_killed(
    holders: list[Holder], tmp_path: Path
) -> None:
    killed, next_one, late, _ = holders
    assert killed.take(tmp_path)["holds"]
    assert told(killed).search(next_one.take(tmp_path)["said"])
    killed.process.kill()
    killed.process.wait()
    began = time.monotonic()
    assert next_one.take(tmp_path)["holds"]
    assert time.monotonic() - began < 1
    assert told(next_one).search(late.take(tmp_path)["said"])


def test_a_holder_that_is_dead_is_not_named_for_the_next_one(
    holders: list[Holder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert holders[0].take(tmp_path)["holds"]
    holders[0].process.kill()
    holders[0].process.wait()
    (note,) = tmp_path.glob("*owner*")
    there: list[bool] = []
    monkeypatch.setattr(storage, "write_json", lambda path, _: there.append(path.exists()))
    with locked(tmp_path):
        assert there == [False]
    assert not note.exists()


def test_a_copy_of_a_folder_in_use_is_free(holders: list[Holder], tmp_path: Path) -> None:
    folder, copy = tmp_path / "run", tmp_path / "copy"
    folder.mkdir()
    assert holders[0].take(folder)["holds"]
    shutil.copytree(folder, copy)
    assert (copy / LOCK_NAME).exists()
    assert holders[1].take(copy)["holds"]
    assert told(holders[0]).search(holders[2].take(folder)["said"])


def test_a_holder_whose_note_is_lost_is_still_in_the_way(
    holders: list[Holder], tmp_path: Path
) -> None:
    assert holders[0].take(tmp_path)["holds"]
    for path in tmp_path.glob("*owner*"):
        path.unlink()
    late = holders[1].take(tmp_path)
    assert "is in use by another process; wait" in late["said"]
    assert late["seconds"] < 2


def test_a_process_does_not_take_a_folder_twice(tmp_path: Path) -> None:
    with locked(tmp_path):
        with (
            pytest.raises(OutputError, match=f"is in use by process {os.getpid()} "),
            locked(tmp_path),
        ):
            pass
        assert (tmp_path / LOCK_NAME).exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_a_file_system_that_refuses_locks_is_told_and_the_folder_is_not_shared(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    with (
        pytest.raises(OutputError, match=rf"cannot be locked \({os.strerror(code)}\); "),
        locked(tmp_path),
    ):
        pytest.fail("the folder was taken without a lock")


@pytest.mark.parametrize("obstacle", ["folder", "link to nothing", "link to itself"])
def test_what_bears_the_name_of_the_lock_is_not_followed(tmp_path: Path, obstacle: str) -> None:
    lock = tmp_path / LOCK_NAME
    if obstacle == "folder":
        lock.mkdir()
    else:
        lock.symlink_to(lock if obstacle == "link to itself" else tmp_path / "nothing")
    with pytest.raises(OutputError, match="cannot be locked"), locked(tmp_path):
        pytest.fail("the folder was taken without a lock")
    assert list(tmp_path.iterdir()) == [lock]


def test_a_folder_that_is_not_there_cannot_be_held(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"none: cannot be locked \(No such file"),
        locked(tmp_path / "none"),
    ):
        pytest.fail("a folder that is not there was taken")
    assert list(tmp_path.iterdir()) == []
