from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats, Labels
from overtile.choices import LabelKind
from overtile.config import AugmentationConfig, LossConfig
from overtile.data.sample import Annotated, Sampler, TrainingTile
from overtile.data.targets import object_ids, separate_touching
from overtile.data.weight_map import border_weight_map, reach_px


def augmentation_of(**settings: float) -> AugmentationConfig:
    """Settings without the noise and the exact turns that would hide what a test looks at."""
    return AugmentationConfig.model_validate({"exact_share": 0, "noise_sd": 0} | settings)


STILL = augmentation_of(rotation_degrees=0, elastic_sd_px=0, contrast=0, brightness=0)
WILD = augmentation_of(mirror=True, scale=3, contrast=0, brightness=0)
NARROW = LossConfig(sigma_px=1)  # reaches 7 px, less than the rim of the tiles of this file


def blocks(seed: int = 0, shape: tuple[int, int] = (14, 16)) -> Labels:
    """Objects of 6x6 px and more, many of which touch."""
    coarse = np.random.default_rng(seed).integers(0, 5, shape)
    return np.kron(coarse, np.ones((6, 6), int)).astype(np.uint32)


def annotated(labels: Labels, name: str = "a.tif") -> Annotated:
    """Grey values that tell their own place, so that a tile shows where it was taken from."""
    return Annotated(name=name, pixels=np.indices(labels.shape).astype(np.float32), labels=labels)


def sampler(
    *labels: Labels, kind: LabelKind = "instances", augmentation: AugmentationConfig = STILL
) -> Sampler:
    return Sampler(
        images=[annotated(one, f"{i}.tif") for i, one in enumerate(labels or (blocks(),))],
        kind=kind,
        input_size=60,
        output_size=40,
        class_weights=np.array([0.5, 3, 2, 4, 5], np.float32),
        augmentation=augmentation,
        loss=NARROW,
        seed=7,
    )


def places(tile: TrainingTile) -> NDArray[np.float64]:
    """Image position of every pixel of the labelled part, (2, T, T)."""
    return tile.pixels[:, 10:50, 10:50].astype(np.float64)


def equal(one: TrainingTile, other: TrainingTile) -> bool:
    return all(np.array_equal(vars(one)[key], vars(other)[key]) for key in vars(one))


def still_tiles(
    labels: Labels, kind: LabelKind
) -> Iterator[tuple[TrainingTile, tuple[Labels, ...]]]:
    """Tiles without augmentation, with the image index of every labelled pixel."""
    for step in range(30):
        tile = sampler(labels, kind=kind).draw(step)
        y, x = places(tile).astype(np.uint32)
        yield tile, (y, x)


def test_a_tile_is_decided_by_seed_step_and_index_alone() -> None:
    wild = sampler(augmentation=WILD)
    tile = wild.draw(3, 1)
    assert equal(tile, wild.draw(3, 1))
    assert equal(tile, sampler(augmentation=WILD).draw(3, 1))
    for other in (wild.draw(1, 3), wild.draw(4, 1), wild.draw(3), replace(wild, seed=8).draw(3, 1)):
        assert not equal(tile, other)


def test_the_order_of_drawing_and_the_number_of_workers_change_nothing() -> None:
    wild = sampler(blocks(0), blocks(1), augmentation=WILD)
    forwards = [wild.draw(step) for step in range(12)]
    backwards = [wild.draw(step) for step in reversed(range(12))][::-1]
    with ThreadPoolExecutor(4) as workers:
        at_once = list(workers.map(wild.draw, range(12)))
    assert all(map(equal, forwards, backwards))
    assert all(map(equal, forwards, at_once))


@pytest.mark.parametrize("kind", ["instances", "binary", "classes"])
@pytest.mark.parametrize("shape", [(14, 16), (3, 4), (1, 1)])
def test_pixels_have_the_input_side_and_targets_the_output_side(
    kind: LabelKind, shape: tuple[int, int]
) -> None:
    tile = sampler(blocks(1, shape), kind=kind, augmentation=WILD).draw(0)
    assert tile.pixels.shape == (2, 60, 60)
    assert tile.classes.shape == tile.weights.shape == (40, 40)
    assert tile.pixels.dtype == tile.weights.dtype == np.float32
    assert tile.classes.dtype == np.uint8


def test_every_image_is_drawn_from() -> None:
    empty, full = np.zeros((80, 80), np.uint32), np.ones((80, 80), np.uint32)
    tiles = [sampler(empty, full, kind="classes").draw(step) for step in range(40)]
    shares = np.array([tile.classes.mean() for tile in tiles])
    assert set(shares) == {0, 1}
    assert 0.3 < shares.mean() < 0.7


def test_the_labelled_part_lies_on_the_image_or_up_to_a_quarter_beyond() -> None:
    tiles = [places(sampler().draw(step)) for step in range(300)]
    rows = np.array([tile[0, :, 0] for tile in tiles])
    mirrored = (np.diff(rows) < 0).sum(axis=1)  # a row number that falls is one beyond the border
    assert mirrored.max() == 40 // 4
    assert (mirrored == 0).mean() > 0.5
    assert (np.min(rows), np.max(rows)) == (0, 14 * 6 - 1)


