from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from overtile.evaluation import contingency, seg_jaccards, seg_score

Labels = NDArray[np.uint32]
LABELS = arrays(np.uint32, (4, 6), elements=st.sampled_from([0, 1, 2, 5, 70_000]))
IGNORE = arrays(np.bool_, (4, 6))
QUICK = settings(deadline=None, database=None, max_examples=60)


def naive_jaccards(truth: Labels, predicted: Labels) -> list[float]:
    """One mask per object, as the definition reads."""
    found = []
    for t in np.unique(truth[truth > 0]):
        reference, best = truth == t, 0.0
        for p in np.unique(predicted[predicted > 0]):
            shared = np.sum(reference & (predicted == p))
            if shared > 0.5 * reference.sum():
                best = shared / np.sum(reference | (predicted == p))
        found.append(best)
    return found


def test_each_truth_object_scores_its_jaccard_index_or_nothing() -> None:
    # truth  1 1 1 1 . 2 2 2 . 3     1-5: 3 of 4 covered, 3/5;  2-6: 1 of 3, no partner;  3 missed
    # found  . 5 5 5 5 6 . . . .
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 2, 0, 3]])
    found = np.array([[0, 5, 5, 5, 5, 6, 0, 0, 0, 0]])
    # 5 is 4 px, shares 3 with 1, which has 4: union 5.
    assert seg_jaccards(contingency(truth, found)).tolist() == [3 / 5, 0, 0]
    assert seg_score(truth, found) == pytest.approx(3 / 5 / 3)


def test_covering_exactly_half_is_not_enough() -> None:
    truth = np.array([[1, 1, 1, 1]])
    assert seg_score(truth, np.array([[5, 5, 0, 0]])) == 0
    assert seg_score(truth, np.array([[5, 5, 5, 0]])) == 3 / 4


def test_a_merge_serves_both_truth_objects_badly() -> None:
    # 5 covers both wholly: 2/5 and 3/5.
    assert seg_score(np.array([[1, 1, 2, 2, 2]]), np.full((1, 5), 5)) == (2 / 5 + 3 / 5) / 2


def test_invented_objects_cost_nothing() -> None:
    assert seg_score(np.array([[1, 1, 0, 0]]), np.array([[5, 5, 0, 6]])) == 1


def test_without_a_truth_object_only_silence_is_right() -> None:
    empty, something = np.zeros((1, 3), int), np.array([[0, 4, 4]])
    assert seg_score(empty, empty) == 1
    assert seg_score(empty, something) == 0
    assert seg_score(something, empty) == 0
    assert seg_score(something, something) == 1


def test_ignored_pixels_count_nowhere_and_ignored_objects_are_gone() -> None:
    # truth   1 1 1 2 2     without the ignored: 1-5 whole, 2 gone
    # found   5 5 . . .
    # ignore  . . x x x
    truth, found = np.array([[1, 1, 1, 2, 2]]), np.array([[5, 5, 0, 0, 0]])
    ignore = np.array([[False, False, True, True, True]])
    assert seg_jaccards(contingency(truth, found, ignore)).tolist() == [1]
    assert seg_score(truth, found, np.ones_like(ignore)) == 1


def test_more_than_65535_objects_keep_apart() -> None:
    truth = np.arange(1, 70_001).reshape(100, 700)
    found = np.where(truth > 69_000, 0, truth)
    assert seg_score(truth, found) == 69_000 / 70_000


@given(LABELS, LABELS, IGNORE)
@QUICK
def test_seg_equals_one_mask_per_object(
    truth: Labels, found: Labels, ignore: NDArray[np.bool_]
) -> None:
    expected = naive_jaccards(truth[~ignore], found[~ignore])
    assert seg_jaccards(contingency(truth, found, ignore)).tolist() == expected


@given(LABELS, LABELS)
@QUICK
def test_names_and_axes_change_nothing(truth: Labels, found: Labels) -> None:
    score = seg_score(truth, found)
    assert seg_score(np.uint32(100_000) * (truth > 0) - truth, found * 3) == pytest.approx(score)
    assert seg_score(truth.T, found.T) == pytest.approx(score)


@given(LABELS, st.integers(0, 23))
@QUICK
def test_seg_falls_as_pixels_of_a_perfect_prediction_are_lost(truth: Labels, lost: int) -> None:
    less = truth.copy()
    less.flat[:lost] = 0
    even_less = less.copy()
    even_less.flat[: lost + 1] = 0
    assert seg_score(truth, truth) == 1
    if truth.any():
        assert seg_score(truth, even_less) <= seg_score(truth, less)
