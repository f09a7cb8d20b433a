from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from overtile.evaluation import panoptic_quality

Labels = NDArray[np.uint32]
LABELS = arrays(np.uint32, (4, 6), elements=st.sampled_from([0, 1, 2, 5, 70_000]))
IGNORE = arrays(np.bool_, (4, 6))
QUICK = settings(deadline=None, database=None, max_examples=60)


def naive_quality(truth: Labels, predicted: Labels) -> float:
    """Eq. (1) of Kirillov 2019 from one mask per object."""
    rows, columns = (np.unique(labels[labels > 0]) for labels in (truth, predicted))
    overlaps = [
        np.sum((truth == t) & (predicted == p)) / np.sum((truth == t) | (predicted == p))
        for t in rows
        for p in columns
    ]
    matched = [iou for iou in overlaps if iou > 0.5]
    false = rows.size + columns.size - 2 * len(matched)
    objects = len(matched) + false / 2
    return float(sum(matched) / objects) if objects else 1.0


def test_quality_is_recognition_times_outline() -> None:
    # truth  1 1 1 1 . 2 2 . 3     1-5: IoU 3/4;  2-6: IoU 1;  3 missed;  7 invented
    # found  5 5 5 . 7 6 6 . .
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3]])
    quality = panoptic_quality(truth, np.array([[5, 5, 5, 0, 7, 6, 6, 0, 0]]))
    assert quality.segmentation_quality == (3 / 4 + 1) / 2
    assert quality.recognition_quality == pytest.approx(2 / (2 + 1 / 2 + 1 / 2))
    assert quality.panoptic_quality == pytest.approx((3 / 4 + 1) / 3)


def test_an_iou_of_exactly_one_half_does_not_match() -> None:
    half = panoptic_quality(np.array([[1, 1, 1, 1]]), np.array([[5, 5, 0, 0]]))
    assert (half.segmentation_quality, half.recognition_quality, half.panoptic_quality) == (0, 0, 0)


def test_the_smallest_step_above_one_half_matches() -> None:
    # 500 001 of 1 000 000 pixels.
    truth, found = np.ones((1000, 1000), np.uint8), np.zeros((1000, 1000), np.uint8)
    found.flat[:500_001] = 1
    assert panoptic_quality(truth, found).panoptic_quality == 0.500001
    found.flat[500_000] = 0
    assert panoptic_quality(truth, found).panoptic_quality == 0


def test_nothing_is_perfectly_nothing() -> None:
    empty, something = np.zeros((1, 3), int), np.array([[0, 4, 4]])
    assert panoptic_quality(empty, empty).panoptic_quality == 1
    assert panoptic_quality(empty, something).panoptic_quality == 0
    assert panoptic_quality(something, empty).panoptic_quality == 0


def test_a_prediction_that_is_mostly_ignored_is_still_invented() -> None:
    # One pixel of 5 remains. Kirillov's program would forgive 5, as most of it is ignored.
    truth, found = np.array([[1, 1, 0, 0, 0]]), np.array([[4, 4, 5, 5, 5]])
    ignore = np.array([[False, False, False, True, True]])
    quality = panoptic_quality(truth, found, ignore)
    assert quality.recognition_quality == pytest.approx(1 / (1 + 1 / 2))
    ignore[0, 2] = True
    assert panoptic_quality(truth, found, ignore).panoptic_quality == 1


@given(LABELS, LABELS, IGNORE)
@QUICK
def test_quality_equals_one_mask_per_object(
    truth: Labels, found: Labels, ignore: NDArray[np.bool_]
) -> None:
    quality = panoptic_quality(truth, found, ignore).panoptic_quality
    assert quality == pytest.approx(naive_quality(truth[~ignore], found[~ignore]))


@given(LABELS, LABELS)
@QUICK
def test_names_axes_and_roles_change_nothing(truth: Labels, found: Labels) -> None:
    quality = panoptic_quality(truth, found).panoptic_quality
    renamed = np.uint32(100_000) * (truth > 0) - truth
    for one, other in ((renamed, found * 3), (truth.T, found.T), (found, truth)):
        assert panoptic_quality(one, other).panoptic_quality == pytest.approx(quality)


@given(LABELS)
@QUICK
def test_the_truth_itself_is_perfect(truth: Labels) -> None:
    assert panoptic_quality(truth, truth).panoptic_quality == 1