@pytest.mark.parametrize("kind", ["instances", "binary"])
def test_targets_are_the_separated_objects_below_the_labelled_part(kind: LabelKind) -> None:
    labels = object_ids(blocks(), kind)
    separated = separate_touching(labels)
    for tile, place in still_tiles(labels, kind):
        np.testing.assert_array_equal(tile.classes, (separated > 0)[place])


def test_classes_are_neither_separated_nor_given_border_weights() -> None:
    labels = blocks()
    for tile, place in still_tiles(labels, "classes"):
        np.testing.assert_array_equal(tile.classes, labels[place])
        expected = np.array([0.5, 3, 2, 4, 5])[tile.classes]
        np.testing.assert_array_equal(tile.weights, expected)


@settings(max_examples=30, deadline=None)
@given(step=st.integers(0, 1 << 30), seed=st.integers(0, 100))
def test_a_pixel_of_an_object_has_its_class_weight_and_one_between_objects_more(
    step: int, seed: int
) -> None:
    tile = sampler(blocks(seed), augmentation=WILD).draw(step)
    np.testing.assert_array_equal(tile.weights[tile.classes == 1], 3)
    assert (tile.weights[tile.classes == 0] >= 0.5).all()
    assert tile.weights.max() <= max(3, 0.5 + NARROW.w0)


def test_gaps_weigh_what_they_would_in_the_whole_image() -> None:
    labels = blocks()
    labels[:, ::6] = 0  # a gap on the left of every object: nothing touches but up and down
    whole = border_weight_map(separate_touching(labels), NARROW)
    for tile, place in still_tiles(labels, "instances"):
        expected = np.where(tile.classes == 1, 3, 0.5) + whole[place]
        np.testing.assert_allclose(tile.weights, expected, rtol=1e-6)


def test_objects_just_outside_the_labelled_part_narrow_the_gaps_inside() -> None:
    labels = np.zeros((80, 80), np.uint32)
    labels[:, 40], labels[:, 42] = 1, 2  # a gap of one pixel, in column 41
    tiles = [sampler(labels).draw(step) for step in range(400)]
    ends_with_gap = [tile for tile in tiles if places(tile)[1, 0, -1] == 41]
    assert ends_with_gap
    for tile in ends_with_gap:
        border = 10 * np.exp(-((1 + 1) ** 2) / 2)
        np.testing.assert_allclose(tile.weights[:, -1], 0.5 + border, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(step=st.integers(0, 1 << 30), seed=st.integers(0, 100))
def test_touching_objects_stay_separated_however_they_are_deformed(step: int, seed: int) -> None:
    labels = blocks(seed)
    tile = sampler(labels, augmentation=WILD).draw(step)
    y, x = np.clip(np.rint(places(tile)), 0, np.array(labels.shape)[:, None, None] - 1).astype(int)
    ids = np.where(tile.classes > 0, labels[y, x], 0)
    halfway = (np.abs(places(tile) % 1 - 0.5) < 1e-3).any(axis=0)  # either side may be the nearest
    ids[halfway] = 0
    pieces, count = ndi.label(tile.classes, np.ones((3, 3)))
    for piece in range(1, count + 1):
        assert np.unique(ids[(pieces == piece) & (ids > 0)]).size <= 1


def test_zoom_neither_closes_nor_widens_the_gap_between_touching_objects() -> None:
    stripes = np.tile(np.repeat(np.arange(1, 61, dtype=np.uint32), 6), (360, 1))  # all touch
    zooming = sampler(stripes, augmentation=STILL.model_copy(update={"scale": 3.0}))
    tiles = [zooming.draw(step) for step in range(30)]
    whole = [tile for tile in tiles if (np.diff(places(tile)[1, 0]) > 0).all()]  # none mirrored
    assert len(whole) > 10
    for tile in whole:
        seen = np.unique(np.floor((places(tile)[1, 0] + 0.5) / 6)).size
        _, pieces = ndi.label(tile.classes, np.ones((3, 3)))
        # The last stripe may show by the one pixel that gave way.
        assert seen - 1 <= pieces <= seen
        gap = tile.classes[0] == 0
        assert not (gap[1:] & gap[:-1]).any()


def test_grey_values_are_changed_by_the_augmentation_and_targets_are_not() -> None:
    plain, changed = sampler(), sampler(augmentation=STILL.model_copy(update={"contrast": 0.2}))
    for step in range(5):
        one, other = plain.draw(step), changed.draw(step)
        assert not np.array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.classes, other.classes)
        np.testing.assert_array_equal(one.weights, other.weights)


def test_the_reach_of_these_tests_is_within_the_rim() -> None:
    assert reach_px(NARROW) == 7


def test_drawing_leaves_the_image_alone() -> None:
    made = sampler(augmentation=augmentation_of(noise_sd=0.1))
    made.draw(0)
    fresh: Floats = np.indices(blocks().shape).astype(np.float32)
    np.testing.assert_array_equal(made.images[0].pixels, fresh)
    np.testing.assert_array_equal(made.images[0].labels, blocks())


