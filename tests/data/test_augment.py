from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.arrays import Floats
from overtile.config import AugmentationConfig
from overtile.data.augment import change_grey_values, draw_field
from overtile.data.deform import affine_field


def augmentation_of(**settings: float) -> AugmentationConfig:
    """Settings without the noise and the exact turns that would hide what a test looks at."""
    return AugmentationConfig.model_validate({"exact_share": 0, "noise_sd": 0} | settings)


STILL = augmentation_of(rotation_degrees=0, elastic_sd_px=0, contrast=0, brightness=0)
PAPER = augmentation_of()


def but(config: AugmentationConfig = STILL, **changes: float | bool) -> AugmentationConfig:
    return AugmentationConfig.model_validate({**config.model_dump(), **changes})


def field_of(config: AugmentationConfig, seed: int = 0, size: int = 33) -> Floats:
    return draw_field(size, (100, 200), config, np.random.default_rng(seed))


def jacobian(config: AugmentationConfig, seed: int) -> NDArray[np.float64]:
    """Linear map from window to image of a field without elastic part."""
    field = field_of(config, seed).astype(np.float64)
    return np.stack([field[:, -1, 0] - field[:, 0, 0], field[:, 0, -1] - field[:, 0, 0]], 1) / 32


def greys(config: AugmentationConfig, tile: Floats, seed: int = 0) -> Floats:
    return change_grey_values(tile, config, np.random.default_rng(seed))


def ramp(channels: int = 1) -> Floats:
    return np.tile(np.linspace(-1, 1, 64, dtype=np.float32), (channels, 64, 1))


def test_without_rotation_and_elastic_part_the_field_is_the_window() -> None:
    rows, columns = np.mgrid[100:133, 200:233]
    np.testing.assert_array_equal(field_of(STILL), [rows, columns])


@pytest.mark.parametrize("size", [32, 33])
def test_rotation_keeps_the_centre_of_the_tile_and_all_lengths(size: int) -> None:
    field = field_of(but(rotation_degrees=180), seed=3, size=size)
    centre = (100 + (size - 1) / 2, 200 + (size - 1) / 2)
    np.testing.assert_allclose(field.mean(axis=(1, 2)), centre, rtol=1e-6)
    turned = jacobian(but(rotation_degrees=180), seed=3)
    np.testing.assert_allclose(turned @ turned.T, np.eye(2), atol=1e-5)
    assert not np.allclose(turned, np.eye(2), atol=0.1)


def test_angles_are_spread_over_the_range_that_is_asked_for() -> None:
    maps = [jacobian(but(rotation_degrees=30), seed) for seed in range(200)]
    degrees = np.rad2deg([np.arctan2(one[1, 0], one[0, 0]) for one in maps])
    assert -30 <= degrees.min() < -25
    assert 25 < degrees.max() <= 30


def test_zoom_is_spread_evenly_between_its_inverse_and_itself() -> None:
    maps = [jacobian(but(scale=2), seed) for seed in range(200)]
    zooms = 1 / np.sqrt([np.linalg.det(one) for one in maps])
    assert 0.5 - 1e-4 <= zooms.min() < 0.55
    assert 1.8 < zooms.max() <= 2 + 1e-4
    assert 0.4 < (zooms > 1).mean() < 0.6


def test_about_half_of_the_tiles_are_mirrored_only_where_asked() -> None:
    for mirror, low, high in ((False, 0, 0), (True, 0.4, 0.6)):
        config = but(PAPER, elastic_sd_px=0, mirror=mirror)
        mirrored = [np.linalg.det(jacobian(config, seed)) < 0 for seed in range(200)]
        assert low <= np.mean(mirrored) <= high


def test_displacements_of_the_nodes_have_an_sd_of_ten_pixels() -> None:
    nodes = np.s_[:, ::16, ::16]
    config = but(elastic_sd_px=10)
    moved = np.stack([(field_of(config, seed) - field_of(STILL))[nodes] for seed in range(300)])
    assert moved.shape == (300, 2, 3, 3)
    np.testing.assert_allclose(moved.std(axis=0), 10, rtol=0.15)
    assert moved.std() == pytest.approx(10, rel=0.03)
    assert abs(moved.mean()) < 0.5


def test_the_elastic_part_is_added_to_the_rotation_in_one_field() -> None:
    turned = field_of(but(PAPER, elastic_sd_px=0), seed=5)
    by_10, by_20 = (field_of(but(PAPER, elastic_sd_px=sd), seed=5) - turned for sd in (10, 20))
    assert np.abs(by_10).max() > 5
    np.testing.assert_allclose(by_20, 2 * by_10, rtol=0, atol=1e-3)


