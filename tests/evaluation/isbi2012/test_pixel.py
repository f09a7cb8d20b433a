from __future__ import annotations

import numpy as np
import pytest

from overtile.evaluation import best_pixel_error, pixel_error
from overtile.evaluation.isbi2012.pixel import pixels_wrong
from overtile.evaluation.isbi2012.thresholds import THRESHOLDS

# truth        #    #    .    .
# probability  0.9  0.4  0.3  0.1
TRUTH = np.array([[True, True, False, False]])
PROBABILITY = np.array([[0.9, 0.4, 0.3, 0.1]])


def test_pixel_error_is_the_share_of_differing_pixels() -> None:
    assert pixel_error(TRUTH, PROBABILITY) == 1 / 4
    assert pixel_error(TRUTH, PROBABILITY, threshold=0.2) == 1 / 4
    assert pixel_error(TRUTH, PROBABILITY, threshold=0.35) == 0
    assert pixel_error(TRUTH, PROBABILITY, threshold=0) == 2 / 4


def test_a_pixel_exactly_at_the_threshold_is_background() -> None:
    assert pixel_error(np.array([[True]]), np.array([[0.5]])) == 1


def test_the_best_threshold_separates_what_one_half_does_not() -> None:
    best = best_pixel_error(TRUTH, PROBABILITY)
    assert best.error == 0
    # The highest k/256 below 0.4 is 102/256: of all that separate, nearest to one half.
    assert best.threshold == 102 / 256


def test_a_stack_is_scored_over_all_its_pixels() -> None:
    truth = np.stack([TRUTH, TRUTH])
    probability = np.stack([PROBABILITY, TRUTH.astype(float)])
    assert pixel_error(truth, probability) == 1 / 8


def test_the_two_histograms_equal_256_comparisons() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((2, 9, 11)) < 0.5
    probability = rng.random((2, 9, 11)).astype(np.float32)
    compared = [pixel_error(truth, probability, threshold) for threshold in THRESHOLDS]
    wrong, pixels = pixels_wrong(truth, probability)
    assert wrong / pixels == pytest.approx(compared, abs=1e-15)
    assert best_pixel_error(truth, probability).error == pytest.approx(min(compared), abs=1e-15)


def test_ignored_pixels_are_in_neither_numerator_nor_denominator() -> None:
    # The second pixel is wrong at one half, and the third and fourth are right.
    ignore = np.array([[False, True, False, False]])
    assert pixel_error(TRUTH, PROBABILITY, ignore=ignore) == 0
    assert pixel_error(TRUTH, PROBABILITY, ignore=~ignore) == 1
    assert best_pixel_error(TRUTH, PROBABILITY, ~ignore).error == 0
    assert pixel_error(TRUTH, PROBABILITY, ignore=np.ones_like(ignore)) == 0
    assert best_pixel_error(TRUTH, PROBABILITY, np.ones_like(ignore)) == (0, 0.5)
