from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.errors import ImageError
from overtile.workflows.annotated import Source
from overtile.workflows.check import CheckResult, check

WriteTiff = Callable[[Path, NDArray[Any]], Path]


def test_a_clean_set_has_facts_and_no_faults(cells: Path) -> None:
    result = check(Source(images=str(cells / "images"), labels=str(cells / "labels")))
    assert result.faults == ()
    assert result.label_kind == "instances"
    assert ("images", "4 pages in 4 files") in result.facts


def test_all_faults_are_listed_each_on_one_line(tmp_path: Path, write_tiff: WriteTiff) -> None:
    for name, value in (("a.tif", 0), ("b.tif", 1)):
        write_tiff(tmp_path / "images" / name, np.full((8, 8), value, np.uint8))
        write_tiff(tmp_path / "labels" / name, np.eye(8, dtype=np.uint8))
    result = check(Source(images=str(tmp_path / "images"), labels=str(tmp_path / "labels")))
    remedy = "export the image again, or leave it out with its labels"
    assert result.faults == (
        f"a.tif: every pixel is 0; {remedy}",
        f"b.tif: every pixel is 1; {remedy}",
    )
    assert result.label_kind is None


def test_a_class_index_that_no_image_shows_is_a_fault(
    tmp_path: Path, write_tiff: WriteTiff
) -> None:
    labels = np.array([[0, 3], [2, 0]], np.uint8).repeat(4, 0).repeat(4, 1)
    write_tiff(tmp_path / "images" / "a.tif", np.arange(64, dtype=np.uint8).reshape(8, 8))
    write_tiff(tmp_path / "labels" / "a.tif", labels)
    asked = Source(
        images=str(tmp_path / "images"), labels=str(tmp_path / "labels"), label_kind="classes"
    )
    assert check(asked).faults == (
        f"{tmp_path / 'labels'}: no image shows class 1 of 0…3, which cannot be learnt then; "
        "annotate some of it, or number the classes without gaps",
    )


def test_what_is_legal_but_notable_is_a_note(tmp_path: Path, write_tiff: WriteTiff) -> None:
    for number, labels in enumerate((np.eye(8), np.zeros((8, 8)))):
        pixels = np.arange(64).reshape(8, 8) + number
        write_tiff(tmp_path / "images" / f"{number}.tif", pixels.astype(np.uint8))
        write_tiff(tmp_path / "labels" / f"{number}.tif", labels.astype(np.uint8))
    result = check(Source(images=str(tmp_path / "images"), labels=str(tmp_path / "labels")))
    assert result.notes == ("1 of the images: no foreground in the labels of 1.tif",)
    assert result.faults == ()


def test_a_result_becomes_json_and_comes_back(cells: Path) -> None:
    result = check(Source(images=str(cells / "images"), labels=str(cells / "labels")))
    assert CheckResult.model_validate_json(result.model_dump_json()) == result


def test_a_missing_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="none: does not exist"):
        check(Source(images=str(tmp_path / "none"), labels=str(tmp_path)))
