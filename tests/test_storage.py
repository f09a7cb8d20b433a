from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overtile import storage
from overtile.errors import OutputError
from overtile.storage import (
    TEMPORARY_SUFFIX,
    demand_room,
    make_folder,
    remove,
    sweep,
    write_bytes,
    write_json,
    write_text,
)


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    return path


@pytest.mark.parametrize("content", [b"", b"new", bytes(range(256)) * 4096])
def test_a_file_holds_what_was_given_and_nothing_else_is_left(old: Path, content: bytes) -> None:
    write_bytes(old, content)
    assert old.read_bytes() == content
    assert names(old.parent) == ["a.txt"]


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_failing_disk_leaves_the_old_file_and_no_temporary(
    old: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, failing(errno.EIO))
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written \(Input/output error\)"):
        write_bytes(old, b"new")
    assert old.read_bytes() == b"old"
    assert names(old.parent) == ["a.txt"]


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_failing_disk_leaves_nothing_where_there_was_nothing(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, failing(errno.EIO))
    with pytest.raises(OutputError):
        write_bytes(tmp_path / "a.txt", b"new")
    assert names(tmp_path) == []


def test_a_full_disk_is_told_with_the_file_and_the_bytes_needed(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", failing(errno.ENOSPC))
    monkeypatch.setattr(storage.disk, "free_bytes", lambda _: 1_000_000)
    with pytest.raises(OutputError) as refusal:
        write_bytes(old, bytes(1234))
    assert str(refusal.value) == (
        f"{old}: cannot be written (No space left on device); "
        "1234 bytes are needed and 1000000 are free: make room, or choose another folder"
    )


def test_a_write_that_ends_half_way_leaves_the_old_file(old: Path) -> None:
    code = (
        "import pathlib, resource, sys; from overtile.storage import write_bytes;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "write_bytes(pathlib.Path(sys.argv[1]), bytes(5000))"
    )
    done = subprocess.run([sys.executable, "-c", code, old], capture_output=True, check=False)
    assert b"a.txt: cannot be written (File too large); 5000 bytes are needed" in done.stderr
    assert old.read_bytes() == b"old"
    assert names(old.parent) == ["a.txt"]


def test_a_killed_writer_leaves_the_old_file_and_what_sweep_removes(old: Path) -> None:
    code = (
        "import os, pathlib, sys; from overtile.storage import write_bytes;"
        "os.fsync = lambda _: os._exit(9);"
        "write_bytes(pathlib.Path(sys.argv[1]), b'new')"
    )
    done = subprocess.run([sys.executable, "-c", code, old], check=False)
    assert done.returncode == 9
    assert old.read_bytes() == b"old"
    assert [name.endswith(TEMPORARY_SUFFIX) for name in names(old.parent)] == [True, False]
    sweep(old.parent)
    assert names(old.parent) == ["a.txt"]


def test_bytes_are_on_the_disk_before_they_bear_the_name(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_sync: list[bytes] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        at_sync.append(old.read_bytes())
        sync(descriptor)

    monkeypatch.setattr("os.fsync", note)
    write_bytes(old, b"new")
    assert at_sync == [b"old", b"new"]  # The file before the renaming, its folder after it.


def test_a_drive_that_cannot_sync_folders_is_no_failure(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.disk, "sync_folder", failing(errno.EINVAL))
    write_bytes(old, b"new")
    assert old.read_bytes() == b"new"


def test_an_interrupted_writer_leaves_no_temporary(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(old, b"new")
    assert names(old.parent) == ["a.txt"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none/a\.txt: cannot be written \(No such file"):
        write_bytes(tmp_path / "none" / "a.txt", b"new")


@pytest.mark.parametrize("name", ["a", "link", ".", "..", "/"])
def test_a_folder_is_never_replaced_by_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(OutputError, match=r"cannot be written .*; remove that folder, or choose"):
        write_bytes(tmp_path / name, b"new")
    assert names(tmp_path) == ["a", "link"]
    assert (tmp_path / "link").is_symlink()


def test_a_file_that_its_owner_protects_is_not_replaced(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is protected from root: the question is answered for another user.
    monkeypatch.setattr("os.access", lambda path, mode: (path, mode) != (old, os.W_OK))
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written \(Permission denied\)"):
        write_bytes(old, b"new")
    assert old.read_bytes() == b"old"
    assert names(old.parent) == ["a.txt"]


@pytest.mark.parametrize("target", ["none", "link", "other"])
def test_a_link_is_replaced_and_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "other").write_bytes(b"old")
    (tmp_path / "link").symlink_to(target)
    write_bytes(tmp_path / "link", b"new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"new"
    assert (tmp_path / "other").read_bytes() == b"old"
    assert names(tmp_path) == ["link", "other"]


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, b"new"), make_folder, remove])
def test_too_long_a_name_is_told(tmp_path: Path, write: Callable[[Path], object]) -> None:
    with pytest.raises(OutputError, match=r"\(File name too long\); choose a shorter name"):
        write(tmp_path / ("a" * 300))
    assert names(tmp_path) == []


def test_the_longest_name_that_the_disk_takes_is_written(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("a" * 255), b"new")
    assert names(tmp_path) == ["a" * 255]


@pytest.mark.parametrize("room", [0, 99])
def test_what_the_disk_has_no_room_for_is_not_begun(
    old: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.disk, "free_bytes", lambda _: room)
    monkeypatch.setattr(storage.disk, "create", lambda _: pytest.fail("it was begun"))
    with pytest.raises(OutputError, match=f"; 100 bytes are needed and {room} are free: make room"):
        write_bytes(old, bytes(100))


def test_room_is_asked_for_where_the_file_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = storage.disk.free_bytes
    asked: list[Path] = []

    def note(path: Path) -> int | None:
        found = free(path)
        asked.append(path)
        return found

    monkeypatch.setattr(storage.disk, "free_bytes", note)
    demand_room(tmp_path, 1)
    demand_room(tmp_path / "none" / "a.txt", 1)
    assert asked == [tmp_path, tmp_path]


def test_a_disk_whose_room_nobody_knows_is_written_to(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.disk, "free_bytes", lambda _: None)
    write_bytes(old, b"new")
    assert old.read_bytes() == b"new"


def test_a_disk_that_takes_nothing_is_told_and_not_asked_for_ever(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.disk, "write", lambda *_: 0)
    with pytest.raises(OutputError, match=r"\(Input/output error\); check the disk"):
        write_bytes(old, b"new")
    assert old.read_bytes() == b"old"


@pytest.mark.parametrize("call", ["make_folder", "sync_folder"])
def test_a_full_disk_has_no_room_for_a_folder_either(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.disk, call, failing(errno.ENOSPC))
    monkeypatch.setattr(storage.disk, "free_bytes", lambda _: 0)
    with pytest.raises(OutputError, match="; room is needed and 0 are free: make room"):
        make_folder(tmp_path / "a")


def test_names_of_new_folders_are_flushed_from_the_top_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(storage.disk, "sync_folder", flushed.append)
    make_folder(tmp_path / "a" / "b")
    assert flushed == [tmp_path, tmp_path / "a"]


def test_text_is_written_as_utf_8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "µm\r\n–\n")
    assert (tmp_path / "a.txt").read_bytes() == "µm\r\n–\n".encode()


def test_json_comes_back_with_its_order(tmp_path: Path) -> None:
    content = {"b": 1, "a": [0.1, None, True, "µm"]}
    write_json(tmp_path / "a.json", content)
    again = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert again == content
    assert list(again) == ["b", "a"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_refuses_what_it_has_no_word_for(old: Path, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(old, {"loss": [value]})
    assert old.read_bytes() == b"old"


def test_a_folder_is_made_with_its_parents_and_may_exist(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert make_folder(folder) == make_folder(folder) == folder
    assert folder.is_dir()


def test_a_folder_that_cannot_be_flushed_is_told(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.disk, "sync_folder", failing(errno.EIO))
    with pytest.raises(OutputError, match=r"\(Input/output error\)"):
        write_bytes(old, b"new")
    assert names(old.parent) == ["a.txt"]


@pytest.mark.parametrize("below", ["", "b"])
def test_a_folder_cannot_be_made_on_a_file(old: Path, below: str) -> None:
    with pytest.raises(OutputError, match=r"is not a folder that can be written to"):
        make_folder(old / below)
    assert old.read_bytes() == b"old"


def test_sweep_removes_temporaries_only(tmp_path: Path) -> None:
    kept = [".hidden", f"visible{TEMPORARY_SUFFIX}", "model.safetensors"]
    for name in [*kept, f".0{TEMPORARY_SUFFIX}"]:
        (tmp_path / name).touch()
    (tmp_path / f".folder{TEMPORARY_SUFFIX}" / "inner").mkdir(parents=True)
    sweep(tmp_path)
    assert names(tmp_path) == sorted(kept)


@pytest.mark.parametrize("name", ["none", "file", "a" * 300])
def test_sweep_of_what_is_no_folder_does_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    sweep(tmp_path / name)
    assert names(tmp_path) == ["file"]


def test_a_file_is_removed_and_need_not_be_there(old: Path) -> None:
    remove(old)
    remove(old)
    assert names(old.parent) == []


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"{tmp_path.name}: cannot be removed"):
        remove(tmp_path)
