from __future__ import annotations

import numpy as np
import pytest

from overtile.errors import ConfigError, LabelError
from overtile.evaluation import (
    Page,
    TaskScores,
    boundary_scores,
    confusion_matrix,
    score_classes,
)

NAMES = ("background", "cell", "debris")
ONE_CELL = np.array([[1, 1, 0, 0]], np.uint32)
AND_DEBRIS = np.array([[1, 1, 0, 2]], np.uint32)
PAGES = [("first", ONE_CELL, ONE_CELL), ("second", ONE_CELL, AND_DEBRIS)]


def test_class_summary_adds_up_pixels_and_averages_boundaries_over_images() -> None:
    # first: cell 2 of 2 right.  second: cell 2 of 2, and one pixel of debris invented.
    scores = score_classes(PAGES, NAMES)
    assert scores.summary == pytest.approx(
        {
            "mean_dice": (1 + 0) / 2,
            "mean_iou": (1 + 0) / 2,
            "pixel_accuracy": 7 / 8,
            "dice_background": 2 * 3 / (4 + 3),
            "dice_cell": 1,
            "dice_debris": 0,
            "iou_background": 3 / 4,
            "iou_cell": 1,
            "iou_debris": 0,
            "mean_boundary_f": (1 + (1 + 0) / 2) / 2,
            "boundary_f_cell": (1 + 1) / 2,
            "boundary_f_debris": 0,
            "hausdorff95_px_cell": 0,
            "true_area_px_cell": 2 + 2,
            "predicted_area_px_cell": 2 + 2,
            "true_area_px_debris": 0,
            "predicted_area_px_debris": 1,
        }
    )


def test_a_row_has_the_classes_of_its_image() -> None:
    scores = score_classes(PAGES, NAMES)
    assert [row["image"] for row in scores.per_image] == ["second", "first"]
    assert not [key for key in scores.per_image[1] if "debris" in key]
    assert scores.per_image[0]["predicted_area_px_debris"] == 1
    assert scores.spread.mean == pytest.approx((1 / 2 + 1) / 2)


def test_an_image_without_a_class_is_not_in_its_mean() -> None:
    nothing = ONE_CELL * 0
    pages = [
        ("without", nothing, nothing),
        ("found", ONE_CELL, ONE_CELL),
        ("missed", ONE_CELL, nothing),
    ]
    summary = score_classes(pages, NAMES).summary
    assert summary["boundary_f_cell"] == (1 + 0) / 2
    assert summary["mean_boundary_f"] == pytest.approx((1 + 1 + 0) / 3)
    assert summary["hausdorff95_px_cell"] == 0


def test_a_known_pixel_size_gives_micrometres() -> None:
    # truth  1 1 1 . .     boundaries 2 px apart, 2 µm long each
    # found  1 . . . .
    truth, found = np.array([[1, 1, 1, 0, 0]]), np.array([[1, 0, 0, 0, 0]])
    summary = score_classes([("a", truth, found)], NAMES, pixel_size_um=(0.5, 2)).summary
    assert summary["hausdorff95_um_cell"] == 4
    assert "hausdorff95_px_cell" not in summary
    assert (summary["true_area_px_cell"], summary["true_area_um2_cell"]) == (3, 3)
    assert summary["predicted_area_um2_cell"] == 1 * 0.5 * 2


def test_stacks_have_volumes() -> None:
    stack = np.zeros((3, 4, 4), np.uint8)
    stack[1, :2, :2] = 1
    summary = score_classes([("a", stack, stack)], NAMES, pixel_size_um=(3, 0.5, 0.5)).summary
    assert summary["true_volume_px_cell"] == 4
    assert summary["predicted_volume_um3_cell"] == 4 * 3 * 0.5 * 0.5
    assert not [key for key in summary if "area" in key]


def test_the_confusion_of_all_images_goes_along() -> None:
    scores = score_classes(PAGES, NAMES)
    assert scores.confusion is not None
    assert scores.confusion.class_names == NAMES
    assert scores.confusion.pixels == ((3, 0, 1), (0, 4, 0), (0, 0, 0))
    assert TaskScores.model_validate_json(scores.model_dump_json()) == scores


def test_ignored_pixels_are_in_no_number() -> None:
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 3, (2, 20, 20))
    ignore = rng.random((20, 20)) < 0.2
    scores = score_classes([Page("a", truth, found, ignore)], NAMES)
    boundaries = boundary_scores(truth, found, ignore)
    matrix = confusion_matrix(truth, found, 3, ignore)
    assert scores.confusion is not None
    assert scores.confusion.pixels == tuple(map(tuple, matrix.tolist()))
    assert scores.summary["mean_boundary_f"] == boundaries.mean_f
    assert scores.summary["hausdorff95_px_debris"] == boundaries.hausdorff[2]
    assert scores.summary["true_area_px_cell"] == np.sum(truth[~ignore] == 1)


def test_a_class_without_a_name_is_refused_with_the_image_named() -> None:
    with pytest.raises(LabelError, match=r"b\.png: the prediction holds class 2"):
        score_classes([("b.png", ONE_CELL, AND_DEBRIS)], NAMES[:2])


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="must differ"):
        score_classes([("b.png", ONE_CELL, ONE_CELL)], ("background", "cell", "cell"))


def test_a_pixel_size_without_the_step_between_planes_is_refused_for_a_stack() -> None:
    with pytest.raises(ConfigError, match=r"b\.tif: `pixel_size_um` must be 3 positive lengths"):
        score_classes([("b.tif", ONE_CELL[None], ONE_CELL[None])], NAMES, (0.5, 0.5))
