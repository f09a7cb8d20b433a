"""The Rand error over thresholds, against labelling anew at each of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.evaluation import rand_error_sweep
from overtile.evaluation.isbi2012.rand_sums import rand_sums
from overtile.evaluation.isbi2012.thresholds import HALF, THRESHOLDS

SHAPE = (6, 7)
TRUTH = arrays(np.bool_, SHAPE)
# Few distinct values, so that many pixels share one; the odd ones lie beside a threshold.
PROBABILITY = arrays(np.float64, SHAPE, elements=st.sampled_from([0, 1e-9, 0.25, 0.3, 0.5, 0.9, 1]))
QUICK = settings(deadline=None, database=None, max_examples=40)


def labelled_anew(truth: NDArray[np.bool_], foreground: NDArray[np.bool_]) -> tuple[int, int, int]:
    true, objects = ndi.label(truth)
    found, segments = ndi.label(foreground)
    # Every pixel that is background in the proposal gets a number of its own.
    alone = found == 0
    found[alone] = segments + 1 + np.arange(np.count_nonzero(alone))
    overlaps = np.zeros((objects + 1, found.max() + 1), int)
    np.add.at(overlaps, (true.ravel(), found.ravel()), 1)
    overlaps = overlaps[1:]
    return tuple(  # type: ignore[return-value]
        int((sums**2).sum()) for sums in (overlaps, overlaps.sum(axis=1), overlaps.sum(axis=0))
    )


# truth  # # . # # #
TRUTH_ROW = np.array([[True, True, False, True, True, True]])
PROBABILITY_ROW = np.array([[0.9, 0.9, 0.3, 0.9, 0.1, 0.9]])


@pytest.mark.parametrize(
    ("threshold", "f"),
    [
        # Overlaps squared, truth squared (2² + 3² = 13), proposal squared:
        (0.95, 2 * 5 / (13 + 5)),  #  . . . . . .   five lonely pixels inside the truth
        (0.50, 2 * 7 / (13 + 7)),  #  A A . B . C   4 + 1 + 1, and one lonely pixel
        (0.25, 2 * 7 / (13 + 11)),  # A A A A . C   proposal (2 + 1)² + 1, and the lonely one
        (0.00, 2 * 13 / (13 + 25)),  # A A A A A A  all five in one
    ],
)
def test_f_at_a_threshold_is_what_the_drawing_says(threshold: float, f: float) -> None:
    sweep = rand_error_sweep(TRUTH_ROW, PROBABILITY_ROW)
    index = int(np.floor(threshold * 256))
    assert sweep.f[index] == pytest.approx(f, abs=1e-15)


def test_the_error_is_one_minus_the_highest_f() -> None:
    sweep = rand_error_sweep(TRUTH_ROW, PROBABILITY_ROW)
    assert sweep.error == pytest.approx(1 - 0.7)
    assert sweep.best_threshold == 0.5
    assert sweep.thresholds is THRESHOLDS


def test_squares_are_summed_over_pages_before_the_score_is_formed() -> None:
    # Page 2 is perfect, with one cell of two pixels: 4 more in each of the sums.
    truth = np.stack([TRUTH_ROW, np.array([[True, True, False, False, False, False]])])
    probability = np.stack([PROBABILITY_ROW, truth[1].astype(float)])
    sweep = rand_error_sweep(truth, probability)
    assert sweep.f[HALF] == pytest.approx(2 * (7 + 4) / (13 + 4 + 7 + 4))
    assert sweep.page_errors == pytest.approx([1 - 0.7, 0])


def test_pixels_that_touch_at_a_corner_are_apart() -> None:
    # truth # .   found # #     truth: two cells; found: one segment that holds both
    #       . #         . #     overlaps 1 + 1, truth 1 + 1, found 2²
    truth = np.eye(2, dtype=bool)
    assert rand_error_sweep(truth, truth).error == 0
    sweep = rand_error_sweep(truth, np.array([[1.0, 1.0], [0.0, 1.0]]))
    assert sweep.f[HALF] == 2 * 2 / (2 + 4)


def test_the_end_of_a_row_does_not_touch_the_next_row() -> None:
    # # # #      Read in a line, the last pixel of row 1 comes just before the first of row 2.
    # # . .
    truth = np.array([[False, False, True], [True, False, False]])
    assert rand_sums(truth, truth.astype(float))[HALF].tolist() == [2, 2, 2]


def test_without_truth_foreground_the_error_is_zero_by_convention() -> None:
    assert rand_error_sweep(np.zeros((3, 3), bool), np.full((3, 3), 0.7)).error == 0


@given(TRUTH, PROBABILITY)
@QUICK
def test_the_sweep_equals_labelling_anew_at_every_threshold(
    truth: NDArray[np.bool_], probability: NDArray[np.float64]
) -> None:
    anew = [labelled_anew(truth, probability > threshold) for threshold in THRESHOLDS]
    np.testing.assert_array_equal(rand_sums(truth, probability), anew)


@pytest.mark.parametrize("cells", ["blobs", "stripes", "noise"])
def test_it_does_so_with_many_cells_per_segment_and_many_segments_per_cell(cells: str) -> None:
    rng = np.random.default_rng(2)
    truth = {
        "blobs": ndi.gaussian_filter(rng.normal(size=(100, 120)), 1) > 0,
        # One pixel wide and crossed by many segments: these fill the hash table most.
        "stripes": np.broadcast_to(np.arange(120) % 2 == 0, (100, 120)),
        "noise": rng.random((100, 120)) < 0.6,
    }[cells]
    probability = rng.random((100, 120)).astype(np.float32)
    anew = [labelled_anew(truth, probability > threshold) for threshold in THRESHOLDS]
    np.testing.assert_array_equal(rand_sums(truth, probability), anew)


@given(TRUTH, PROBABILITY)
@QUICK
def test_f_is_a_share_and_survives_transposing(
    truth: NDArray[np.bool_], probability: NDArray[np.float64]
) -> None:
    sweep = rand_error_sweep(truth, probability)
    assert np.all((sweep.f > 0) & (sweep.f <= 1))
    assert rand_error_sweep(truth.T, probability.T).f.tolist() == sweep.f.tolist()


@given(TRUTH)
@QUICK
def test_the_truth_itself_has_no_error(truth: NDArray[np.bool_]) -> None:
    assert rand_error_sweep(truth, truth.astype(np.float32)).error == 0
