from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.measure import shannon_entropy
from skimage.metrics import variation_of_information

from overtile.errors import ImageError
from overtile.evaluation import foreground_restricted_information

LABELS = arrays(np.uint32, (5, 6), elements=st.integers(0, 4))
OBJECTS = arrays(np.uint32, (5, 6), elements=st.integers(1, 4))
# Named with a type, as scikit-image has none. In bits: H(second | first), H(first | second).
conditional_entropies: Callable[..., tuple[float, float]] = variation_of_information
entropy: Callable[..., float] = shannon_entropy
QUICK = settings(deadline=None, database=None, max_examples=50)


def test_a_cell_cut_in_two_loses_split_but_not_merge() -> None:
    # truth  1 1 2 2     H(T) = 1 bit
    # found  5 6 7 7     H(S) = 2/4 + 2/4 + 1/2 = 1.5 bit, I = H(T)
    score = foreground_restricted_information(np.array([[1, 1, 2, 2]]), np.array([[5, 6, 7, 7]]))
    assert score.split == pytest.approx(1 / 1.5)
    assert score.merge == pytest.approx(1)
    assert score.f == pytest.approx(2 * 1 / (1.5 + 1))


def test_two_cells_fused_lose_merge_but_not_split() -> None:
    # truth  1 2 3 3     H(T) = 1.5 bit
    # found  5 5 6 6     H(S) = 1 bit, I = H(S)
    score = foreground_restricted_information(np.array([[1, 2, 3, 3]]), np.array([[5, 5, 6, 6]]))
    assert score.split == pytest.approx(1)
    assert score.merge == pytest.approx(1 / 1.5)


def test_background_proposed_inside_a_cell_is_one_segment_per_pixel() -> None:
    # truth  1 1 2 2     found  5 5 . .: segments of 2, 1 and 1 pixels, H(S) = 1.5 bit
    score = foreground_restricted_information(np.array([[1, 1, 2, 2]]), np.array([[5, 5, 0, 0]]))
    assert score.split == pytest.approx(1 / 1.5)
    assert score.merge == pytest.approx(1)


def test_truth_background_is_left_out() -> None:
    score = foreground_restricted_information(
        np.array([[1, 1, 0, 2, 2]]), np.array([[1, 1, 2, 2, 2]])
    )
    assert score.f == 1


def test_ignored_pixels_are_left_out() -> None:
    truth, found = np.array([[1, 1, 2, 2]]), np.array([[5, 6, 7, 7]])
    ignore = np.array([[True, False, True, False]])
    assert foreground_restricted_information(truth, found).f < 1
    assert foreground_restricted_information(truth, found, ignore).f == 1


@pytest.mark.parametrize(
    ("truth", "found", "f", "split", "merge"),
    [
        ([0, 0], [1, 2], 1, 1, 1),  # no truth foreground
        ([1, 1], [3, 3], 1, 1, 1),  # one object, found: nothing to know on either side
        ([1, 1], [3, 4], 0, 0, 1),  # one object, split: S tells only what is not there
        ([1, 2], [3, 3], 0, 1, 0),  # one segment tells nothing
        ([1, 1], [0, 0], 0, 0, 1),  # nothing proposed: every pixel alone
        ([1, 2], [0, 0], 1, 1, 1),  # one-pixel objects, each alone as it should be
    ],
)
def test_a_single_object_or_segment_has_no_entropy(
    truth: list[int], found: list[int], f: float, split: float, merge: float
) -> None:
    score = foreground_restricted_information(np.array([truth]), np.array([found]))
    assert (score.f, score.split, score.merge) == (f, split, merge)


def test_a_single_large_object_counts_as_one_in_spite_of_rounding() -> None:
    # 49 ln 49 / 49 need not be ln 49.
    for side in range(2, 60):
        one = np.ones((side, 7), int)
        assert foreground_restricted_information(one, one).f == 1


@given(OBJECTS, OBJECTS)
@QUICK
def test_scikit_image_agrees_where_no_background_is_proposed(
    truth: NDArray[np.uint32], found: NDArray[np.uint32]
) -> None:
    split_bits, merge_bits = conditional_entropies(truth, found)
    score = foreground_restricted_information(truth, found)
    if min(entropy(found), entropy(truth)) > 0:
        assert score.split == pytest.approx(1 - split_bits / entropy(found), abs=1e-9)
        assert score.merge == pytest.approx(1 - merge_bits / entropy(truth), abs=1e-9)
        both = entropy(found) + entropy(truth)
        assert score.f == pytest.approx(1 - (split_bits + merge_bits) / both, abs=1e-9)


@given(LABELS, LABELS)
@QUICK
def test_scores_are_shares_and_survive_renaming_and_transposing(
    truth: NDArray[np.uint32], found: NDArray[np.uint32]
) -> None:
    score = foreground_restricted_information(truth, found)
    assert all(0 <= share <= 1 for share in (score.f, score.split, score.merge))
    names = np.array([0, 70_000, 3, 9, 1], np.uint32)
    renamed = foreground_restricted_information(names[truth].T, names[found].T)
    assert renamed.f == pytest.approx(score.f, abs=1e-12)


@given(LABELS)
@QUICK
def test_the_truth_itself_scores_one(truth: NDArray[np.uint32]) -> None:
    assert foreground_restricted_information(truth, truth).f == pytest.approx(1)


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ImageError, match=r"\(1, 2\) but the prediction has \(2, 1\)"):
        foreground_restricted_information(np.ones((1, 2), int), np.ones((2, 1), int))
