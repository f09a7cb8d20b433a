"""Files and folders that are never in memory as a whole, and under their names always whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from overtile import storage
from overtile.errors import OutputError
from overtile.large_files import whole_file, whole_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Noting(storage.Disk):
    """A disk that notes what is asked of it, and may fail."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.asked: list[str] = []

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what == self.fails:
            raise OSError(28, "No space left on device")

    def write(self, descriptor: int, content: memoryview) -> int:
        self._ask("write")
        return super().write(descriptor, content[: max(1, len(content) // 2)])

    def sync(self, descriptor: int) -> None:
        self._ask("sync")
        super().sync(descriptor)

    def sync_file(self, path: Path) -> None:
        self._ask("sync_file")
        super().sync_file(path)

    def replace(self, part: Path, path: Path) -> None:
        self._ask("replace")
        super().replace(part, path)


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Noting]:
    before, storage.disk = storage.disk, Noting(getattr(request, "param", ""))
    yield storage.disk
    storage.disk = before


def test_a_file_bears_its_name_once_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "result.tif"
    with whole_file(target) as file:
        file.write(b"......")
        file.write(b" of cells")
        file.seek(0)
        file.write(b"labels")
        assert file.tell() == 6
        assert not target.exists()
    assert target.read_bytes() == b"labels of cells"
    assert names(tmp_path) == ["result.tif"]


def test_what_a_disk_takes_in_parts_is_written_whole(tmp_path: Path, disk: Noting) -> None:
    with whole_file(tmp_path / "a") as file:
        file.write(bytes(range(200)))
    assert (tmp_path / "a").read_bytes() == bytes(range(200))
    assert disk.asked[-2:] == ["sync", "replace"]


@pytest.mark.parametrize("disk", ["write", "sync", "replace"], indirect=True)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, disk: Noting) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with (
        pytest.raises(OutputError, match=r"a: cannot be written \(No space left on device\); "),
        whole_file(tmp_path / "a") as file,
    ):
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_an_error_of_the_writer_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(TypeError), whole_file(tmp_path / "a") as file:
        file.write("text instead of bytes")  # type: ignore[arg-type]
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def fill(folder: Path, text: str) -> None:
    (folder / "c" / "0").mkdir(parents=True)
    (folder / "c" / "0" / "0").write_text(text)
    (folder / "zarr.json").write_text(text)


def test_a_folder_bears_its_name_once_it_is_complete(tmp_path: Path, disk: Noting) -> None:
    target = tmp_path / "labels.zarr"
    for text in ("old", "new"):
        with whole_folder(target) as folder:
            fill(folder, text)
            assert folder != target
    assert (target / "c" / "0" / "0").read_text() == "new"
    assert names(tmp_path) == ["labels.zarr"]
    assert disk.asked == ["sync_file", "sync_file", "replace"] * 2


@pytest.mark.parametrize("disk", ["sync_file"], indirect=True)
def test_a_disk_that_fails_leaves_the_old_folder(tmp_path: Path, disk: Noting) -> None:
    target = tmp_path / "labels.zarr"
    fill(target, "old")
    with pytest.raises(OutputError, match=r"labels\.zarr: "), whole_folder(target) as folder:
        fill(folder, "new")
    assert (target / "c" / "0" / "0").read_text() == "old"
    assert names(tmp_path) == ["labels.zarr"]


def test_a_file_is_no_place_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with (
        pytest.raises(OutputError, match=r"a: cannot be written \(Not a directory\)"),
        whole_folder(tmp_path / "a"),
    ):
        pass
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_is_protected_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"), whole_file(tmp_path / "a"):
        pass
