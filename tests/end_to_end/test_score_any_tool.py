"""What other tools write, right and wrong, as `overtile evaluate` meets it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.cli.main import main

WriteTiff = Callable[[Path, NDArray[Any]], Path]
Spoil = Callable[[Path, WriteTiff], object]

CELLS = np.kron(np.array([[1, 0, 2], [0, 0, 0], [3, 0, 4]], np.uint16), np.ones((8, 8), np.uint16))
MASK = (CELLS > 0).astype(np.uint8) * 255
LONELY = np.where(CELLS == 4, np.uint16(0), CELLS)


def png(path: Path, array: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(array).save(path)
    return path


@pytest.fixture
def place(tmp_path: Path, write_tiff: WriteTiff, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two predicted label images and their truth."""
    for name in "ab":
        write_tiff(tmp_path / "predicted" / f"{name}.tif", CELLS)
        write_tiff(tmp_path / "truth" / f"{name}.tif", CELLS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Hold that scoring ends with 2 and one line of error, and give it."""
    assert main(["evaluate", *arguments]) == 2
    shown = capsys.readouterr()
    errors = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    assert shown.err.splitlines()[-1:] == errors
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return errors[0]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Score, and give the JSON."""
    assert main(["evaluate", *arguments, "--json", "-"]) == 0
    scores: dict[str, Any] = json.loads(capsys.readouterr().out)
    return scores


def with_nan() -> NDArray[np.float32]:
    probability = (CELLS > 0).astype(np.float32)
    probability[3, 4] = np.nan
    return probability


def repaint(path: str) -> Spoil:
    """Put a mask of two colours in the place of a label image."""

    def paint(place: Path, _: WriteTiff) -> None:
        (place / path).unlink()
        png((place / path).with_suffix(".png"), np.stack([MASK, MASK // 2, MASK * 0], axis=-1))

    return paint


def replace_both(side: str, array: NDArray[Any]) -> Spoil:
    def write(place: Path, write_tiff: WriteTiff) -> None:
        for name in "ab":
            write_tiff(place / side / f"{name}.tif", array)

    return write


def replace_one(path: str, array: NDArray[Any]) -> Spoil:
    return lambda place, write_tiff: write_tiff(place / path, array)


def both(*spoilers: Spoil) -> Spoil:
    return lambda place, write_tiff: [spoil(place, write_tiff) for spoil in spoilers]


def empty_predicted(place: Path, _: WriteTiff) -> None:
    for path in (place / "predicted").iterdir():
        path.unlink()


FAULTS: dict[str, tuple[Spoil, tuple[str, ...], tuple[str, ...]]] = {
    "other size": (
        replace_one("predicted/b.tif", CELLS[:20]),
        (),
        ("b.tif: is 20x24 px, its truth b.tif is 24x24 px", "compare a truth with"),
    ),
    "missing prediction": (
        lambda place, _: (place / "predicted" / "b.tif").unlink(),
        (),
        ("1 of 2 truth files lack a prediction (b.tif)", "a prediction pairs with"),
    ),
    "missing truth": (
        lambda place, _: (place / "truth" / "b.tif").unlink(),
        (),
        ("1 of 2 predictions lack a truth (b.tif)", "a prediction pairs with"),
    ),
    "float labels": (
        replace_one("predicted/b.tif", CELLS / np.float32(2)),
        (),
        ("b.tif: holds 128 pixels that are fractions", "probabilities are scored by --task"),
    ),
    "NaN": (
        replace_both("predicted", with_nan()),
        ("--task", "isbi2012"),
        ("a.tif: holds 1 NaN or infinite pixels", "replace them"),
    ),
    "percent": (
        both(replace_both("truth", MASK), replace_both("predicted", CELLS.astype(np.float32) * 25)),
        (),
        ("a.tif: holds values from 0 to 100, not probabilities within [0, 1]", "as float"),
    ),
    "below zero": (
        both(replace_both("truth", MASK), replace_both("predicted", CELLS.astype(np.float32) - 1)),
        (),
        ("a.tif: holds values from -1 to 3, not probabilities", "_labels"),
    ),
    "ids for a mask": (
        both(replace_both("truth", MASK), replace_both("predicted", CELLS)),
        (),
        ("a.tif: holds whole numbers from 0 to 4 of 65535", "--task instances"),
    ),
    "negative": (
        replace_one("predicted/b.tif", CELLS.astype(np.int16) - 1),
        (),
        ("b.tif: holds", "pixels that are negative", "give label images"),
    ),
    "negative truth": (
        replace_one("truth/b.tif", CELLS.astype(np.int16) - 1),
        (),
        ("truth/b.tif: holds", "pixels that are negative", "0 for background"),
    ),
    "coloured prediction": (
        repaint("predicted/b.tif"),
        (),
        ("b.png: is a coloured mask with 2 colours", "give label images"),
    ),
    "coloured truth": (
        repaint("truth/b.tif"),
        (),
        ("truth/b.png: is a coloured mask with 2 colours", "one integer per pixel"),
    ),
    "coloured probability": (
        both(replace_both("truth", MASK), repaint("predicted/a.tif")),
        (),
        ("a.png: has 3 channels where a probability has one", "keep the channel"),
    ),
    "empty folder": (
        empty_predicted,
        (),
        ("predicted: holds no image", "give a place with .png"),
    ),
    "HDF5 of ilastik": (
        lambda place, _: [
            path.rename(path.with_name(f"{path.stem}_Probabilities.h5"))
            for path in (place / "predicted").iterdir()
        ],
        (),
        ("predicted: holds no image, but 2 .h5 files, which are not read", "Format tif"),
    ),
    "other pages": (
        replace_one("predicted/b.tif", np.stack([CELLS] * 3)),
        (),
        ("b.tif: has 3 pages, its truth b.tif has 1", "compare a truth with"),
    ),
    "background ignored": (
        lambda place, _: None,
        ("--ignore", "0"),
        ("--ignore 0 would leave out the background", "such as 255"),
    ),
    "no value to ignore": (lambda place, _: None, ("--ignore", "x"), ("'--ignore'",)),
    "all ignored": (
        both(replace_both("truth", CELLS * 0 + 9)),
        ("--ignore", "9", "--task", "instances"),
        ("there is no image to score", "at least one"),
    ),
    "a page that is an image": (
        lambda place, _: None,
        ("--page", "truth/a.tif"),
        ("--page truth/a.tif is no name of a .html file",),
    ),
    "a table that is an image": (
        lambda place, _: None,
        ("--csv", "truth/a.tif"),
        ("--csv truth/a.tif is no name of a .csv file",),
    ),
    "images of something else": (
        lambda place, write_tiff: write_tiff(place / "raw" / "z.tif", CELLS),
        ("--page", "p.html", "--images", "raw"),
        ("raw: none of 1 images has the name of a truth file", "cell1"),
    ),
    "images and no page": (
        lambda place, _: None,
        ("--images", "raw"),
        ("--images are shown on a page, and none is asked for", "--page"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_in_one_line(
    place: Path, write_tiff: WriteTiff, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    spoil, options, parts = FAULTS[name]
    spoil(place, write_tiff)
    line = refusal(capsys, "predicted", "truth", *options)
    assert [part for part in parts if part not in line] == [], line
    assert not list(place.glob("*.*"))


def test_single_slices_of_tracked_volumes_are_refused(
    place: Path, write_tiff: WriteTiff, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiff(place / "01_RES" / "mask013.tif", np.stack([CELLS] * 3))
    write_tiff(place / "01_GT" / "SEG" / "man_seg_013_002.tif", CELLS)
    line = refusal(capsys, "01_RES", "01_GT")
    assert "man_seg_013_002.tif: is slice 2 of the volume at frame 13" in line


@pytest.mark.parametrize(
    ("predicted", "truth", "task"),
    [
        ("b_cp_masks.png", "b.tif", "instances"),  # Cellpose
        ("b.tif", "b.tif", "instances"),  # StarDist
        ("b.png", "b.png", "classes"),  # nnU-Net
        ("b_Simple Segmentation.tif", "b_label.tif", "classes"),  # ilastik
        ("b_mask.tif", "b_mask.tif", "isbi2012"),  # regions of ImageJ, 0 and 255
    ],
)
def test_results_pair_as_other_tools_name_them(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    write_tiff: WriteTiff,
    predicted: str,
    truth: str,
    task: str,
) -> None:
    array = MASK if task == "isbi2012" else CELLS
    for side, name in (("p", predicted), ("t", truth)):
        for image in "bc":
            path = tmp_path / side / name.replace("b", image, 1)
            (png if path.suffix == ".png" else write_tiff)(path, array)
    scores = told(capsys, str(tmp_path / "p"), str(tmp_path / "t"), "--task", task)
    perfect = 0 if scores["headline"].endswith("error") else 1
    assert scores["summary"][scores["headline"]] == perfect
    assert len(scores["per_image"]) == 2


def test_frames_of_the_tracking_challenge_are_scored_where_there_is_a_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write_tiff: WriteTiff
) -> None:
    for frame in range(4):
        write_tiff(tmp_path / "01_RES" / f"mask{frame:03}.tif", LONELY)
    write_tiff(tmp_path / "01_GT" / "SEG" / "man_seg002.tif", CELLS)
    assert main(["evaluate", str(tmp_path / "01_RES"), str(tmp_path / "01_GT")]) == 0
    shown = capsys.readouterr()
    assert "1 of 4 predicted frames have a truth and are scored" in shown.err.splitlines()
    assert "mask002.tif  0.7500" in shown.out


def test_table_page_and_json_agree(
    place: Path, capsys: pytest.CaptureFixture[str], write_tiff: WriteTiff
) -> None:
    write_tiff(place / "predicted" / "b.tif", LONELY)
    targets = ("--csv", "new/scores.csv", "--page", "new/page.html", "--json", "new/scores.json")
    assert main(["evaluate", "predicted", "truth", *targets]) == 0
    scores = json.loads((place / "new" / "scores.json").read_text("utf-8"))
    with (place / "new" / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    headline = scores["headline"]
    assert [row["image"] for row in rows] == ["b.tif", "a.tif", "mean", "sd"]
    assert [float(row[headline]) for row in rows[:3]] == [0.75, 1, scores["spread"]["mean"]]
    page = (place / "new" / "page.html").read_text("utf-8")
    assert page.index("<h3><bdi>b.tif") < page.index("<h3><bdi>a.tif")
    assert f"{headline}: mean 0.8750" in capsys.readouterr().out
    assert sorted(path.name for path in (place / "new").iterdir()) == [
        *("page.html", "scores.csv", "scores.json")
    ]


def test_a_region_without_truth_counts_nowhere(
    place: Path, capsys: pytest.CaptureFixture[str], write_tiff: WriteTiff
) -> None:
    unknown = np.where(CELLS == 4, np.uint16(255), CELLS)
    for name in "ab":
        write_tiff(place / "truth" / f"{name}.tif", unknown)
        write_tiff(place / "predicted" / f"{name}.tif", LONELY)
    scores = told(capsys, "predicted", "truth", "--ignore", "255")
    assert scores["summary"]["average_precision_50"] == 1
    assert scores["summary"]["pooled_true_positives_50"] == 6
