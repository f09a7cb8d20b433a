from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.metrics import adapted_rand_error

from overtile.errors import ImageError
from overtile.evaluation import foreground_restricted_rand, rand_error_sweep, rand_index_error

LABELS = arrays(np.uint32, (5, 6), elements=st.integers(0, 4))
# Named with a type, as scikit-image has none.
scikit_image_error: Callable[..., tuple[float, float, float]] = adapted_rand_error
QUICK = settings(deadline=None, database=None, max_examples=50)


def test_a_cell_cut_in_two_loses_split_but_not_merge() -> None:
    # truth  1 1 1 1     overlaps 3 and 1: 9 + 1 = 10 of 4² = 16
    # found  5 5 5 6
    score = foreground_restricted_rand(np.array([[1, 1, 1, 1]]), np.array([[5, 5, 5, 6]]))
    assert (score.split, score.merge) == (10 / 16, 1)
    assert score.f == 2 * 10 / (16 + 10)


def test_two_cells_fused_lose_merge_but_not_split() -> None:
    score = foreground_restricted_rand(np.array([[1, 1, 1, 2]]), np.array([[5, 5, 5, 5]]))
    assert (score.split, score.merge) == (1, 10 / 16)


def test_background_proposed_inside_a_cell_is_one_segment_per_pixel() -> None:
    # truth  1 1 1 1 1
    # found  7 7 . . .     2² + 1 + 1 + 1 = 7 of 25; as one segment it would be 2² + 3² = 13
    score = foreground_restricted_rand(np.array([[1, 1, 1, 1, 1]]), np.array([[7, 7, 0, 0, 0]]))
    assert score.split == 7 / 25
    assert score.merge == 1


def test_truth_background_is_left_out() -> None:
    # truth  1 1 . . 2     found object 3 fuses 1 and 2; its pixels on background do not count
    # found  3 3 3 3 3     overlaps 2² + 1² = 5, truth 5, found (2 + 1)² = 9
    score = foreground_restricted_rand(np.array([[1, 1, 0, 0, 2]]), np.array([[3, 3, 3, 3, 3]]))
    assert (score.split, score.merge) == (1, 5 / 9)


def test_without_truth_foreground_the_score_is_one_by_convention() -> None:
    score = foreground_restricted_rand(np.zeros((2, 2), int), np.ones((2, 2), int))
    assert (score.f, score.split, score.merge) == (1, 1, 1)


@given(LABELS, LABELS)
@QUICK
def test_scores_are_shares_and_survive_renaming_and_transposing(
    truth: NDArray[np.uint32], predicted: NDArray[np.uint32]
) -> None:
    score = foreground_restricted_rand(truth, predicted)
    assert 0 < score.f <= 1
    assert 0 < score.split <= 1
    assert 0 < score.merge <= 1
    names = np.array([0, 70_000, 3, 9, 1], np.uint32)
    assert foreground_restricted_rand(names[truth], names[::-1][4 - predicted]) == score
    assert foreground_restricted_rand(truth.T, predicted.T) == score


@given(LABELS)
@QUICK
def test_the_truth_itself_scores_one(truth: NDArray[np.uint32]) -> None:
    assert foreground_restricted_rand(truth, truth).f == 1


@given(arrays(np.int64, (6, 7), elements=st.integers(0, 2)))
@QUICK
def test_scikit_image_agrees_once_squares_are_turned_into_pairs(predicted: NDArray[Any]) -> None:
    # Its sums are those of pairs, c² - c. With n the pixels and D the sum of squared sizes of
    # truth and proposal, its error is ours times D / (D - 2n). No background is proposed here.
    truth = np.repeat(np.repeat(np.array([[1, 2], [3, 4]]), 3, axis=0), [3, 4], axis=1)
    predicted = predicted + 1
    squares = sum((np.bincount(a.ravel()) ** 2).sum() for a in (truth, predicted))
    theirs = scikit_image_error(truth, predicted, ignore_labels=(0,))[0]
    ours = 1 - foreground_restricted_rand(truth, predicted).f
    assert theirs == pytest.approx(ours * squares / (squares - 2 * truth.size), abs=1e-12)


