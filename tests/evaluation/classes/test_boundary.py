from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.metrics import hausdorff_distance

from overtile.errors import ConfigError, ImageError
from overtile.evaluation import BoundaryScores, boundary_scores

ClassMap = NDArray[np.uint8]
Mask = NDArray[np.bool_]
MAPS = arrays(np.uint8, (5, 7), elements=st.integers(0, 2))
IGNORE = arrays(np.bool_, (5, 7), elements=st.sampled_from([False, False, False, True]))
QUICK = settings(deadline=None, database=None, max_examples=60)

# A square of 4 × 4 and the same moved to its side. Each boundary is a ring of 12 pixels.
#   . . . . . . . . . .        distances from a pixel of the left ring to the right one:
#   . 1 1 1 1 2 2 2 2 .        4 3 2 1
#   . 1 . . 1 2 . . 2 .        4     1
#   . 1 . . 1 2 . . 2 .        4     1
#   . 1 1 1 1 2 2 2 2 .        4 3 2 1
#   . . . . . . . . . .
LEFT, RIGHT = np.zeros((2, 6, 10), np.uint8)
LEFT[1:5, 1:5] = 1
RIGHT[1:5, 5:9] = 1


def naive_boundary(labels: ClassMap, k: int, visible: Mask) -> Mask:
    """The definition, pixel by pixel."""
    boundary = np.zeros(labels.shape, bool)
    for y, x in np.argwhere(visible & (labels == k)):
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            inside = 0 <= v < labels.shape[0] and 0 <= u < labels.shape[1]
            boundary[y, x] |= inside and visible[v, u] and labels[v, u] != k
    return boundary


def naive_scores(
    truth: ClassMap, found: ClassMap, ignore: Mask, tolerance: float
) -> BoundaryScores:
    """Boundaries as defined, distances by distance transforms of the whole image."""
    f, hausdorff = {}, {}
    for k in sorted({*truth[~ignore].tolist(), *found[~ignore].tolist()} - {0}):
        one, other = (naive_boundary(labels, k, ~ignore) for labels in (truth, found))
        there = distance_transform_edt(~other)[one] if other.any() else one[one] * np.inf
        back = distance_transform_edt(~one)[other] if one.any() else other[other] * np.inf
        on_both = k in truth[~ignore] and k in found[~ignore]
        f[k] = float(on_both and not one.any() and not other.any())
        if one.any() and other.any():
            recall, precision = np.mean(there <= tolerance), np.mean(back <= tolerance)
            f[k] = float(2 * precision * recall / (precision + recall or 1))
            hausdorff[k] = float(max(np.percentile(there, 95), np.percentile(back, 95)))
    return BoundaryScores(f=f, hausdorff=hausdorff, mean_f=float(np.mean([*f.values()] or [1])))


def test_half_of_each_ring_is_within_two_pixels() -> None:
    scores = boundary_scores(LEFT, RIGHT)
    assert scores.f == {1: pytest.approx(6 / 12)}
    assert scores.mean_f == scores.f[1]


@pytest.mark.parametrize(("tolerance", "near"), [(0, 0), (0.9, 0), (1, 4), (3, 8), (4, 12)])
def test_a_pixel_exactly_as_far_as_tolerated_is_right(tolerance: float, near: int) -> None:
    assert boundary_scores(LEFT, RIGHT, tolerance_px=tolerance).f[1] == pytest.approx(near / 12)


def test_the_hausdorff_distance_is_a_percentile_of_the_drawing() -> None:
    # 1 1 1 1 2 2 3 3 4 4 4 4: the 95th percentile and the largest are 4, the median is 2.5.
    assert boundary_scores(LEFT, RIGHT).hausdorff == {1: 4}
    assert boundary_scores(LEFT, RIGHT, percentile=100).hausdorff == {1: 4}
    assert boundary_scores(LEFT, RIGHT, percentile=50).hausdorff == {1: 2.5}


