"""Connectivity numbers against what flipping a pixel does to the objects and holes of a drawing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.evaluation.isbi2012.topology import (
    CONNECTIVITY_NUMBERS,
    connectivity_number,
    objects_and_backgrounds,
)


def objects_and_holes(foreground: NDArray[np.bool_]) -> tuple[int, int]:
    framed = np.pad(foreground, 1)
    return ndi.label(framed)[1], ndi.label(~framed, structure=np.ones((3, 3)))[1] - 1


def number_of(foreground: NDArray[np.bool_]) -> int:
    """Connectivity number of the middle of a 3 × 3 drawing."""
    pieces = objects_and_backgrounds(foreground)
    middle = 2 * pieces.shape[1] + 2
    return int(connectivity_number(pieces.ravel(), middle, pieces.shape[1]))


@pytest.mark.parametrize("bits", range(256))
def test_a_pixel_changes_objects_minus_holes_by_one_minus_its_number(bits: int) -> None:
    without = np.insert((bits >> np.arange(8)) & 1, 4, 0).reshape(3, 3).astype(bool)
    changed = without.copy()
    changed[1, 1] = True
    (objects, holes), (more_objects, more_holes) = (
        objects_and_holes(without),
        objects_and_holes(changed),
    )
    number = number_of(without)
    assert (more_objects - more_holes) - (objects - holes) == 1 - number
    # Inside 3 × 3 pixels a simple point is one that changes neither of the two.
    assert (number == 1) == ((objects, holes) == (more_objects, more_holes))
    assert number_of(changed) == number


def test_numbers_range_from_an_island_to_a_crossing() -> None:
    assert sorted(set(CONNECTIVITY_NUMBERS.tolist())) == [0, 1, 2, 3, 4]
    assert number_of(np.eye(3, dtype=bool)) == 0  # corners do not join objects
    assert number_of(np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)) == 4


def test_background_reaches_through_corners_and_around_the_page() -> None:
    # # . #      The two dots on top meet outside the page, and the diagonal joins them to the
    # . # .      dots at the sides: one background. Four corner cells and the middle: five objects.
    # # . #
    checkered = np.arange(9).reshape(3, 3) % 2 == 0
    pieces = objects_and_backgrounds(checkered)
    assert pieces.shape == (5, 5)
    assert set(pieces[pieces < 0].tolist()) == {-1}
    assert sorted(pieces[pieces > 0].tolist()) == [1, 2, 3, 4, 5]


def test_a_hole_is_a_background_of_its_own() -> None:
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    pieces = objects_and_backgrounds(ring)
    assert pieces[2, 2] == -2
    assert pieces[0, 0] == -1