def strokes(labels: Labels, share: float = 0.1) -> Annotated:
    """An image of which a few pixels are labelled, in one corner."""
    ignore = np.ones(labels.shape, bool)
    rows, columns = (int(side * share**0.5) for side in labels.shape)
    ignore[:rows, :columns] = False
    return Annotated(
        name="strokes.tif",
        pixels=np.indices(labels.shape).astype(np.float32),
        labels=np.where(ignore, np.uint32(0), labels),
        ignore=ignore,
    )


@pytest.mark.parametrize("kind", ["instances", "binary", "classes"])
def test_a_pixel_of_which_the_labels_say_nothing_has_no_weight_and_others_have(
    kind: LabelKind,
) -> None:
    image = strokes(blocks())
    assert image.ignore is not None
    some = replace(sampler(kind=kind), images=[image])
    for step in range(20):
        tile = some.draw(step)
        y, x = places(tile).astype(int)
        np.testing.assert_array_equal(tile.weights == 0, image.ignore[y, x])


def test_every_tile_holds_a_labelled_pixel() -> None:
    image = strokes(blocks(shape=(40, 40)), share=0.001)
    some = replace(sampler(), images=[image])
    assert all((some.draw(step).weights > 0).any() for step in range(200))


def test_labels_that_ignore_no_pixel_give_targets_like_those_that_tell_of_all() -> None:
    labels = blocks()
    nothing = replace(annotated(labels), ignore=np.zeros(labels.shape, bool))
    tile = replace(sampler(), images=[nothing]).draw(0)
    y, x = places(tile).astype(int)
    separated = separate_touching(labels)
    np.testing.assert_array_equal(tile.classes, (separated > 0)[y, x])
    assert (tile.weights > 0).all()


def test_an_object_cut_by_the_end_of_the_labels_has_no_border_there() -> None:
    labels = np.ones((100, 100), np.uint32)
    ignore = np.zeros(labels.shape, bool)
    ignore[:, 50:] = True
    half = Annotated(
        name="half.tif",
        pixels=np.indices(labels.shape).astype(np.float32),
        labels=np.where(ignore, np.uint32(0), labels),
        ignore=ignore,
    )
    tile = replace(sampler(), images=[half]).draw(1)
    asked_for = tile.classes[tile.weights > 0]
    assert asked_for.size > 0
    assert (asked_for == 1).all()


def test_tiles_are_placed_on_classes_as_often_as_asked() -> None:
    labels = np.zeros((400, 400), np.uint32)
    labels[390:, 390:] = 2
    for share, expected in ((0.0, 0.05), (0.5, 0.5), (1.0, 1.0)):
        some = replace(sampler(labels, kind="classes"), class_share=share)
        met = np.mean([(some.draw(step).classes == 2).any() for step in range(150)])
        assert abs(met - expected) < 0.15


def test_a_set_without_foreground_is_drawn_from_all_the_same() -> None:
    empty = np.zeros((80, 80), np.uint32)
    some = replace(sampler(empty, kind="classes"), class_share=1.0)
    assert not some.draw(0).classes.any()


def test_labels_that_lie_below_what_they_show_do_so_in_turned_and_mirrored_tiles() -> None:
    below = AugmentationConfig.model_validate(
        STILL.model_dump() | {"exact_share": 1, "mirror": True, "label_offset_px": (1, 0)}
    )
    labels = blocks(shape=(40, 40)) % 4
    drawn = sampler(labels, kind="classes", augmentation=below)
    for step in range(12):
        tile = drawn.draw(step)
        row, column = tile.pixels[:, 9:49, 10:50].astype(int)  # one pixel above the labelled part
        assert np.mean(tile.classes == labels[np.minimum(row + 1, 239), column]) > 0.99


def test_labelled_pixels_are_counted_and_named_at_any_spacing() -> None:
    whole = Annotated(
        name="a", pixels=np.zeros((1, 2, 3), np.float32), labels=np.zeros((2, 3), np.uint32)
    )
    ignore = np.array([[True, False, False], [True, False, False]])
    part = replace(whole, ignore=ignore)
    assert (whole.told_px, part.told_px) == (6, 4)
    assert whole.told().tolist() == [0, 1, 2, 3, 4, 5]
    assert whole.told(4).tolist() == [0, 4]
    assert part.told(3).tolist() == [1, 5]


def test_the_rows_of_an_image_are_cut_with_its_labels_from_the_first_labelled_one() -> None:
    ignore = np.ones((5, 2), bool)
    ignore[3, 1] = False
    labels = np.arange(10, dtype=np.uint32).reshape(5, 2)
    image = Annotated(name="a", pixels=labels[None].astype(np.float32), labels=labels)
    assert image.first_row == 0
    part = replace(image, ignore=ignore)
    assert part.first_row == 3
    below = part.with_rows(slice(3, 5))
    assert below.labels.tolist() == below.pixels[0].tolist() == [[6, 7], [8, 9]]
    assert below.ignore is not None
    assert below.ignore.tolist() == [[True, False], [True, True]]
