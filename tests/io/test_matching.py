from __future__ import annotations

from pathlib import Path

import pytest

from overtile.errors import ImageError, PairError
from overtile.io import pair_predictions
from overtile.io.matching import Matched, find_raw_images


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(matched: Matched) -> list[tuple[str, str]]:
    return [(pair.image.name, pair.labels.name) for pair in matched.pairs]


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
    predicted = fill(tmp_path / "p", "a.png", "b.ome.tif")
    truth = fill(tmp_path / "t", "a.tif", "b.tif")
    assert names(pair_predictions(predicted, truth, "labels")) == [
        ("a.png", "a.tif"),
        ("b.ome.tif", "b.tif"),
    ]


@pytest.mark.parametrize(
    "result",
    [
        "b_cp_masks.png",  # Cellpose
        "b_Simple Segmentation.tif",  # ilastik
        "b_Probabilities.tiff",
        "b_pred.png",
    ],
)
@pytest.mark.parametrize("truth", ["b.tif", "b_masks.png", "b_label.tif"])
def test_what_a_tool_adds_to_a_name_does_not_count(tmp_path: Path, result: str, truth: str) -> None:
    predicted = fill(tmp_path / "p", "a.png", result)
    pairs = pair_predictions(predicted, fill(tmp_path / "t", "a.tif", truth), "labels")
    assert names(pairs) == [("a.png", "a.tif"), (result, truth)]


def test_equal_names_pair_whatever_they_end_in(tmp_path: Path) -> None:
    both = "a_segmentation.png", "b_segmentation.png"
    pairs = pair_predictions(fill(tmp_path / "p", *both), fill(tmp_path / "t", *both), "labels")
    assert names(pairs) == [(name, name) for name in both]


def test_two_truths_of_one_image_are_refused(tmp_path: Path) -> None:
    truth = fill(tmp_path / "t", "a.tif", "a_mask.tif")
    with pytest.raises(PairError, match=r"a_mask\.tif: is a truth of the same image as a\.tif"):
        pair_predictions(fill(tmp_path / "p", "a.png"), truth, "labels")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (("a_Probabilities.h5", "b_Probabilities.h5"), r"2 \.h5 files.*in ilastik"),
        (("a_seg.npy",), r"1 \.npy files.*Cellpose: --save_tif"),
        (("a.nii.gz",), r"1 \.gz files.*convert them to TIFF"),
        (("a_rois.zip",), r"1 \.zip files.*make a label image"),
    ],
)
def test_results_in_a_format_that_is_not_read_are_named(
    tmp_path: Path, files: tuple[str, ...], told: str
) -> None:
    predicted = fill(tmp_path / "p", *files)
    with pytest.raises(ImageError, match=f"p: holds no image, but {told}"):
        pair_predictions(predicted, fill(tmp_path / "t", "a.tif"), "labels")


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="p: holds no image; give a place with"):
        pair_predictions(fill(tmp_path / "p"), fill(tmp_path / "t", "a.tif"), "labels")


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


@pytest.mark.parametrize("image", ["b.png", "b_0000.png", "b_image.tif"])
@pytest.mark.parametrize("truth", ["b.tif", "b_masks.tif"])
def test_raw_images_are_found_by_the_name_of_the_truth(
    tmp_path: Path, image: str, truth: str
) -> None:
    images = fill(tmp_path / "i", image, "other.png")
    truths = sorted(fill(tmp_path / "t", "a.tif", truth).iterdir())
    found = find_raw_images(images, truths)
    assert {key.name: value.name for key, value in found.items()} == {truth: image}


def test_raw_frames_are_found_by_their_number(tmp_path: Path) -> None:
    images = fill(tmp_path / "01", "t012.tif", "t013.tif")
    (truth,) = fill(tmp_path / "SEG", "man_seg013.tif").iterdir()
    assert find_raw_images(images, [truth]) == {truth: images / "t013.tif"}