def test_the_hausdorff_distance_is_the_larger_of_two_ways() -> None:
    # truth  1 . . 1 . .     From the truth: 0, 3.  From the prediction: 0.  Their 95th percentiles
    # found  1 . . . . .     are 2.85 and 0; of 0, 0, 3 together it would be 2.7.
    truth, found = np.array([[1, 0, 0, 1, 0, 0]]), np.array([[1, 0, 0, 0, 0, 0]])
    assert boundary_scores(truth, found).hausdorff == {1: pytest.approx(2.85)}
    assert boundary_scores(found, truth).hausdorff == {1: pytest.approx(2.85)}


def test_distances_are_in_micrometres_along_each_axis() -> None:
    along_x = boundary_scores(LEFT, RIGHT, pixel_size_um=(7, 0.5))
    assert along_x.hausdorff == {1: 4 * 0.5}
    # The nearest in µm is another pixel than in px, but the tolerance stays in px.
    assert along_x.f == boundary_scores(LEFT, RIGHT).f
    assert boundary_scores(LEFT.T, RIGHT.T, pixel_size_um=(0.5, 7)).hausdorff == {1: 2}


def test_planes_of_a_stack_are_neighbours() -> None:
    # One voxel in the middle plane, and the same one plane further; 2 µm lie between planes.
    truth, found = np.zeros((2, 3, 3, 3), np.uint8)
    truth[1, 1, 1] = found[2, 1, 1] = 1
    assert boundary_scores(truth, found).hausdorff == {1: 1}
    assert boundary_scores(truth, found, pixel_size_um=(2, 0.1, 0.1)).hausdorff == {1: 2}
    whole = np.ones((3, 3, 3), np.uint8)
    whole[0] = 0
    # Only the plane that touches the background is boundary: 9 voxels, all 1 from the lowest plane.
    lower = np.ones((3, 3, 3), np.uint8)
    lower[:2] = 0
    assert boundary_scores(whole, lower, tolerance_px=0.5).f == {1: 0}
    assert boundary_scores(whole, lower, tolerance_px=1).f == {1: 1}


def test_the_edge_of_the_image_is_no_boundary() -> None:
    # truth  1 1 1 .     Boundaries are the pixels next to the background: 2 and 1, 1 px apart.
    # found  1 1 . .
    truth, found = np.array([[1, 1, 1, 0]]), np.array([[1, 1, 0, 0]])
    assert boundary_scores(truth, found, tolerance_px=0.5).f == {1: 0}
    assert boundary_scores(truth, found, percentile=100).hausdorff == {1: 1}


def test_a_class_that_is_on_one_side_only_scores_zero_and_has_no_distance() -> None:
    scores = boundary_scores(np.array([[0, 1, 0, 0, 0]]), np.array([[0, 1, 0, 2, 0]]))
    assert scores == BoundaryScores(f={1: 1, 2: 0}, hausdorff={1: 0}, mean_f=0.5)
    # Also if it has no boundary, as it fills the image.
    full, empty = np.ones((1, 3), int), np.zeros((1, 3), int)
    assert boundary_scores(full, empty) == BoundaryScores(f={1: 0}, hausdorff={}, mean_f=0)


def test_a_class_that_fills_the_image_has_no_boundary() -> None:
    full, part = np.ones((1, 3), int), np.array([[1, 1, 0]])
    assert boundary_scores(full, full) == BoundaryScores(f={1: 1}, hausdorff={}, mean_f=1)
    assert boundary_scores(full, part) == BoundaryScores(f={1: 0}, hausdorff={}, mean_f=0)


def test_only_background_is_perfect_by_convention() -> None:
    empty = np.zeros((2, 3), int)
    assert boundary_scores(empty, empty) == BoundaryScores(f={}, hausdorff={}, mean_f=1)
    ignored = boundary_scores(LEFT, RIGHT, np.ones(LEFT.shape, bool))
    assert ignored == BoundaryScores(f={}, hausdorff={}, mean_f=1)


