from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from overtile.arrays import Pixels
from overtile.data.normalise import normalise


def noise(channels: int = 1) -> Pixels:
    return np.random.default_rng(0).normal(100, 15, (channels, 40, 50))


def test_the_first_percentile_becomes_minus_one_and_the_99_8th_one() -> None:
    grey = np.arange(1001.0).reshape(1, 7, 143)  # percentile p of 0…1000 is 10 p
    normalised = normalise(grey).ravel()
    assert normalised[10] == -1
    assert normalised[998] == 1
    assert normalised[504] == 0  # halfway between 10 and 998
    assert normalised.dtype == np.float32


@settings(max_examples=50, deadline=None)
@given(gain=st.floats(1e-3, 1e3), offset=st.floats(-1e4, 1e4))
def test_gain_and_offset_of_the_camera_do_not_matter(gain: float, offset: float) -> None:
    np.testing.assert_allclose(
        normalise(gain * noise() + offset), normalise(noise()), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_the_type_of_the_pixels_does_not_matter(dtype: DTypeLike) -> None:
    grey = noise().round()
    np.testing.assert_array_equal(normalise(grey.astype(dtype)), normalise(grey))


def test_sixteen_bits_are_used_in_full() -> None:
    grey = np.linspace(0, 65535, 2000).astype(np.uint16).reshape(1, 40, 50)
    normalised = normalise(grey)
    assert -1.1 < normalised.min() < -1
    assert 1 < normalised.max() < 1.1
    assert np.unique(normalised).size == 2000


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_a_channel_of_one_value_becomes_zero(value: int) -> None:
    grey = np.stack([np.full((20, 30), value), np.arange(600).reshape(20, 30)]).astype(np.uint16)
    normalised = normalise(grey)
    np.testing.assert_array_equal(normalised[0], 0)
    assert normalised[1].std() > 0.5


def test_a_hot_pixel_leaves_the_others_where_they_were() -> None:
    hot = noise()
    hot[0, 3, 4] = 65535
    difference = np.abs(normalise(hot) - normalise(noise()))
    difference[0, 3, 4] = 0
    assert difference.max() < 0.05


def test_a_few_bright_pixels_on_one_value_still_show() -> None:
    grey = np.full((1, 100, 100), 20, np.uint8)
    grey[0, 50, 50:55] = 220  # 0.05 % of the pixels: both percentiles are 20
    normalised = normalise(grey)
    assert (normalised[0, 50, 50:55] == 1).all()
    assert normalised[0, 0, 0] == -1


def test_each_channel_has_a_scale_of_its_own() -> None:
    grey = noise(2) * np.array([1, 50]).reshape(2, 1, 1)
    together = normalise(grey)
    np.testing.assert_array_equal(together[0], normalise(grey[:1])[0])
    np.testing.assert_array_equal(together[1], normalise(grey[1:])[0])


def test_the_image_that_was_given_is_left_alone() -> None:
    grey = noise()
    normalise(grey)
    np.testing.assert_array_equal(grey, noise())
