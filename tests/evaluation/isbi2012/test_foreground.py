from __future__ import annotations

import numpy as np

from overtile.evaluation.isbi2012.foreground import foreground_overlaps


def test_overlaps_are_measured_inside_the_truth_foreground() -> None:
    # truth  1 1 1 . 2     Segment 7 shares two pixels with object 1, and one with background that
    # found  7 7 . 7 9     does not count; one pixel of object 1 is alone.
    overlaps = foreground_overlaps(np.array([[1, 1, 1, 0, 2]]), np.array([[7, 7, 0, 7, 9]]))
    assert overlaps.shared.tolist() == [2, 1]
    assert overlaps.truth.tolist() == [3, 1]
    assert overlaps.predicted.tolist() == [2, 1]
    assert overlaps.alone == 1


def test_a_segment_on_truth_background_only_has_size_zero() -> None:
    overlaps = foreground_overlaps(np.array([[1, 0]]), np.array([[5, 6]]))
    assert overlaps.predicted.tolist() == [1, 0]


def test_ignored_pixels_are_in_no_size() -> None:
    ignore = np.array([[False, True]])
    overlaps = foreground_overlaps(np.array([[1, 1]]), np.array([[5, 0]]), ignore)
    assert (overlaps.truth.tolist(), overlaps.alone) == ([1], 0)