def test_ignored_pixels_have_no_boundary_and_make_none() -> None:
    # truth   1 1 1 . .     Without the ignored, the truth fills what is seen,
    # found   1 1 1 1 .     and so does the prediction.
    # ignore  . . . x x
    truth, found = np.array([[1, 1, 1, 0, 0]]), np.array([[1, 1, 1, 1, 0]])
    ignore = np.array([[False, False, False, True, True]])
    assert boundary_scores(truth, found, ignore) == BoundaryScores(f={1: 1}, hausdorff={}, mean_f=1)


@pytest.mark.parametrize(
    ("settings_given", "message"),
    [
        ({"tolerance_px": -1}, "`tolerance_px` must be at least 0. Got -1; 2 is the usual choice"),
        ({"percentile": 101}, r"`percentile` must be within \[0, 100\]. Got 101"),
        ({"pixel_size_um": (1, 1, 1)}, r"must be 2 positive lengths. Got \(1, 1, 1\); give µm"),
        ({"pixel_size_um": (1, 0)}, r"must be 2 positive lengths. Got \(1, 0\)"),
        ({"pixel_size_um": (1, float("nan"))}, "must be 2 positive lengths"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    settings_given: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        boundary_scores(LEFT, RIGHT, **settings_given)  # type: ignore[arg-type]


def test_an_ignore_of_another_shape_is_refused() -> None:
    with pytest.raises(ImageError, match="shape"):
        boundary_scores(LEFT, RIGHT, np.zeros((2, 2), bool))


@given(MAPS, MAPS, IGNORE, st.sampled_from([0, 1, 1.5, 2]))
@QUICK
def test_scores_are_those_of_the_definition(
    truth: ClassMap, found: ClassMap, ignore: Mask, tolerance: float
) -> None:
    scores = boundary_scores(truth, found, ignore, tolerance_px=tolerance)
    expected = naive_scores(truth, found, ignore, tolerance)
    assert scores.f == pytest.approx(expected.f)
    assert scores.hausdorff == pytest.approx(expected.hausdorff)
    assert scores.mean_f == pytest.approx(expected.mean_f)


@given(MAPS, MAPS)
@QUICK
def test_at_100_percent_the_distance_is_that_of_scikit_image(
    truth: ClassMap, found: ClassMap
) -> None:
    # It compares any two sets of pixels: given whole classes it would not count a hole as far off.
    scores, seen = boundary_scores(truth, found, percentile=100), np.ones(truth.shape, bool)
    for k, distance in scores.hausdorff.items():
        boundaries = [naive_boundary(labels, k, seen) for labels in (truth, found)]
        assert distance == pytest.approx(hausdorff_distance(*boundaries))


@given(MAPS, MAPS)
@QUICK
def test_axes_and_roles_change_nothing_and_names_go_along(truth: ClassMap, found: ClassMap) -> None:
    scores = boundary_scores(truth, found)
    assert boundary_scores(found, truth).f == pytest.approx(scores.f)
    assert boundary_scores(truth.T, found.T).hausdorff == pytest.approx(scores.hausdorff)
    names = np.array([0, 40, 3])
    renamed = boundary_scores(names[truth], names[found])
    assert renamed.f == pytest.approx({int(names[k]): value for k, value in scores.f.items()})


@given(MAPS, MAPS)
@QUICK
def test_more_tolerance_never_lowers_and_a_higher_percentile_never_shortens(
    truth: ClassMap, found: ClassMap
) -> None:
    means = [boundary_scores(truth, found, tolerance_px=px).mean_f for px in (0, 1, 2, 9)]
    assert means == sorted(means)
    far = [boundary_scores(truth, found, percentile=p).hausdorff.get(1, 0) for p in (0, 50, 100)]
    assert far == sorted(far)


@given(MAPS, IGNORE)
@QUICK
def test_the_truth_itself_is_perfect(truth: ClassMap, ignore: Mask) -> None:
    scores = boundary_scores(truth, truth, ignore, tolerance_px=0)
    assert scores.mean_f == 1
    assert set(scores.hausdorff.values()) <= {0}
