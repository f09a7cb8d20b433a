from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from overtile.evaluation import aggregated_jaccard_index, contingency

Labels = NDArray[np.uint32]
LABELS = arrays(np.uint32, (4, 6), elements=st.sampled_from([0, 1, 2, 5, 70_000]))
IGNORE = arrays(np.bool_, (4, 6))
QUICK = settings(deadline=None, database=None, max_examples=60)


def naive_index(truth: Labels, predicted: Labels, *, once: bool = False) -> float:
    """Algorithm 1 of Kumar 2017, one mask per object; `once` forbids a prediction's second use."""
    names = np.unique(predicted[predicted > 0]).tolist()
    correct, union, used = 0, 0, set()
    for t in np.unique(truth[truth > 0]):
        reference = truth == t
        best, best_iou = 0, 0.0
        for p in (p for p in names if not (once and p in used)):
            mask = predicted == p
            iou = np.sum(reference & mask) / np.sum(reference | mask)
            if iou > best_iou:
                best, best_iou = p, iou
        mask = (predicted == best) & (best > 0)
        correct += int(np.sum(reference & mask))
        union += int(np.sum(reference | mask))
        used.add(best)
    union += sum(int(np.sum(predicted == p)) for p in names if p not in used)
    return correct / union if union else 1.0


def paired_index(truth: Labels, predicted: Labels) -> float:
    """AJI+ of Graham 2019: pairs are one to one, of the highest total IoU."""
    table = contingency(truth, predicted)
    iou = np.zeros((table.truth_ids.size, table.predicted_ids.size))
    shared = np.zeros(iou.shape, int)
    shared[table.truth_index, table.predicted_index] = table.counts
    union = table.truth_sizes[:, None] + table.predicted_sizes - shared
    iou = (shared / union) * (table.truth_ids > 0)[:, None] * (table.predicted_ids > 0)
    rows, columns = linear_sum_assignment(iou, maximize=True)
    kept = iou[rows, columns] > 0
    correct = shared[rows, columns][kept].sum()
    return float(correct / (np.sum(truth > 0) + np.sum(predicted > 0) - correct))


def test_pixels_of_pairs_are_added_up_and_the_unused_join_the_union() -> None:
    # truth  1 1 1 1 . 2 2 . 3 .     1-5: 3 of 4;  2-6: 1 of 3;  3 alone: 1;  7 unused: 1
    # found  5 5 5 . 6 6 . . . 7
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3, 0]])
    found = np.array([[5, 5, 5, 0, 6, 6, 0, 0, 0, 7]])
    assert aggregated_jaccard_index(truth, found) == (3 + 1) / (4 + 3 + 1 + 1)


def test_a_prediction_taken_twice_is_in_the_union_twice() -> None:
    # 5 covers both: intersections 3 + 2, unions 5 + 5.
    truth, found = np.array([[1, 1, 1, 2, 2]]), np.full((1, 5), 5)
    assert aggregated_jaccard_index(truth, found) == (3 + 2) / (5 + 5)
    # Taken once, by 1: 3 / (5 + 2).  In this drawing AJI+ agrees with that.
    assert naive_index(truth, found, once=True) == 3 / (5 + 2)
    assert paired_index(truth, found) == 3 / (5 + 2)


def test_of_equal_candidates_the_lowest_id_is_taken() -> None:
    # truth  1 1 1 . 2 2 2 . 1     1 has IoU 1/4 with 5, and 2/8 with 6; 2 takes 6 anyway, 3/6
    # found  5 6 6 . 6 6 6 6 .
    truth = np.array([[1, 1, 1, 0, 2, 2, 2, 0, 1]])
    found = np.array([[5, 6, 6, 0, 6, 6, 6, 6, 0]])
    assert aggregated_jaccard_index(truth, found) == (1 + 3) / (4 + 6)
    renamed = np.where(found == 5, 9, found)
    assert aggregated_jaccard_index(truth, renamed) == (2 + 3) / (8 + 6 + 1)


def test_nothing_is_perfectly_nothing() -> None:
    empty, something = np.zeros((1, 3), int), np.array([[0, 4, 4]])
    assert aggregated_jaccard_index(empty, empty) == 1
    assert aggregated_jaccard_index(empty, something) == 0
    assert aggregated_jaccard_index(something, empty) == 0


def test_ignored_objects_are_in_no_sum() -> None:
    truth, found = np.array([[1, 1, 1, 2, 0]]), np.array([[5, 5, 0, 0, 6]])
    ignore = np.array([[False, False, True, True, True]])
    assert aggregated_jaccard_index(truth, found, ignore) == 1
    assert aggregated_jaccard_index(truth, found, np.ones_like(ignore)) == 1


@given(LABELS, LABELS, IGNORE)
@QUICK
def test_the_index_equals_one_mask_per_object(
    truth: Labels, found: Labels, ignore: NDArray[np.bool_]
) -> None:
    index = aggregated_jaccard_index(truth, found, ignore)
    assert index == naive_index(truth[~ignore], found[~ignore])


@given(LABELS, LABELS)
@QUICK
def test_new_names_in_the_same_order_and_axes_change_nothing(truth: Labels, found: Labels) -> None:
    index = aggregated_jaccard_index(truth, found)
    # Names of the truth may change in any way; of the prediction, only the order breaks a tie.
    renamed = np.uint32(100_000) * (truth > 0) - truth
    assert aggregated_jaccard_index(renamed, found * 3) == index
    assert aggregated_jaccard_index(truth.T, found.T) == index


@given(LABELS, st.integers(0, 23))
@QUICK
def test_the_index_falls_as_pixels_of_a_perfect_prediction_are_lost(
    truth: Labels, lost: int
) -> None:
    less = truth.copy()
    less.flat[:lost] = 0
    assert aggregated_jaccard_index(truth, truth) == 1
    if truth.any():
        share = np.sum(less > 0) / np.sum(truth > 0)
        assert aggregated_jaccard_index(truth, less) == pytest.approx(share)
        # Nothing is taken twice, so AJI+ is the same.
        assert paired_index(truth, less) == pytest.approx(share)
