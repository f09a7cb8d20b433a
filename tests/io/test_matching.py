from __future__ import annotations

from pathlib import Path

import pytest

from overtile.errors import ImageError, PairError
from overtile.io import Pair, pair_predictions


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.image.name, pair.labels.name) for pair in pairs]


def test_our_results_pair_with_the_truth_of_the_same_image(tmp_path: Path) -> None:
    predicted = fill(tmp_path / "p", "a_labels.tif", "b_labels.tif")
    truth = fill(tmp_path / "t", "b_mask.png", "a.tif")
    assert names(pair_predictions(predicted, truth, "labels")) == [
        ("a_labels.tif", "a.tif"),
        ("b_labels.tif", "b_mask.png"),
    ]


@pytest.mark.parametrize("kind", ["labels", "foreground"])
def test_of_several_kinds_the_one_asked_for_is_taken(tmp_path: Path, kind: str) -> None:
    kinds = ("labels", "foreground", "probabilities")
    predicted = fill(tmp_path / "p", *(f"{stem}_{one}.tif" for stem in "ab" for one in kinds))
    truth = fill(tmp_path / "t", "a.png", "b.png")
    assert names(pair_predictions(predicted, truth, kind)) == [
        (f"a_{kind}.tif", "a.png"),
        (f"b_{kind}.tif", "b.png"),
    ]


def test_results_of_other_tools_need_no_suffix(tmp_path: Path) -> None:
    predicted = fill(tmp_path / "p", "a.png", "b_cp_masks.png")
    truth = fill(tmp_path / "t", "a.tif", "b.tif")
    assert names(pair_predictions(predicted, truth, "labels")) == [
        ("a.png", "a.tif"),
        ("b_cp_masks.png", "b.tif"),
    ]


def test_one_file_of_each_pairs_whatever_the_names(tmp_path: Path) -> None:
    fill(tmp_path, "result.tif", "truth.tif")
    pairs = pair_predictions(tmp_path / "result.tif", tmp_path / "truth.tif", "labels")
    assert names(pairs) == [("result.tif", "truth.tif")]


def test_missing_partners_of_both_sides_are_counted_and_named(tmp_path: Path) -> None:
    predicted = fill(tmp_path / "p", "a_labels.tif", "c_labels.tif")
    truth = fill(tmp_path / "t", "a.tif", "b.tif")
    message = (
        r"1 of 2 truth files lack a prediction \(b\.tif\) and "
        r"1 of 2 predictions lack a truth \(c_labels\.tif\); a prediction pairs with"
    )
    with pytest.raises(PairError, match=message):
        pair_predictions(predicted, truth, "labels")


def test_two_predictions_of_one_image_are_refused(tmp_path: Path) -> None:
    predicted = fill(tmp_path / "p", "a_labels.tif", "a_labels.png", "b_labels.tif")
    truth = fill(tmp_path / "t", "a.tif", "b.tif")
    with pytest.raises(PairError, match=r"same image as a_labels\.png; keep one kind"):
        pair_predictions(predicted, truth, "labels")


def test_a_place_without_predictions_is_told(tmp_path: Path) -> None:
    truth = fill(tmp_path / "t", "a.tif")
    with pytest.raises(ImageError, match="none: does not exist"):
        pair_predictions(tmp_path / "none", truth, "labels")
