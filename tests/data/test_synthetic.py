from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu

from overtile.arrays import Labels
from overtile.data.synthetic import Scene, generate, membranes, phase_contrast_cells
from overtile.data.texture import blotches, distance_to_border, dots, grain, record
from overtile.errors import ConfigError, ImageError

SCENES: tuple[Scene, ...] = get_args(Scene)
SHAPE = (192, 224)


def average_precision(truth: Labels, found: NDArray[np.integer]) -> float:
    """TP / (TP + FP + FN) at intersection over union above 0.5, written out for this test."""
    overlap = np.zeros((int(truth.max()) + 1, int(found.max()) + 1))
    np.add.at(overlap, (truth.ravel(), found.ravel()), 1)
    union = overlap.sum(1, keepdims=True) + overlap.sum(0, keepdims=True) - overlap
    hits = int((overlap[1:, 1:] > 0.5 * union[1:, 1:]).sum())
    return hits / (int(truth.max()) + int(found.max()) - hits)


def objects_of(foreground: NDArray[np.bool_]) -> NDArray[np.integer]:
    """Connected components of 25 px or more: smaller ones would only lower the score."""
    pieces, _ = ndi.label(foreground)
    large = np.bincount(pieces.ravel()) >= 25
    large[0] = False
    return np.where(large, np.cumsum(large), 0)[pieces]


def pairs_that_touch(labels: Labels) -> set[tuple[int, int]]:
    """Pairs of ids that are neighbours, corners included."""
    ids = labels.astype(int)
    neighbours = [
        (ids[1:], ids[:-1]),
        (ids[:, 1:], ids[:, :-1]),
        (ids[1:, 1:], ids[:-1, :-1]),
        (ids[1:, :-1], ids[:-1, 1:]),
    ]
    return {
        (min(a, b), max(a, b))
        for one, other in neighbours
        for a, b in zip(one.ravel(), other.ravel(), strict=True)
        if a != b and a and b
    }


@pytest.mark.parametrize("scene", SCENES)
def test_a_seed_gives_one_image_and_another_seed_another(scene: Scene) -> None:
    pixels, labels = generate(scene, SHAPE, np.random.default_rng(3))
    again_pixels, again_labels = generate(scene, SHAPE, np.random.default_rng(3))
    other_pixels, other_labels = generate(scene, SHAPE, np.random.default_rng(4))
    np.testing.assert_array_equal(pixels, again_pixels)
    np.testing.assert_array_equal(labels, again_labels)
    assert not np.array_equal(pixels, other_pixels)
    assert not np.array_equal(labels, other_labels)


@pytest.mark.parametrize("scene", SCENES)
def test_one_generator_goes_on_to_a_new_image(scene: Scene) -> None:
    rng = np.random.default_rng(3)
    assert not np.array_equal(generate(scene, SHAPE, rng)[1], generate(scene, SHAPE, rng)[1])


@given(
    scene=st.sampled_from(SCENES),
    height=st.integers(64, 150),
    width=st.integers(64, 150),
    seed=st.integers(0, 1 << 32),
)
@settings(max_examples=25, deadline=None)
def test_labels_are_consecutive_and_every_id_is_one_piece(
    scene: Scene, height: int, width: int, seed: int
) -> None:
    pixels, labels = generate(scene, (height, width), np.random.default_rng(seed))
    assert pixels.shape == labels.shape == (height, width)
    assert pixels.dtype == np.uint8
    assert labels.dtype == np.uint32
    ids = np.unique(labels)
    np.testing.assert_array_equal(ids, np.arange(ids.size))
    assert ids.size >= 2
    assert all(ndi.label(labels == index)[1] == 1 for index in ids[1:])


def test_the_scene_is_chosen_by_name() -> None:
    for scene, draw in (("membranes", membranes), ("cells", phase_contrast_cells)):
        by_name = generate(scene, (64, 64), np.random.default_rng(0))  # type: ignore[arg-type]
        directly = draw((64, 64), np.random.default_rng(0))
        np.testing.assert_array_equal(by_name, directly)


@pytest.mark.parametrize("seed", range(4))
def test_most_of_a_tissue_is_inside_cells(seed: int) -> None:
    _, labels = generate("membranes", (256, 256), np.random.default_rng(seed))
    assert 0.6 < (labels > 0).mean() < 0.9


