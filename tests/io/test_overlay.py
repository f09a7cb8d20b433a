from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.errors import ImageError
from overtile.io import read_image, write_overlay
from overtile.io.overlay import outlines


def drawn(path: Path) -> NDArray[np.uint8]:
    """(Y, X, 3) colours of a picture."""
    picture: NDArray[np.uint8] = read_image(path).pixels[0].transpose(1, 2, 0)
    return picture


def test_outline_is_the_rim_inside_an_object() -> None:
    labels = np.zeros((5, 5), np.uint32)
    labels[1:4, 1:4] = 1
    expected = labels.astype(bool)
    expected[2, 2] = False
    assert np.array_equal(outlines(labels), expected)


def test_touching_objects_are_outlined_on_both_sides() -> None:
    assert outlines(np.array([[1, 1, 2, 2]], np.uint32)).tolist() == [[False, True, True, False]]


def test_objects_have_the_colour_of_their_id_and_neighbouring_ids_differ(tmp_path: Path) -> None:
    labels = np.array([[[1, 2, 0, 9]]], np.uint32)
    write_overlay(tmp_path / "a.png", np.zeros((1, 1, 1, 4), np.uint8), labels)
    colours = drawn(tmp_path / "a.png")[0]
    assert colours[0].tolist() == [86, 180, 233]
    assert colours[1].tolist() == [230, 159, 0] == colours[3].tolist()


def test_classes_are_outlined_in_the_colours_that_are_given(tmp_path: Path) -> None:
    labels = np.array([[[1, 2, 0, 3]]], np.uint32)
    given = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    write_overlay(tmp_path / "a.png", np.zeros((1, 1, 1, 4), np.uint8), labels, given)
    colours = drawn(tmp_path / "a.png")[0]
    assert [tuple(colours[x]) for x in (0, 1, 3)] == list(given)


def test_contrast_is_stretched_to_black_and_white(tmp_path: Path) -> None:
    ramp = np.arange(1000, 2000, dtype=np.uint16).reshape(1, 1, 20, 50)
    write_overlay(tmp_path / "a.png", ramp, np.zeros((1, 20, 50), np.uint32))
    grey = drawn(tmp_path / "a.png")[..., 0].ravel()
    # The 1st percentile of the ramp is its value number 9.99, the 99.8th number 997.
    assert (grey[9], grey[998]) == (0, 255)
    assert grey[500] == round((500 - 9.99) / (997.002 - 9.99) * 255)


def test_a_flat_image_is_grey(tmp_path: Path) -> None:
    write_overlay(
        tmp_path / "a.png", np.full((1, 1, 2, 2), 5.0, np.float32), np.zeros((1, 2, 2), np.uint32)
    )
    assert set(drawn(tmp_path / "a.png").flat) == {127}


def test_three_channels_are_colours(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (1, 3, 30, 30)).astype(np.uint8)
    write_overlay(tmp_path / "a.png", pixels, np.zeros((1, 30, 30), np.uint32))
    picture = drawn(tmp_path / "a.png").astype(int)
    assert abs(picture - pixels[0].transpose(1, 2, 0)).max() <= 6


def test_a_stack_shows_nine_pages_evenly_spaced(tmp_path: Path) -> None:
    labels = np.zeros((17, 10, 20), np.uint32)
    labels[::2, :5] = 1
    write_overlay(tmp_path / "a.png", np.zeros((17, 1, 10, 20), np.uint8), labels)
    picture = drawn(tmp_path / "a.png")
    assert picture.shape == (3 * 10 + 2 * 4, 3 * 20 + 2 * 4, 3)
    # Pages 0, 2, ..., 16 of 17: each of them has the outlined object.
    for y in (4, 18, 32):
        for x in (0, 24, 48):
            assert picture[y, x].tolist() == [86, 180, 233]


def test_a_large_page_is_shrunk_and_its_outlines_stay(tmp_path: Path) -> None:
    labels = np.zeros((1, 2050, 100), np.uint32)
    labels[0, 600:1500, 30:70] = 1
    write_overlay(tmp_path / "a.png", np.zeros((1, 1, 2050, 100), np.uint8), labels)
    picture = drawn(tmp_path / "a.png")
    assert picture.shape == (684, 34, 3)
    assert picture[200, 15].tolist() == [86, 180, 233]


def test_labels_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="labels of shape"):
        write_overlay(
            tmp_path / "a.png", np.zeros((1, 1, 4, 4), np.uint8), np.zeros((1, 4, 5), np.uint32)
        )
