"""Suggesting regions of real files, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from overtile.cli.main import main
from overtile.errors import StoppedError
from overtile.io import read_image
from overtile.workflows.suggest import SuggestRequest, suggest


def told(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Any:  # noqa: ANN401
    capsys.readouterr()
    assert main([*map(str, arguments), "--json", "-"]) == code
    return json.loads(capsys.readouterr().out)


def error(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_regions_are_listed_and_shown(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "next"
    arguments = ("suggest", trained, cells / "images", "--out", out, "--side", "32", "--count", "5")
    result = told(capsys, *arguments)
    assert len(result["suggestions"]) == 5
    first = result["suggestions"][0]
    assert (first["height"], first["width"]) == (32, 32)
    assert 0 < first["disagreement"] < 1
    assert json.loads((out / "suggestions.json").read_text("utf-8")) == result
    page = (out / "suggestions.html").read_text("utf-8")
    assert page.count('<article class="card">') == 5
    assert f"1. {first['image']}, row {first['row']}, column {first['column']}" in page
    assert "http" not in page.replace("http-equiv", "")


def test_an_image_that_cannot_be_read_is_left_out(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.tif").write_bytes(b"no image")
    images = (cells / "images" / "cell0.tif", tmp_path / "bad.tif")
    result = told(capsys, "suggest", trained, *images, "--out", tmp_path / "next", code=2)
    assert len(result["suggestions"]) == 1
    (line,) = result["failed"]
    assert "bad.tif: is not a PNG, JPEG or TIFF" in line


def test_nothing_is_suggested_of_images_that_are_annotated(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = cells / "images"
    otherwise_named = images / ".." / "images" / "cell1.tif"
    arguments = ("suggest", trained, images, "--annotated", otherwise_named, "--side", "32")
    result = told(capsys, *arguments, "--out", tmp_path / "next", "--count", "99")
    suggested = {one["image"] for one in result["suggestions"]}
    assert suggested == {"cell0.tif", "cell2.tif", "cell3.tif"}


def test_what_looks_like_an_annotated_image_comes_late(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = read_image(cells / "images" / "cell0.tif").pixels[0, 0]
    stripes = np.tile(np.array([0, 250], np.uint8), (len(usual), usual.shape[1] // 2))
    shown = {"a.tif": usual, "b.tif": usual[::-1], "c.tif": stripes}
    (tmp_path / "new").mkdir()
    for name, pixels in shown.items():
        tifffile.imwrite(tmp_path / "new" / name, pixels)
    arguments = ("suggest", trained, tmp_path / "new", "--count", "1", "--out")
    known = ("--annotated", cells / "images" / "cell0.tif")
    first = [
        told(capsys, *arguments, tmp_path / f"next{len(more)}", *more)["suggestions"][0]["image"]
        for more in ((), known)
    ]
    assert first[0] in {"a.tif", "b.tif"}
    assert first[1] == "c.tif"


@pytest.mark.parametrize(("checks", "told"), [(1, "after 1 of 4"), (5, "after showing 1 of")])
def test_a_request_to_stop_is_heeded_after_every_image(
    trained: Path, cells: Path, tmp_path: Path, checks: int, told: str
) -> None:
    asked = iter(range(99))
    request = SuggestRequest(model=trained, inputs=[str(cells / "images")], out=tmp_path / "next")
    with pytest.raises(StoppedError, match=told):
        suggest(request, should_stop=lambda: 130 if next(asked) >= checks else None)
    assert not request.out.exists()


def test_where_all_images_are_annotated_that_is_said(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = cells / "images"
    arguments = ("suggest", trained, images, "--annotated", images, "--out", tmp_path / "next")
    assert "all images are annotated already; give others" in error(capsys, *arguments)


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        (("--count", "0"), "--count must be positive, got 0; give 1 or more"),
        (("--side", "-3"), "--side must be positive, got -3; give 1 or more"),
        (("--device", "gpu"), "'gpu' is not a device"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(
    trained: Path,
    cells: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: tuple[str, str],
    fault: str,
) -> None:
    out = tmp_path / "next"
    assert fault in error(capsys, "suggest", trained, cells / "images", "--out", out, *option)
    assert not out.exists()


def test_nothing_is_written_over(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    line = error(capsys, "suggest", trained, cells / "images", "--out", tmp_path)
    assert "holds other work; choose a new folder for --out" in line


def test_one_image_that_cannot_be_read_is_an_error(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.tif").write_bytes(b"no image")
    line = error(capsys, "suggest", trained, tmp_path / "bad.tif", "--out", tmp_path / "next")
    assert line.startswith("error: ")
    assert "is not a PNG, JPEG or TIFF" in line