@pytest.mark.parametrize("size", [32, 33])
def test_exact_tiles_are_windows_in_all_orientations_at_whole_pixels(size: int) -> None:
    config = but(PAPER, exact_share=1, mirror=True, scale=2)
    rngs = [np.random.default_rng(seed) for seed in range(60)]
    fields = [draw_field(size, (-7, -5), config, rng) for rng in rngs]
    centre = ((size - 1) / 2 - 7, (size - 1) / 2 - 5)
    quarter, flip = np.array([[0, -1], [1, 0]]), np.diag([1, -1])
    turns = [np.linalg.matrix_power(quarter, n) for n in range(4)]
    expected = {
        affine_field((size, size), centre, turn).tobytes()
        for turn in [*turns, *(one @ flip for one in turns)]
    }
    assert all(np.array_equal(field, np.rint(field)) for field in fields)
    assert {field.tobytes() for field in fields} == expected


@pytest.mark.parametrize(("degrees", "turns"), [(0, 1), (89, 1), (90, 3), (179, 3), (180, 4)])
def test_exact_tiles_are_turned_by_quarters_only_as_far_as_rotation_goes(
    degrees: float, turns: int
) -> None:
    config = but(PAPER, exact_share=1, rotation_degrees=degrees)
    rng = np.random.default_rng(0)
    assert len({draw_field(4, (0, 0), config, rng).tobytes() for _ in range(60)}) == turns


def test_the_share_of_exact_tiles_is_the_one_asked_for() -> None:
    config = but(PAPER, exact_share=0.3)
    fields = [field_of(config, seed, size=9) for seed in range(300)]
    exact = [np.array_equal(field, np.rint(field)) for field in fields]
    assert np.mean(exact) == pytest.approx(0.3, abs=0.08)


def test_one_state_of_the_generator_gives_one_field_and_one_grey_scale() -> None:
    config = but(PAPER, noise_sd=0.1, blur_sd_px=2, gamma=1.5)
    assert np.array_equal(field_of(config, seed=1), field_of(config, seed=1))
    assert not np.array_equal(field_of(config, seed=1), field_of(config, seed=2))
    assert np.array_equal(greys(config, ramp(), seed=1), greys(config, ramp(), seed=1))
    assert not np.array_equal(greys(config, ramp(), seed=1), greys(config, ramp(), seed=2))


def test_with_everything_off_grey_values_stay() -> None:
    np.testing.assert_array_equal(greys(STILL, ramp(2)), ramp(2))


def test_the_tile_that_was_given_is_left_alone() -> None:
    tile = ramp()
    changed = greys(but(PAPER, gamma=2, noise_sd=0.5, blur_sd_px=2), tile)
    np.testing.assert_array_equal(tile, ramp())
    assert changed.dtype == np.float32
    assert changed.shape == tile.shape


def test_contrast_and_brightness_stay_in_their_ranges_and_fill_them() -> None:
    tiles = [greys(PAPER, ramp(), seed) for seed in range(200)]
    slopes = np.array([(tile[0, 0, -1] - tile[0, 0, 0]) / 2 for tile in tiles])
    offsets = np.array([(tile[0, 0, -1] + tile[0, 0, 0]) / 2 for tile in tiles])
    for drawn, middle in ((slopes, 1), (offsets, 0)):
        assert middle - 0.2 - 1e-6 <= drawn.min() < middle - 0.18
        assert middle + 0.18 < drawn.max() <= middle + 0.2 + 1e-6


def test_each_channel_has_a_contrast_of_its_own() -> None:
    one, other = greys(PAPER, ramp(2))
    assert not np.allclose(np.ptp(one), np.ptp(other), rtol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_gamma_bends_the_range_but_keeps_its_ends_its_order_and_what_lies_beyond(
    seed: int,
) -> None:
    tile = np.append(np.linspace(-1, 1, 64), [-3, 5]).astype(np.float32)[None, None]
    bent = greys(but(gamma=2), tile, seed)[0, 0]
    np.testing.assert_allclose(bent[[0, 63, 64, 65]], [-1, 1, -3, 5], atol=1e-6)
    assert (np.diff(bent[:64]) > 0).all()
    middle = (bent[31] + bent[32] + 2) / 4  # grey -1…1 as 0…1: a half to a power in 1/2…2
    assert 0.5**2 - 1e-3 < middle < 0.5**0.5 + 1e-3
    assert abs(middle - 0.5) > 1e-3


def test_noise_has_at_most_the_sd_that_is_asked_for() -> None:
    zero = np.zeros((1, 64, 64), np.float32)
    spreads = [greys(but(noise_sd=0.5), zero, seed).std() for seed in range(50)]
    assert min(spreads) < 0.1
    assert 0.4 < max(spreads) < 0.5 * 1.05


def test_a_quarter_of_the_tiles_is_blurred() -> None:
    sharp = np.random.default_rng(0).random((1, 32, 32), np.float32)
    spreads = np.array([greys(but(blur_sd_px=2), sharp, seed).std() for seed in range(300)])
    assert (spreads < 0.999 * sharp.std()).mean() == pytest.approx(0.25, abs=0.08)
    assert (spreads < 1.001 * sharp.std()).all()
