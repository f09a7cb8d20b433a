from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from overtile.report.canvas import (
    enlarge,
    fit,
    fitted_shape,
    grey_values,
    jpeg,
    png,
)


def opened(uri: str) -> Pillow.Image:
    """The picture inside a data URI."""
    return Pillow.open(BytesIO(base64.b64decode(uri.split(",")[1])))


def test_minus_one_is_black_and_plus_one_is_white() -> None:
    pixels = np.array([[[-1, 0, 1, 5]]], np.float32)
    assert grey_values(pixels, 100).tolist() == [[0, 128, 255, 255]]


def test_three_channels_are_colours_and_two_are_the_first_as_grey() -> None:
    pixels = np.stack([np.full((2, 2), value, np.float32) for value in (-1, 0, 1)])
    assert grey_values(pixels, 100)[0, 0].tolist() == [0, 128, 255]
    assert grey_values(pixels[:2], 100).tolist() == [[0, 0], [0, 0]]


def test_what_is_not_a_number_is_mid_grey() -> None:
    assert grey_values(np.full((1, 1, 1), np.nan, np.float32), 10).tolist() == [[128]]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((100, 50), (100, 50)), ((2000, 1000), (500, 250)), ((1, 2000), (1, 500))],
)
def test_large_pictures_shrink_and_small_ones_stay(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fitted_shape(shape, 500) == expected
    assert fit(np.zeros(shape, np.uint32), 500).shape == expected
    assert grey_values(np.zeros((1, *shape), np.float32), 500).shape == expected


def test_shrinking_invents_no_ids() -> None:
    assert set(np.unique(fit(np.array([[1, 1, 9, 9]], np.uint32), 2))) == {1, 9}


def test_small_arrays_are_enlarged_at_most_fourfold() -> None:
    assert enlarge(np.zeros((10, 20))).shape == (40, 80)
    assert enlarge(np.zeros((240, 300))).shape == (480, 600)
    assert enlarge(np.zeros((480, 100))).shape == (480, 100)


def test_a_palette_keeps_colours_and_opacity() -> None:
    uri = png(np.array([[0, 1]], np.uint8), [(0, 0, 0, 0), (10, 20, 30, 200)])
    shown = np.array(opened(uri).convert("RGBA"))
    assert shown[0, 0, 3] == 0
    assert shown[0, 1].tolist() == [10, 20, 30, 200]


def test_a_jpeg_is_near_what_was_given() -> None:
    shown = np.array(opened(jpeg(np.full((16, 16), 77, np.uint8))))
    assert abs(shown.astype(int) - 77).max() <= 1
