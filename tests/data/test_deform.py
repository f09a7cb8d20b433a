from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats
from overtile.data.deform import (
    affine_field,
    bend,
    keep_offset,
    resample,
    resample_labels,
    spline_matrix,
)
from overtile.data.mirror import mirror_crop

FAR = 40  # pixels around the small images of this file on which random positions fall


def elastic_displacement(grid: NDArray[np.float64], size: int) -> Floats:
    """Bend a field that is zero everywhere."""
    field = np.zeros((2, size, size), np.float32)
    bend(field, grid)
    return field


def random_grid(nodes: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(scale=10, size=(2, nodes, nodes))


def random_image(shape: tuple[int, ...], seed: int = 0) -> Floats:
    return np.random.default_rng(seed).random(shape, np.float32)


def random_field(size: int, shape: tuple[int, int], seed: int) -> Floats:
    """Positions on the image and up to FAR beyond, in steps of 1/64 px, which float32 holds."""
    rng = np.random.default_rng(seed)
    steps = [rng.integers(-64 * FAR, 64 * (length + FAR), (size, size)) for length in shape]
    return (np.stack(steps) / 64).astype(np.float32)


def keys(x: float) -> float:
    """Kernel of Keys 1981, eq. (4) with a = -1/2, as printed."""
    x, a = abs(x), -0.5
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def slow_cubic(image: NDArray[np.float64], y: float, x: float) -> float:
    """Sum over all 16 taps of an image that numpy has padded by reflection."""
    padded = np.pad(image, FAR + 3, mode="reflect")
    return sum(
        float(padded[row + FAR + 3, column + FAR + 3]) * keys(y - row) * keys(x - column)
        for row in range(int(np.floor(y)) - 1, int(np.floor(y)) + 3)
        for column in range(int(np.floor(x)) - 1, int(np.floor(x)) + 3)
    )


@pytest.mark.parametrize(("nodes", "size"), [(3, 572), (3, 64), (2, 33), (4, 101), (9, 200)])
def test_the_displacement_is_scipys_cubic_spline_at_every_pixel(nodes: int, size: int) -> None:
    grid = random_grid(nodes)
    line = np.linspace(0, nodes - 1, size)
    positions = np.stack(np.meshgrid(line, line, indexing="ij"))
    expected = [ndi.map_coordinates(g, positions, order=3, mode="mirror") for g in grid]
    np.testing.assert_allclose(elastic_displacement(grid, size), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("nodes", "size"), [(2, 11), (3, 101), (5, 101), (11, 101)])
def test_the_displacement_passes_through_the_nodes(nodes: int, size: int) -> None:
    grid, step = random_grid(nodes), (size - 1) // (nodes - 1)
    at_nodes = elastic_displacement(grid, size)[:, ::step, ::step]
    np.testing.assert_allclose(at_nodes, grid, rtol=0, atol=1e-4)


def test_bicubic_interpolation_of_torch_is_no_spline_and_off_by_more_than_a_pixel() -> None:
    grid = random_grid(3)
    torchs = torch.nn.functional.interpolate(
        torch.from_numpy(grid)[None], size=(572, 572), mode="bicubic", align_corners=True
    )
    assert np.abs(torchs[0].numpy() - elastic_displacement(grid, 572)).max() > 1


def test_equal_displacements_of_all_nodes_shift_the_whole_tile() -> None:
    grid = np.stack([np.full((3, 3), 7.0), np.full((3, 3), -2.0)])
    displacement = elastic_displacement(grid, 50)
    np.testing.assert_allclose(displacement[0], 7, rtol=1e-6)
    np.testing.assert_allclose(displacement[1], -2, rtol=1e-6)


@pytest.mark.parametrize(("size", "nodes"), [(572, 3), (33, 2), (7, 7), (1, 4)])
def test_rows_of_the_spline_matrix_sum_to_one(size: int, nodes: int) -> None:
    matrix = spline_matrix(size, nodes)
    assert matrix.shape == (size, nodes)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-12)


def test_an_affine_field_without_a_map_is_the_window_itself() -> None:
    field = affine_field((2, 3), (10.5, 21.0))
    np.testing.assert_array_equal(field[0], [[10, 10, 10], [11, 11, 11]])
    np.testing.assert_array_equal(field[1], [[20, 21, 22], [20, 21, 22]])


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_exact(size: int, quarters: int) -> None:
    image = random_image((2, size, size))
    turn = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), quarters)
    field = affine_field((size, size), ((size - 1) / 2, (size - 1) / 2), turn)
    expected = np.rot90(image, -quarters, axes=(1, 2))
    np.testing.assert_array_equal(resample(image, field), expected)
    ids = (1000 * image[0]).astype(np.uint32)
    np.testing.assert_array_equal(resample_labels(ids, field), np.rot90(ids, -quarters))


