from __future__ import annotations

from pathlib import Path

import pytest

from overtile.errors import PairError
from overtile.io import pair_predictions


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def named(numbers: range, word: str) -> list[str]:
    return [f"{word}{number:03}.tif" for number in numbers]


@pytest.mark.parametrize("place", ["01_GT", "01_GT/SEG", "01_ST", "truth"])
def test_annotated_frames_pair_by_number_and_the_others_are_counted(
    tmp_path: Path, place: str
) -> None:
    folder = f"{place}/SEG" if place.endswith("T") else place
    fill(tmp_path / folder, "man_seg002.tif", "man_seg013.tif")
    results = fill(tmp_path / "01_RES", *named(range(20), "mask"), "res_track.txt")
    matched = pair_predictions(results, tmp_path / place, "labels")
    assert [(pair.image.name, pair.labels.name) for pair in matched.pairs] == [
        ("mask002.tif", "man_seg002.tif"),
        ("mask013.tif", "man_seg013.tif"),
    ]
    assert (matched.tracking, matched.surplus) == (True, 18)


@pytest.mark.parametrize("end", ["", "_labels", "_cp_masks"])
def test_a_tool_may_keep_the_name_of_the_image(tmp_path: Path, end: str) -> None:
    results = fill(tmp_path / "r", f"t0012{end}.tif", f"t0013{end}.tif", "t0013_foreground.tif")
    truth = fill(tmp_path / "SEG", "man_seg013.tif")
    if not end:
        (results / "t0013_foreground.tif").unlink()
    (pair,) = pair_predictions(results / f"*{end}.tif", truth, "labels").pairs
    assert pair.image.name == f"t0013{end}.tif"


def test_a_frame_without_a_prediction_is_refused(tmp_path: Path) -> None:
    truth = fill(tmp_path / "SEG", "man_seg002.tif", "man_seg013.tif")
    message = r"1 of 2 truth frames lack a prediction \(man_seg013\.tif\); man_seg013\.tif pairs"
    with pytest.raises(PairError, match=message):
        pair_predictions(fill(tmp_path / "r", "mask002.tif", "mask003.tif"), truth, "labels")


def test_two_results_of_one_frame_are_refused(tmp_path: Path) -> None:
    truth = fill(tmp_path / "SEG", "man_seg002.tif")
    results = fill(tmp_path / "r", "mask002.tif", "mask0002.tif")
    with pytest.raises(PairError, match=r"same frame as mask\d+\.tif; keep one kind"):
        pair_predictions(results, truth, "labels")


def test_a_result_that_is_not_named_by_its_frame_is_refused(tmp_path: Path) -> None:
    truth = fill(tmp_path / "SEG", "man_seg002.tif")
    with pytest.raises(PairError, match=r"cell\.tif: is not named by its frame.*mask013\.tif"):
        pair_predictions(fill(tmp_path / "r", "cell.tif", "mask002.tif"), truth, "labels")


def test_single_slices_of_volumes_are_refused(tmp_path: Path) -> None:
    truth = fill(tmp_path / "SEG", "man_seg_013_002.tif")
    with pytest.raises(PairError, match=r"is slice 2 of the volume at frame 13, .*mask013\.tif"):
        pair_predictions(fill(tmp_path / "r", "mask013.tif"), truth, "labels")