def test_scikit_image_differs_where_background_is_proposed_inside_cells() -> None:
    truth = np.ones((10, 10), int)
    predicted = truth.copy()
    predicted[:, 5:] = 0
    # Theirs: two segments of 50 pixels. Ours: one of 50, and 50 of one pixel.
    theirs = 1 - scikit_image_error(truth, predicted, ignore_labels=(0,))[0]
    ours = foreground_restricted_rand(truth, predicted).f
    assert theirs == pytest.approx(2 * 4900 / (9900 + 4900))  # 0.66
    assert ours == pytest.approx(2 * 2550 / (10_000 + 2550))  # 0.41


def test_ignored_pixels_are_in_no_sum() -> None:
    truth, found = np.array([[1, 1, 1, 1]]), np.array([[5, 5, 5, 6]])
    ignore = np.array([[False, False, False, True]])
    assert foreground_restricted_rand(truth, found, ignore).f == 1
    # truth  # # . #     The proposal fuses two cells, but only one of them counts.
    # found  # # # #
    cells = np.array([[True, True, False, True]])
    assert rand_error_sweep(cells, np.ones((1, 4))).error > 0
    assert rand_error_sweep(cells, np.ones((1, 4)), ignore).error == 0


def test_a_cell_that_ignored_pixels_cut_stays_one_cell() -> None:
    # truth  # # # #     Were it labelled after ignoring, the truth would be two cells, fused.
    # found  # # # #
    truth = np.ones((1, 4), bool)
    ignore = np.array([[False, True, False, False]])
    assert rand_error_sweep(truth, truth.astype(float), ignore).error == 0
    assert rand_index_error(truth, truth.astype(float), ignore=ignore) == 0


def test_rand_index_leaves_out_the_pairs_of_ignored_pixels() -> None:
    # truth  # # . #     Without the third pixel: segments {0, 1}, {3} in both.
    # found  # # # .
    truth = np.array([[True, True, False, True]])
    found = np.array([[0.9, 0.9, 0.9, 0.1]])
    ignore = np.array([[False, False, True, False]])
    assert rand_index_error(truth, found, ignore=ignore) == 0
    assert rand_index_error(truth, found, ignore=np.ones_like(ignore)) == 0


def test_rand_index_counts_the_pairs_told_wrongly() -> None:
    # truth  # # . #     segments {0, 1}, {2}, {3}
    # found  # # # .     segments {0, 1, 2}, {3}: of six pairs, 0-2 and 1-2 are wrong
    truth = np.array([[True, True, False, True]])
    assert rand_index_error(truth, np.array([[0.9, 0.9, 0.9, 0.1]])) == 2 / 6


def test_rand_index_takes_the_background_as_one_segment() -> None:
    # truth  # . #     segments {0}, {1}, {2}
    # found  . # .     segments {0, 2}, {1}: of three pairs, 0-2 is wrong
    assert rand_index_error(np.array([[True, False, True]]), np.array([[0.0, 1.0, 0.0]])) == 1 / 3


def test_rand_index_error_is_averaged_over_pages_and_never_joins_them() -> None:
    truth = np.array([[[True, True, False, True]], [[True, True, False, True]]])
    probability = np.array([[[0.9, 0.9, 0.9, 0.1]], [[0.9, 0.9, 0.1, 0.9]]])
    assert rand_index_error(truth, probability) == (2 / 6 + 0) / 2


def test_rand_index_of_a_single_pixel_has_no_pair_to_get_wrong() -> None:
    assert rand_index_error(np.array([[True]]), np.array([[0.0]])) == 0


@pytest.mark.parametrize("score", [rand_index_error, rand_error_sweep])
def test_pages_of_different_number_are_refused(score: Callable[..., object]) -> None:
    with pytest.raises(ImageError, match=r"\(2, 3, 3\) but the prediction has \(3, 3\)"):
        score(np.zeros((2, 3, 3), bool), np.zeros((3, 3)))
