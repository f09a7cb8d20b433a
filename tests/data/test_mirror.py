from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from overtile.arrays import Pixels
from overtile.data.mirror import mirror_crop, mirror_indices, mirror_read


def numbered(height: int, width: int) -> NDArray[np.int64]:
    return np.arange(height * width).reshape(height, width)


@pytest.mark.parametrize(
    ("start", "stop", "length", "expected"),
    [
        (-3, 7, 4, [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]),
        (0, 4, 4, [0, 1, 2, 3]),
        (-1, 3, 2, [1, 0, 1, 0]),
        (-3, 4, 2, [1, 0, 1, 0, 1, 0, 1]),
        (5, 9, 3, [1, 2, 1, 0]),
        (2, 2, 3, []),
    ],
)
def test_the_border_pixel_is_the_mirror(
    start: int, stop: int, length: int, expected: list[int]
) -> None:
    np.testing.assert_array_equal(mirror_indices(start, stop, length), expected)


def test_a_line_of_one_pixel_is_repeated() -> None:
    np.testing.assert_array_equal(mirror_indices(-3, 4, 1), np.zeros(7))
    window = mirror_crop(np.array([[5, 6, 7]]), (-1, 2), (-1, 4))
    np.testing.assert_array_equal(window, 3 * [[6, 5, 6, 7, 6]])


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(2, 9),
    width=st.integers(2, 9),
    before=st.integers(0, 40),
    after=st.integers(0, 40),
)
def test_a_side_shorter_than_its_context_is_reflected_as_often_as_needed(
    height: int, width: int, before: int, after: int
) -> None:
    pixels = numbered(height, width)
    window = mirror_crop(pixels, (-before, height + after), (-after, width + before))
    expected = np.pad(pixels, ((before, after), (after, before)), mode="reflect")
    np.testing.assert_array_equal(window, expected)


def test_the_context_of_the_paper_around_a_tiny_image_has_its_full_size() -> None:
    window = mirror_crop(np.ones((1, 3, 5), np.uint16), (-92, 388 + 92), (-92, 388 + 92))
    assert window.shape == (1, 572, 572)
    assert window.dtype == np.uint16
    assert (window == 1).all()


@settings(max_examples=100, deadline=None)
@given(data=st.data(), height=st.integers(1, 9), width=st.integers(1, 9))
def test_any_window_is_cut_from_the_mirrored_image(
    data: st.DataObject, height: int, width: int
) -> None:
    pixels = numbered(height, width)
    top, left = data.draw(st.integers(-20, 20)), data.draw(st.integers(-20, 20))
    rows, columns = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 20))
    window = mirror_crop(pixels, (top, top + rows), (left, left + columns))
    modes = [("edge" if length == 1 else "reflect") for length in pixels.shape]
    wide = np.pad(pixels, ((40, 40), (0, 0)), mode=modes[0])  # type: ignore[call-overload]
    wide = np.pad(wide, ((0, 0), (40, 40)), mode=modes[1])  # type: ignore[call-overload]
    expected = wide[top + 40 : top + 40 + rows, left + 40 : left + 40 + columns]
    np.testing.assert_array_equal(window, expected)


def test_a_window_inside_is_a_view_and_one_beyond_is_not() -> None:
    pixels = numbered(8, 9)[None]
    assert np.shares_memory(mirror_crop(pixels, (0, 8), (0, 9)), pixels)
    assert np.shares_memory(mirror_crop(pixels, (2, 5), (3, 9)), pixels)
    for rows, columns in (((-1, 8), (0, 9)), ((0, 9), (0, 9)), ((0, 8), (0, 10))):
        assert not np.shares_memory(mirror_crop(pixels, rows, columns), pixels)


def test_axes_before_the_last_two_are_kept() -> None:
    pixels = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    window = mirror_crop(pixels, (-2, 6), (1, 7))
    assert window.shape == (2, 3, 8, 6)
    np.testing.assert_array_equal(window[1, 2], mirror_crop(pixels[1, 2], (-2, 6), (1, 7)))


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    corner=st.tuples(st.integers(-60, 60), st.integers(-60, 60)),
    sides=st.tuples(st.integers(1, 50), st.integers(1, 50)),
)
def test_a_window_that_is_read_is_that_which_is_cut(
    height: int, width: int, corner: tuple[int, int], sides: tuple[int, int]
) -> None:
    pixels = np.arange(height * width).reshape(1, height, width)

    def read(rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
        assert 0 <= rows[0] < rows[1] <= height
        assert 0 <= columns[0] < columns[1] <= width
        return pixels[:, slice(*rows), slice(*columns)]

    rows, columns = ((start, start + side) for start, side in zip(corner, sides, strict=True))
    found = mirror_read(read, (height, width), rows, columns)
    np.testing.assert_array_equal(found, mirror_crop(pixels, rows, columns))
