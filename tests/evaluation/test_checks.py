from __future__ import annotations

import numpy as np
import pytest

from overtile.errors import ImageError, LabelError
from overtile.evaluation import contingency, pixel_error, rand_error_sweep


def test_different_shapes_are_refused_with_both_named() -> None:
    with pytest.raises(ImageError, match=r"\(2, 3\) but the prediction has \(3, 2\).*full-size"):
        contingency(np.zeros((2, 3), int), np.zeros((3, 2), int))


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(ImageError, match=r"no pixel in shape \(0, 4\)"):
        contingency(np.zeros((0, 4), int), np.zeros((0, 4), int))


def test_labels_with_fractions_are_refused() -> None:
    with pytest.raises(LabelError, match="the prediction holds float64 numbers"):
        contingency(np.zeros((2, 2), int), np.zeros((2, 2)))


@pytest.mark.parametrize("wrong", [-1, 1 << 32])
def test_ids_that_do_not_fit_are_refused(wrong: int) -> None:
    with pytest.raises(
        LabelError, match=rf"the truth holds ids from .*{wrong}.*number its objects"
    ):
        contingency(np.array([[0, wrong]]), np.zeros((1, 2), int))


@pytest.mark.parametrize("wrong", [np.nan, -0.01, 1.01, 255.0])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(ImageError, match=r"not within \[0, 1\]; divide 8-bit grey values by 255"):
        pixel_error(np.zeros((1, 2), bool), np.array([[0.5, wrong]]))


def test_labels_in_place_of_foreground_are_refused() -> None:
    with pytest.raises(ImageError, match="must be bool, not uint8; compare the labels with 0"):
        pixel_error(np.zeros((1, 2), np.uint8), np.zeros((1, 2)))


def test_channels_in_place_of_pages_are_refused() -> None:
    with pytest.raises(ImageError, match=r"\(Y, X\) or \(P, Y, X\), not \(1, 1, 2, 2\)"):
        rand_error_sweep(np.zeros((1, 1, 2, 2), bool), np.zeros((1, 1, 2, 2)))


def test_a_binary_prediction_is_a_probability_too() -> None:
    truth = np.array([[True, False]])
    assert pixel_error(truth, np.array([[1, 1]], np.uint8)) == 0.5
    assert pixel_error(truth, truth) == 0
