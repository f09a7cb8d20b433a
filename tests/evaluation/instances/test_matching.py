from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from overtile.errors import ConfigError
from overtile.evaluation import match_objects, mean_average_precision

LABELS = arrays(np.uint32, (4, 5), elements=st.integers(0, 4))
QUICK = settings(deadline=None, database=None, max_examples=60)


def best_of_all_pairings(
    truth: NDArray[np.uint32], predicted: NDArray[np.uint32], iou: float
) -> tuple[int, float]:
    """Try every one-to-one pairing: the most matches, then the highest sum of IoU."""
    rows, columns = (np.unique(labels[labels > 0]) for labels in (truth, predicted))
    overlap = np.array(
        [
            [np.sum((truth == t) & (predicted == p)) / np.sum((truth == t) | (predicted == p))]
            for t in rows
            for p in columns
        ]
    ).reshape(rows.size, columns.size)
    if rows.size > columns.size:
        overlap = overlap.T
    best = (0, 0.0)
    for order in itertools.permutations(range(overlap.shape[1]), overlap.shape[0]):
        chosen = overlap[np.arange(overlap.shape[0]), list(order)]
        chosen = chosen[chosen >= iou]
        best = max(best, (chosen.size, float(chosen.sum())))
    return best


def test_found_missed_and_invented_objects_are_counted() -> None:
    # truth  1 1 1 . 2 2 . .     1-5: IoU 2/3;  2 missed;  6 invented
    # found  5 5 . . . . . 6
    truth = np.array([[1, 1, 1, 0, 2, 2, 0, 0]])
    match = match_objects(truth, np.array([[5, 5, 0, 0, 0, 0, 0, 6]]))
    assert (match.true_positives, match.false_positives, match.false_negatives) == (1, 1, 1)
    assert match.mean_matched_iou == pytest.approx(2 / 3)
    assert match.average_precision == 1 / 3
    assert match.f1 == 2 / 4
    assert match.count_error == 0


def test_one_prediction_over_two_cells_finds_only_one() -> None:
    # truth  1 1 1 1 2     IoU of 5 with 1 is 4/5, with 2 it is 1/5: both pass 0.2
    # found  5 5 5 5 5
    match = match_objects(np.array([[1, 1, 1, 1, 2]]), np.array([[5, 5, 5, 5, 5]]), iou=0.2)
    assert (match.true_positives, match.false_positives, match.false_negatives) == (1, 0, 1)
    assert match.mean_matched_iou == 4 / 5
    assert match.count_error == -1


def test_an_iou_of_exactly_the_threshold_matches_once() -> None:
    # truth  1 1     both halves have IoU 1/2 with the cell; only one of them can be it
    # found  5 6
    match = match_objects(np.array([[1, 1]]), np.array([[5, 6]]), iou=0.5)
    assert (match.true_positives, match.false_positives, match.false_negatives) == (1, 1, 0)
    assert match.count_error == 1


def test_more_matches_go_before_higher_iou() -> None:
    # truth  1 1 1 1 1 1 1 1 2     IoU: 1-5 7/9, 1-6 1/8, 2-5 1/8
    # found  6 5 5 5 5 5 5 5 5     Pairing the best, 1 with 5, would leave 2 and 6 alone.
    truth = np.array([[1, 1, 1, 1, 1, 1, 1, 1, 2]])
    match = match_objects(truth, np.array([[6, 5, 5, 5, 5, 5, 5, 5, 5]]), iou=0.1)
    assert match.true_positives == 2
    assert match.mean_matched_iou == 1 / 8


def test_nothing_to_find_and_nothing_found_is_perfect_by_convention() -> None:
    match = match_objects(np.zeros((2, 2), int), np.zeros((2, 2), int))
    assert (match.average_precision, match.f1, match.count_error) == (1, 1, 0)
    assert match.mean_matched_iou == 0


def test_objects_invented_in_an_empty_image_score_zero() -> None:
    match = match_objects(np.zeros((1, 3), int), np.array([[1, 0, 2]]))
    assert (match.average_precision, match.f1, match.count_error) == (0, 0, 2)


