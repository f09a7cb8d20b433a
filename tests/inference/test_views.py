from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtile.arrays import Floats
from overtile.choices import TestTimeAugmentation
from overtile.inference.views import views

RADIUS_PX = 30
EVERY: tuple[TestTimeAugmentation, ...] = ("none", "flips8", "rotations7")


def noise(*shape: int) -> Floats:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def spot(shape: tuple[int, int], y: float, x: float) -> Floats:
    """Draw a blob at (y, x) from the centre of the image, of 2 px."""
    rows, columns = (np.arange(length) - (length - 1) / 2 for length in shape)
    distance2 = (rows[:, None] - y) ** 2 + (columns[None] - x) ** 2
    return np.exp(-distance2 / 8).astype(np.float32)[None]


def place(pixels: Floats) -> tuple[float, float]:
    """Find the brightest pixel: (distance in pixels, direction in degrees) from the centre."""
    rows, columns = (np.arange(length) - (length - 1) / 2 for length in pixels.shape[1:])
    # Beyond the image the canvas holds mirrored blobs: only a disc that fits the image is searched.
    seen = np.where(np.hypot(rows[:, None], columns[None]) < RADIUS_PX, pixels[0], 0)
    y, x = np.unravel_index(seen.argmax(), seen.shape)
    return math.hypot(rows[y], columns[x]), math.degrees(math.atan2(rows[y], columns[x]))


@pytest.mark.parametrize(("test_time", "count"), [("none", 1), ("flips8", 8), ("rotations7", 7)])
def test_an_image_is_seen_in_as_many_versions_as_asked(
    test_time: TestTimeAugmentation, count: int
) -> None:
    assert len(views(test_time, (20, 30))) == count


@pytest.mark.parametrize("test_time", EVERY)
def test_the_first_version_is_the_image_itself(test_time: TestTimeAugmentation) -> None:
    pixels, first = noise(2, 5, 7), views(test_time, (5, 7))[0]
    assert np.array_equal(first.there(pixels), pixels)
    assert np.array_equal(first.back(pixels), pixels)


@settings(deadline=None, database=None, max_examples=20)
@given(height=st.integers(1, 9), width=st.integers(1, 9), channels=st.integers(1, 3))
def test_flips_are_undone_exactly(height: int, width: int, channels: int) -> None:
    pixels = noise(channels, height, width)
    for view in views("flips8", (height, width)):
        assert np.array_equal(view.back(view.there(pixels)), pixels)


def test_flips_are_the_eight_symmetries_of_a_square() -> None:
    pixels = noise(1, 4, 4)
    versions = {view.there(pixels).tobytes() for view in views("flips8", (4, 4))}
    transposed = pixels.swapaxes(1, 2)
    expected = {
        np.flip(either, axes).tobytes()
        for either in (pixels, transposed)
        for axes in ((), (1,), (2,), (1, 2))
    }
    assert len(versions) == 8
    assert versions == expected


@pytest.mark.parametrize("shape", [(64, 64), (48, 70), (71, 41)])
def test_rotations_are_undone_nearly_in_the_middle_of_a_smooth_image(
    shape: tuple[int, int],
) -> None:
    y, x = np.ogrid[: shape[0], : shape[1]]
    pixels = np.stack([np.sin(y / 6) * np.cos(x / 8), np.cos(y / 7) + x / 50]).astype(np.float32)
    for view in views("rotations7", shape):
        found = view.back(view.there(pixels))
        assert found.shape == pixels.shape
        assert found[:, 4:-4, 4:-4] == pytest.approx(pixels[:, 4:-4, 4:-4], abs=0.005)


def test_rotations_are_sevenths_of_a_turn_one_way_round() -> None:
    shape = (61, 61)
    places = [place(view.there(spot(shape, 0, 20))) for view in views("rotations7", shape)]
    steps = [(b[1] - a[1]) % 360 for a, b in zip(places, places[1:] + places[:1], strict=True)]
    way = 360 / 7 if steps[0] < 180 else 360 - 360 / 7
    # The brightest pixel is found to half a pixel across, 2 degrees at 20 px; a step has two ends.
    assert steps == pytest.approx([way] * 7, abs=4)
    assert [distance for distance, _ in places] == pytest.approx([20] * 7, abs=0.8)


@pytest.mark.parametrize("corner", [(-14.5, -24.5), (-14.5, 24.5), (14.5, -24.5), (14.5, 24.5)])
def test_a_turned_canvas_holds_every_corner_of_the_image(corner: tuple[float, float]) -> None:
    shape = (30, 50)
    for view in views("rotations7", shape):
        distance, _ = place(view.there(spot(shape, *corner)))
        assert distance == pytest.approx(math.hypot(*corner), abs=0.8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3)])
@pytest.mark.parametrize("test_time", EVERY)
def test_tiny_images_keep_their_shape(
    test_time: TestTimeAugmentation, shape: tuple[int, int]
) -> None:
    for view in views(test_time, shape):
        assert view.back(view.there(noise(2, *shape))).shape == (2, *shape)


def test_a_turned_flat_image_stays_flat() -> None:
    # Beyond the image it is mirrored, not black.
    flat = np.ones((1, 12, 20), np.float32)
    for view in views("rotations7", (12, 20)):
        assert view.there(flat) == pytest.approx(np.ones(view.there(flat).shape), abs=1e-5)
        assert view.back(view.there(flat)) == pytest.approx(flat, abs=1e-5)


@pytest.mark.parametrize("test_time", EVERY)
def test_what_is_predicted_beside_the_image_comes_back_beside_it(
    test_time: TestTimeAugmentation,
) -> None:
    offset, shape = (3, -2), (81, 71)
    for view in views(test_time, shape, offset):
        beside = np.roll(view.there(spot(shape, 5, 8)), offset, axis=(1, 2))
        assert place(view.back(beside)) == place(spot(shape, 5 + 3, 8 - 2))
