from __future__ import annotations

import numpy as np
import pytest

from overtile.errors import LabelError
from overtile.evaluation import class_scores, confusion_matrix

# truth  0 0 0 1 1 2      matrix, rows truth:  2 1 0
# found  0 0 1 1 1 0                           0 2 0
#                                              1 0 0
TRUTH = np.array([[0, 0, 0, 1, 1, 2]], np.uint8)
FOUND = np.array([[0, 0, 1, 1, 1, 0]], np.uint8)


def test_rows_of_the_matrix_are_the_truth() -> None:
    assert confusion_matrix(TRUTH, FOUND, 3).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_ignored_pixels_are_not_in_the_matrix() -> None:
    assert confusion_matrix(TRUTH, FOUND, 3, TRUTH == 2).sum() == 5


def test_dice_and_iou_are_those_of_the_drawing() -> None:
    scores = class_scores(confusion_matrix(TRUTH, FOUND, 3))
    assert scores.dice == {0: 2 * 2 / (3 + 3), 1: 2 * 2 / (2 + 3), 2: 0}
    assert scores.iou == {0: 2 / 4, 1: 2 / 3, 2: 0}
    assert scores.pixel_accuracy == 4 / 6


def test_the_background_is_not_in_the_mean() -> None:
    scores = class_scores(confusion_matrix(TRUTH, FOUND, 3))
    assert scores.mean_dice == pytest.approx((4 / 5 + 0) / 2)
    assert scores.mean_iou == pytest.approx((2 / 3 + 0) / 2)


def test_a_class_that_is_nowhere_is_left_out() -> None:
    scores = class_scores(confusion_matrix(TRUTH, FOUND, 5))
    assert sorted(scores.dice) == sorted(scores.iou) == [0, 1, 2]
    assert scores == class_scores(confusion_matrix(TRUTH, FOUND, 3))


def test_only_background_is_perfect_by_convention() -> None:
    scores = class_scores(confusion_matrix(TRUTH * 0, FOUND * 0, 3))
    assert (scores.mean_dice, scores.mean_iou, scores.pixel_accuracy) == (1, 1, 1)


def test_all_pixels_ignored_give_finite_scores() -> None:
    scores = class_scores(np.zeros((3, 3), np.int64))
    assert (scores.dice, scores.mean_dice, scores.pixel_accuracy) == ({}, 1, 0)


@pytest.mark.parametrize("role", ["truth", "prediction"])
def test_a_class_beyond_the_last_is_refused(role: str) -> None:
    good, bad = np.array([[0, 1]]), np.array([[0, 2]])
    pair = (bad, good) if role == "truth" else (good, bad)
    with pytest.raises(LabelError, match=f"{role} holds class 2, but there are only 2 classes"):
        confusion_matrix(*pair, classes=2)


def test_the_truth_itself_scores_one_transposed_or_not() -> None:
    scores = class_scores(confusion_matrix(TRUTH.T, TRUTH.T, 3))
    assert scores.dice == scores.iou == {0: 1, 1: 1, 2: 1}