@pytest.mark.parametrize("iou", [0, -0.5, 1.5, float("nan")])
def test_a_threshold_that_cannot_be_an_iou_is_refused(iou: float) -> None:
    with pytest.raises(ConfigError, match=r"`iou` must be above 0 and at most 1\. Got"):
        match_objects(np.ones((1, 1), int), np.ones((1, 1), int), iou=iou)


@given(LABELS, LABELS, st.sampled_from([0.1, 0.25, 0.5, 0.75]))
@QUICK
def test_matching_equals_the_best_of_all_pairings(
    truth: NDArray[np.uint32], predicted: NDArray[np.uint32], iou: float
) -> None:
    match = match_objects(truth, predicted, iou)
    matches, total = best_of_all_pairings(truth, predicted, iou)
    assert match.true_positives == matches
    assert match.mean_matched_iou * matches == pytest.approx(total)


def assigned(truth: NDArray[np.uint32], predicted: NDArray[np.uint32], iou: float) -> int:
    """Matches by an assignment over one mask per object; shares no code with the table."""
    rows, columns = (np.unique(labels[labels > 0]) for labels in (truth, predicted))
    able = np.zeros((rows.size, columns.size))
    for i, t in enumerate(rows):
        for j, p in enumerate(columns):
            one, other = truth == t, predicted == p
            able[i, j] = np.sum(one & other) / np.sum(one | other) >= iou
    return int(able[linear_sum_assignment(able, maximize=True)].sum())


@given(LABELS, LABELS, arrays(np.bool_, (4, 5)), st.sampled_from([0.1, 0.5, 0.75]))
@QUICK
def test_matches_outside_ignored_pixels_equal_an_assignment_of_masks(
    truth: NDArray[np.uint32], predicted: NDArray[np.uint32], ignore: NDArray[np.bool_], iou: float
) -> None:
    match = match_objects(truth, predicted, iou, ignore)
    assert match.true_positives == assigned(truth[~ignore], predicted[~ignore], iou)


def test_mean_average_precision_counts_the_thresholds_passed() -> None:
    # IoU 3/5 passes 0.50, 0.55 and 0.60, three of ten; 1 passes all.
    cell = np.ones((1, 5), int)
    assert mean_average_precision(cell, np.array([[2, 2, 2, 0, 0]])) == pytest.approx(3 / 10)
    assert mean_average_precision(cell, cell) == mean_average_precision(cell * 0, cell * 0) == 1
    ignore = np.array([[False, False, False, True, True]])
    assert mean_average_precision(cell, np.array([[2, 2, 2, 0, 0]]), ignore) == 1


@given(LABELS, LABELS)
@QUICK
def test_stricter_overlap_never_finds_more(
    truth: NDArray[np.uint32], predicted: NDArray[np.uint32]
) -> None:
    found = [match_objects(truth, predicted, iou).true_positives for iou in (0.25, 0.5, 0.75, 1)]
    assert found == sorted(found, reverse=True)


@given(LABELS, LABELS)
@QUICK
def test_matching_survives_renaming_transposing_and_swapping(
    truth: NDArray[np.uint32], predicted: NDArray[np.uint32]
) -> None:
    match = match_objects(truth, predicted, 0.3)
    names = np.array([0, 70_000, 3, 9, 1], np.uint32)
    renamed = match_objects(names[truth], predicted.T.T * np.uint32(7), 0.3)
    transposed = match_objects(truth.T, predicted.T, 0.3)
    swapped = match_objects(predicted, truth, 0.3)
    assert renamed.true_positives == transposed.true_positives == match.true_positives
    assert swapped.false_positives == match.false_negatives
    assert renamed.mean_matched_iou == pytest.approx(match.mean_matched_iou)


@given(LABELS)
@QUICK
def test_the_truth_itself_is_found_at_every_threshold(truth: NDArray[np.uint32]) -> None:
    assert match_objects(truth, truth, 1.0).average_precision == 1
