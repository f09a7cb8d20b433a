"""Files that systems and programs leave behind are ignored, and counted in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults import place

from overtile.cli.main import main

STRAYS = (
    "._cell0.tif",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".~lock.notes.odt#",
    ".cell0.tif.overtile-part",
    "empty",
    "cell0.roi",
    "cell0.tif.lock",
)
FOLDERS = (".ipynb_checkpoints", "__MACOSX", "old")


@pytest.fixture
def littered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place.make(tmp_path)
    for name in STRAYS:
        (tmp_path / "images" / name).touch()
    for name in FOLDERS:
        (tmp_path / "labels" / name).mkdir()
        (tmp_path / "labels" / name / "cell9.tif").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


TOLD = f"{len(STRAYS)} other files, {len(FOLDERS)} inner folders"


def test_check_ignores_and_counts_them(littered: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "images", "labels"]) == 0
    lines = [line.split(maxsplit=1) for line in capfd.readouterr().out.splitlines()]
    assert ["images", "3 pages in 3 files"] in lines
    assert [rest for first, rest in lines if first == "ignored"] == [TOLD]


def test_train_ignores_and_counts_them(
    littered: Path, tiny_recipe: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--out", "run", "--recipe", str(tiny_recipe), "--steps", "1", "--device", "cpu")
    assert main(["train", "images", "labels", *options]) == 0
    told = capfd.readouterr().err.splitlines()
    assert [line for line in told if line.startswith("ignored")] == [f"ignored: {TOLD}"]


@pytest.mark.parametrize("side", ["images", "labels"])
def test_they_do_not_hide_that_there_is_nothing_else(
    littered: Path, capfd: pytest.CaptureFixture[str], side: str
) -> None:
    for path in (littered / side).glob("cell?.tif"):
        path.unlink()
    assert main(["check", "images", "labels"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: {side}: holds no image; ")


def test_an_empty_file_named_as_an_image_is_a_fault_and_no_stray(
    littered: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (littered / "images" / "cell1.tif").write_bytes(b"")
    assert main(["check", "images", "labels"]) == 2
    faults = [line for line in capfd.readouterr().out.splitlines() if line.startswith("FAULT")]
    assert faults == ["FAULT: images/cell1.tif: is empty; copy or download it again"]
