from __future__ import annotations

import numpy as np
import pytest

from overtile.evaluation.isbi2012.thresholds import THRESHOLDS, best_index, thresholds_below


@pytest.mark.parametrize("precision", [np.float16, np.float32, np.float64])
def test_counting_thresholds_equals_comparing_with_each(precision: type[np.floating]) -> None:
    random = np.random.default_rng(0).random(500)
    on_a_threshold = np.arange(257) / 256
    beside_it = np.nextafter(on_a_threshold[1:].astype(precision), precision(0))
    probability = np.concatenate([random, on_a_threshold, beside_it]).astype(precision)
    compared = (probability[:, None].astype(np.float64) > THRESHOLDS).sum(axis=1)
    np.testing.assert_array_equal(thresholds_below(probability), compared)


def test_each_8_bit_grey_value_is_told_apart() -> None:
    grey = np.arange(256, dtype=np.float32) / np.float32(255)
    assert np.unique(thresholds_below(grey)).size == 256


def test_of_equal_scores_the_threshold_nearest_to_one_half_is_taken() -> None:
    scores = np.zeros(256)
    assert THRESHOLDS[best_index(scores)] == 0.5
    scores[[3, 100, 200]] = 1
    assert best_index(scores) == 100
