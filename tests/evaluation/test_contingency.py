from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overtile.evaluation import Contingency, contingency

LABELS = arrays(np.uint32, (5, 6), elements=st.sampled_from([0, 1, 2, 70_000, (1 << 32) - 1]))


def as_counter(table: Contingency) -> Counter[tuple[int, int]]:
    truth = table.truth_ids[table.truth_index].tolist()
    predicted = table.predicted_ids[table.predicted_index].tolist()
    return Counter(
        dict(zip(zip(truth, predicted, strict=True), table.counts.tolist(), strict=True))
    )


def test_overlaps_are_counted_background_included() -> None:
    truth = np.array([[1, 1, 0], [1, 2, 2]])
    predicted = np.array([[9, 9, 9], [0, 0, 4]])
    table = contingency(truth, predicted)
    assert as_counter(table) == {(1, 9): 2, (0, 9): 1, (1, 0): 1, (2, 0): 1, (2, 4): 1}
    assert table.truth_ids.tolist() == [0, 1, 2]
    assert table.truth_sizes.tolist() == [1, 3, 2]
    assert table.predicted_ids.tolist() == [0, 4, 9]
    assert table.predicted_sizes.tolist() == [2, 1, 3]


def test_ids_above_65535_stay_apart() -> None:
    # 65536 + 1 would be 1 in 16 bits, and the two large ids of the prediction 0.
    table = contingency(np.array([[1, 65537]]), np.array([[1 << 31, (1 << 32) - 1]]))
    assert as_counter(table) == {(1, 1 << 31): 1, (65537, (1 << 32) - 1): 1}


def test_ignored_pixels_are_left_out() -> None:
    ignore = np.array([[False, True, True]])
    table = contingency(np.array([[1, 1, 2]]), np.array([[3, 3, 4]]), ignore)
    assert as_counter(table) == {(1, 3): 1}
    assert table.truth_ids.tolist() == [1]


def test_ignoring_everything_leaves_an_empty_table() -> None:
    table = contingency(np.ones((2, 2), int), np.ones((2, 2), int), np.ones((2, 2), bool))
    assert table.counts.size == table.truth_ids.size == table.predicted_sizes.size == 0


@given(LABELS, LABELS)
@settings(deadline=None, database=None)
def test_the_table_is_what_counting_pixel_by_pixel_gives(
    truth: np.ndarray[tuple[int, ...], np.dtype[np.uint32]],
    predicted: np.ndarray[tuple[int, ...], np.dtype[np.uint32]],
) -> None:
    counted = Counter(zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True))
    assert as_counter(contingency(truth, predicted)) == counted