@settings(max_examples=50, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    top=st.integers(-30, 30),
    left=st.integers(-30, 30),
)
def test_whole_pixel_positions_are_exact_and_mirrored_outside(
    height: int, width: int, top: int, left: int
) -> None:
    image = random_image((2, height, width))
    field = affine_field((12, 12), (top + 5.5, left + 5.5))
    expected = mirror_crop(image, (top, top + 12), (left, left + 12))
    np.testing.assert_array_equal(resample(image, field), expected)
    ids = (1000 * image[0]).astype(np.uint32)
    expected = mirror_crop(ids, (top, top + 12), (left, left + 12))
    np.testing.assert_array_equal(resample_labels(ids, field), expected)


@pytest.mark.parametrize("shape", [(11, 8), (30, 45), (2, 5)])
def test_grey_values_are_those_of_a_slow_cubic_convolution(shape: tuple[int, int]) -> None:
    image, field = random_image((1, *shape)), random_field(8, shape, seed=1)
    positions = field.reshape(2, -1).T.tolist()
    expected = [slow_cubic(image[0].astype(np.float64), y, x) for y, x in positions]
    np.testing.assert_allclose(resample(image, field).ravel(), expected, rtol=0, atol=2e-6)


def test_channels_are_resampled_alike_and_apart() -> None:
    image, field = random_image((3, 12, 13)), random_field(9, (12, 13), seed=2)
    together = resample(image, field)
    for channel in range(3):
        np.testing.assert_array_equal(resample(image[[channel]], field)[0], together[channel])


def test_a_ramp_stays_a_ramp() -> None:
    ramp = np.indices((20, 30)).astype(np.float32)
    field = affine_field((9, 9), (9.3, 14.1), np.array([[0.8, -0.3], [0.3, 0.8]]))
    np.testing.assert_allclose(resample(ramp, field), field, rtol=0, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 1 << 32))
def test_each_label_is_the_nearest_one_and_ids_are_never_mixed(
    height: int, width: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.choice(np.array([0, 1, 70_000, (1 << 32) - 1], np.uint32), (height, width))
    field = random_field(6, (height, width), seed)
    tile = resample_labels(ids, field)
    y, x = np.floor(field + 0.5).astype(int)
    far_around = mirror_crop(ids, (-FAR, height + FAR + 1), (-FAR, width + FAR + 1))
    np.testing.assert_array_equal(tile, far_around[y + FAR, x + FAR])
    assert set(np.unique(tile)) <= set(np.unique(ids))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1 << 32), top=st.integers(0, 8), left=st.integers(0, 8))
def test_cropping_the_field_crops_image_and_labels_alike(seed: int, top: int, left: int) -> None:
    image, field = random_image((2, 14, 11), seed), random_field(12, (14, 11), seed)
    ids = (1000 * image[0]).astype(np.uint32)
    window = np.s_[..., top : top + 4, left : left + 4]
    np.testing.assert_array_equal(resample(image, field[window]), resample(image, field)[window])
    np.testing.assert_array_equal(
        resample_labels(ids, field[window]), resample_labels(ids, field)[window]
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1 << 32), height=st.integers(1, 14), width=st.integers(1, 14))
def test_positions_outside_see_the_image_mirrored(seed: int, height: int, width: int) -> None:
    image, field = random_image((1, height, width), seed), random_field(8, (height, width), seed)
    margin = FAR + 3
    wide = mirror_crop(image, (-margin, height + margin), (-margin, width + margin))
    # Near the border, products and sums are rounded at other places.
    np.testing.assert_allclose(
        resample(image, field), resample(wide, field + margin), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    ("turn", "moved"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], (0.0, 0.0)),
        ([[-1.0, 0.0], [0.0, 1.0]], (1.2, 0.0)),  # mirrored: twice the offset
        ([[1.0, 0.0], [0.0, -1.0]], (0.0, -0.4)),
        ([[0.0, 1.0], [-1.0, 0.0]], (0.8, 0.4)),  # a quarter turn takes (0.6, -0.2) to (-0.2, -0.6)
    ],
)
def test_an_offset_of_labels_is_kept_however_the_tile_is_turned(
    turn: list[list[float]], moved: tuple[float, float]
) -> None:
    field = affine_field((9, 9), (4, 4), np.array(turn))
    difference = keep_offset(field, (0.6, -0.2)) - field
    np.testing.assert_allclose(
        difference, np.broadcast_to(np.array(moved)[:, None, None], (2, 9, 9)), atol=1e-5
    )


def test_without_an_offset_the_field_of_labels_is_that_of_the_image() -> None:
    field = affine_field((9, 9), (4, 4))
    assert keep_offset(field, (0.0, 0.0)) is field