@pytest.mark.parametrize("seed", range(4))
def test_membrane_parts_any_two_cells_of_a_tissue(seed: int) -> None:
    _, labels = generate("membranes", SHAPE, np.random.default_rng(seed))
    assert pairs_that_touch(labels) == set()


@pytest.mark.parametrize("seed", range(4))
def test_some_cells_in_phase_contrast_touch(seed: int) -> None:
    _, labels = generate("cells", (256, 256), np.random.default_rng(seed))
    assert len(pairs_that_touch(labels)) >= 2


@pytest.mark.parametrize("scene", SCENES)
def test_otsu_and_connected_components_do_not_solve_it(scene: Scene) -> None:
    scores = []
    for seed in range(3):
        pixels, labels = generate(scene, (384, 384), np.random.default_rng(seed))
        for smooth_px in (0, 1.5):
            grey = ndi.gaussian_filter(pixels.astype(np.float32), smooth_px)
            bright = grey > threshold_otsu(grey)
            scores.append([average_precision(labels, objects_of(f)) for f in (bright, ~bright)])
    assert np.max(np.mean(scores, axis=0)) < 0.4


@pytest.mark.parametrize("scene", SCENES)
def test_the_image_uses_much_of_the_grey_range_and_hardly_saturates(scene: Scene) -> None:
    pixels, _ = generate(scene, (256, 256), np.random.default_rng(1))
    low, high = np.percentile(pixels, [0.5, 99.5])
    assert high - low > 100
    assert np.isin(pixels, (0, 255)).mean() < 0.01


def test_membranes_are_darker_than_cells_but_not_everywhere() -> None:
    pixels, labels = generate("membranes", (256, 256), np.random.default_rng(1))
    cells, membrane = pixels[labels > 0], pixels[labels == 0]
    assert np.median(membrane) < np.median(cells) - 30
    assert np.percentile(membrane, 90) > np.percentile(cells, 10)


def test_cells_in_phase_contrast_are_about_as_bright_as_their_background_with_a_halo() -> None:
    pixels, labels = generate("cells", (384, 384), np.random.default_rng(1))
    far = ndi.distance_transform_edt(labels == 0)
    halo, background = pixels[(far > 0) & (far <= 3)], pixels[far > 20]
    assert abs(np.median(pixels[labels > 0]) - np.median(background)) < 20
    assert halo.mean() > background.mean() + 15


@pytest.mark.parametrize("shape", [(63, 200), (200, 63)])
@pytest.mark.parametrize("scene", SCENES)
def test_an_image_too_small_for_a_cell_is_refused(scene: Scene, shape: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="at least 64 px each"):
        generate(scene, shape, np.random.default_rng(0))


def test_an_unknown_scene_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="use one of membranes, cells"):
        generate("bacteria", (64, 64), np.random.default_rng(0))  # type: ignore[arg-type]


def test_noise_has_about_the_spread_it_says() -> None:
    rng = np.random.default_rng(0)
    assert grain((200, 200), 1.5, rng).std() == pytest.approx(1, rel=0.05)
    assert 0.5 < blotches((400, 400), 10.0, rng).std() < 1


def test_a_dot_peaks_between_a_half_and_one_and_a_half() -> None:
    density = np.zeros((41, 41), np.float32)
    density[20, 20] = 1
    image = dots(density, 2.0, np.random.default_rng(0))
    assert image[20, 20] == image.max()
    assert 0.5 < image.max() < 1.5


def test_shot_noise_is_the_root_of_grey_over_photons() -> None:
    grey = np.full((300, 300), 100, np.float32)
    pixels = record(grey, 4.0, 0.0, np.random.default_rng(0))
    assert pixels.mean() == pytest.approx(100, abs=0.2)
    assert pixels.std() == pytest.approx(np.sqrt(100 / 4), rel=0.03)


def test_distance_to_border_is_zero_beside_a_change_of_id_and_grows() -> None:
    ids = np.repeat([[1, 1, 1, 2, 2, 2]], 2, axis=0)
    np.testing.assert_array_equal(distance_to_border(ids)[0], [3, 2, 1, 0, 1, 2])
