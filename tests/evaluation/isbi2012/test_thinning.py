from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.errors import LabelError
from overtile.evaluation import thin_borders

FOREGROUND = arrays(np.bool_, (8, 9))
QUICK = settings(deadline=None, database=None, max_examples=60)


def drawn(*rows: str) -> NDArray[np.uint32]:
    return np.array([[int(pixel) for pixel in row.replace(".", "0")] for row in rows], np.uint32)


def sides(labels: NDArray[np.uint32]) -> list[set[int]]:
    """List the objects at the four sides of each background pixel."""
    framed = np.pad(labels, 1)
    shifted = np.stack([np.roll(framed, step, axis) for axis in (0, 1) for step in (1, -1)])
    around = shifted[:, 1:-1, 1:-1][:, labels == 0].T
    return [set(ids.tolist()) - {0} for ids in around]


def test_a_wide_border_becomes_a_line_in_its_middle() -> None:
    thinned = thin_borders(drawn("1.....2", "1.....2"))
    assert thinned.tolist() == drawn("111.222", "111.222").tolist()


def test_an_even_border_gives_its_middle_to_the_first_in_raster_order() -> None:
    thinned = thin_borders(drawn("1....2", "1....2"))
    assert thinned.tolist() == drawn("111.22", "111.22").tolist()


def test_lines_meet_where_four_objects_do() -> None:
    thinned = thin_borders(drawn("1...2", ".....", ".....", ".....", "3...4"))
    assert thinned.tolist() == drawn("11.22", "11.22", ".....", "33.44", "33.44").tolist()


def test_a_diagonal_line_that_touches_at_corners_stays_as_it_is() -> None:
    thin = drawn("11.", "1.2", ".22")
    assert thin_borders(thin).tolist() == thin.tolist()


def test_what_separates_nothing_is_grown_over() -> None:
    # A hole, a loose end, and background at the edge.
    assert thin_borders(drawn("111", "1.1", "111")).tolist() == drawn("111", "111", "111").tolist()
    assert np.all(thin_borders(drawn("11.11", "11.11", "11111", ".....")) == 1)


def test_without_objects_all_stays_background() -> None:
    assert not thin_borders(np.zeros((3, 4), int)).any()


def test_ids_above_16_bits_survive() -> None:
    ids = np.array([[70_000, 0, 0, 4_294_967_295]], np.uint32)
    assert thin_borders(ids).tolist() == [[70_000, 70_000, 0, 4_294_967_295]]


@given(FOREGROUND)
@QUICK
def test_objects_keep_their_pixels_and_neither_merge_nor_fall_apart(
    foreground: NDArray[np.bool_],
) -> None:
    labels, count = ndi.label(foreground)
    thinned = thin_borders(labels)
    assert np.array_equal(thinned[foreground], labels[foreground])
    # Labelled anew, the same objects: no two touch by a side.
    again, number = ndi.label(thinned > 0)
    assert number == count
    assert (
        len(set(zip(again.ravel().tolist(), thinned.ravel().tolist(), strict=True)) - {(0, 0)})
        == count
    )


@given(FOREGROUND)
@QUICK
def test_no_border_pixel_could_be_given_away(foreground: NDArray[np.bool_]) -> None:
    labels, count = ndi.label(foreground)
    # One object at its sides would have grown over it; none at all is where lines meet.
    assert all(len(ids) != 1 for ids in sides(thin_borders(labels)))
    if count == 1:
        assert thin_borders(labels).all()


@given(FOREGROUND)
@QUICK
def test_thinning_twice_is_thinning_once(foreground: NDArray[np.bool_]) -> None:
    thinned = thin_borders(ndi.label(foreground)[0])
    assert np.array_equal(thin_borders(thinned), thinned)


def test_a_stack_is_refused() -> None:
    with pytest.raises(LabelError, match=r"\(Y, X\), not \(1, 2, 2\); thin the pages of a stack"):
        thin_borders(np.zeros((1, 2, 2), int))
