from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from overtile.arrays import Pixels
from overtile.data.normalise import grey_scale, normalise


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


def naive(pixels: Pixels) -> Pixels:
    """Normalise by numpy's percentiles of the whole image."""
    channels = pixels.reshape(pixels.shape[0], -1)
    low, high = np.percentile(channels, [1, 99.8], axis=1)
    flat = high <= low
    low = np.where(flat, channels.min(axis=1), low)
    high = np.where(flat, channels.max(axis=1), high)
    span = np.where(high > low, (high - low) / 2, 1.0)
    scaled = (pixels.astype(np.float64) - ((low + high) / 2)[:, None, None]) / span[:, None, None]
    return np.asarray(scaled, dtype=np.float32)


DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "int64")


@st.composite
def images(draw: st.DrawFn) -> Pixels:
    """Draw images of any type and size, some of hardly more than one value."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    spread = draw(st.sampled_from([0.0, 0.02, 1.0, 40.0]))
    values = 60 + spread * rng.normal(size=shape)
    if dtype.kind != "u" and draw(st.booleans()):
        values -= 60
    return values.clip(0 if dtype.kind == "u" else -120, 120).astype(dtype)


@settings(max_examples=150, deadline=None)
@given(pixels=images())
def test_percentiles_are_those_of_numpy(pixels: Pixels) -> None:
    np.testing.assert_allclose(normalise(pixels), naive(pixels), rtol=1e-6, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(pixels=images(), rows=st.integers(1, 50), columns=st.integers(1, 50))
def test_the_scale_does_not_depend_on_how_the_image_is_cut(
    pixels: Pixels, rows: int, columns: int
) -> None:
    def blocks() -> list[Pixels]:
        return [
            pixels[:, y : y + rows, x : x + columns]
            for y in range(0, pixels.shape[1], rows)
            for x in range(0, pixels.shape[2], columns)
        ]

    scale = grey_scale(blocks, pixels.dtype)
    np.testing.assert_array_equal(scale.apply(pixels), normalise(pixels))
    for block in blocks():
        found = scale.apply(block)
        assert found.shape == block.shape
    whole = scale.apply(pixels)
    np.testing.assert_array_equal(scale.apply(pixels[:, :rows]), whole[:, :rows])


@pytest.mark.parametrize(("dtype", "passes"), [("uint8", 2), ("uint16", 2), ("float32", 6)])
def test_an_image_is_read_once_for_each_digit_of_each_rank(dtype: str, passes: int) -> None:
    pixels = noise().astype(dtype)
    read = 0

    def blocks() -> list[Pixels]:
        nonlocal read
        read += 1
        return [pixels]

    grey_scale(blocks, pixels.dtype)
    assert read <= passes  # one of them to count the channels
