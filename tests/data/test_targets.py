from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overtile.arrays import Labels
from overtile.data.targets import (
    class_balance,
    class_map,
    consecutive,
    count_touching_pairs,
    object_ids,
    separate_touching,
)

ANY_LABELS = arrays(
    np.uint32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 1, 2, 3, 70_000]),
)


def drawn(*rows: str) -> Labels:
    """One digit a pixel; a point is background."""
    return np.array([[int(c) for c in row.replace(".", "0")] for row in rows], np.uint32)


def touching_pixels(ids: Labels) -> set[tuple[int, int, int, int]]:
    """All (y, x, y', x') of neighbours, corners included, that belong to two different objects."""
    height, width = ids.shape
    return {
        (y, x, b, a)
        for y in range(height)
        for x in range(width)
        for b in range(max(0, y - 1), min(height, y + 2))
        for a in range(max(0, x - 1), min(width, x + 2))
        if ids[y, x] and ids[b, a] and ids[y, x] != ids[b, a]
    }


def test_the_object_of_the_larger_id_gives_way_by_one_pixel() -> None:
    before = drawn("1122", "1122", "..33", "..33")
    after = drawn("11.2", "11.2", "....", "..33")
    np.testing.assert_array_equal(separate_touching(before), after)


def test_objects_that_meet_at_a_corner_are_parted_in_both_diagonals() -> None:
    np.testing.assert_array_equal(separate_touching(drawn("1.", ".2")), drawn("1.", ".."))
    np.testing.assert_array_equal(separate_touching(drawn(".1", "2.")), drawn(".1", ".."))


def test_each_of_two_objects_gives_half_of_a_wide_gap() -> None:
    np.testing.assert_array_equal(separate_touching(drawn("11112222"), 2), drawn("111..222"))
    np.testing.assert_array_equal(separate_touching(drawn("11112222"), 4), drawn("11....22"))
    np.testing.assert_array_equal(
        separate_touching(drawn("11..", "..22"), 2), drawn("1...", "...2")
    )


@settings(max_examples=100, deadline=None)
@given(ids=ANY_LABELS, half=st.integers(1, 3))
def test_a_wide_gap_takes_all_that_is_near_another_object_and_nothing_else(
    ids: Labels, half: int
) -> None:
    expected = ids.copy()
    for y, x in np.argwhere(ids):
        near = ids[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
        if (near != ids[y, x]).any() and near[near != ids[y, x]].any():
            expected[y, x] = 0
    np.testing.assert_array_equal(separate_touching(ids, 2 * half), expected)


def test_objects_with_a_gap_are_left_as_they_are() -> None:
    ids = drawn("11.22", "11.22", ".....", "33333")
    np.testing.assert_array_equal(separate_touching(ids), ids)


@settings(max_examples=200, deadline=None)
@given(ids=ANY_LABELS)
def test_after_separation_no_two_objects_touch(ids: Labels) -> None:
    separated = separate_touching(ids)
    assert touching_pixels(separated) == set()
    assert count_touching_pairs(separated) == 0


@settings(max_examples=200, deadline=None)
@given(ids=ANY_LABELS)
def test_separation_takes_only_pixels_that_touch_an_object_of_smaller_id(ids: Labels) -> None:
    expected = ids.copy()
    for y, x, b, a in touching_pixels(ids):
        if ids[y, x] > ids[b, a]:
            expected[y, x] = 0
    before = ids.copy()
    np.testing.assert_array_equal(separate_touching(ids), expected)
    np.testing.assert_array_equal(ids, before)


@settings(max_examples=200, deadline=None)
@given(ids=ANY_LABELS)
def test_pairs_that_touch_are_counted_once_each(ids: Labels) -> None:
    pairs = {frozenset((ids[y, x], ids[b, a])) for y, x, b, a in touching_pixels(ids)}
    assert count_touching_pairs(ids) == len(pairs)


def test_binary_foreground_is_cut_into_its_4_connected_pieces() -> None:
    labels = 255 * drawn("11..", "..1.", "..1.", "1..1")
    expected = drawn("11..", "..2.", "..2.", "3..4")
    ids = object_ids(labels, "binary")
    np.testing.assert_array_equal(ids, expected)
    assert ids.dtype == np.uint32


def test_binary_foreground_may_have_several_values() -> None:
    np.testing.assert_array_equal(object_ids(drawn("12.3"), "binary"), drawn("11.2"))


def test_instances_and_classes_keep_their_values() -> None:
    labels = drawn("55..5", "..7..")
    np.testing.assert_array_equal(object_ids(labels, "instances"), labels)
    np.testing.assert_array_equal(object_ids(labels, "classes"), labels)


def test_objects_of_any_id_are_class_one() -> None:
    ids = np.array([[0, 1, 256, 70_000]], np.uint32)
    for classes in (class_map(ids, "instances"), class_map(ids, "binary")):
        np.testing.assert_array_equal(classes, [[0, 1, 1, 1]])
        assert classes.dtype == np.uint8


def test_class_indices_stay_as_they_are() -> None:
    np.testing.assert_array_equal(class_map(drawn("0312"), "classes"), drawn("0312"))


def test_balanced_classes_have_mean_weight_one_and_equal_shares() -> None:
    maps = [np.repeat([[0, 1, 2]], 7, axis=0).astype(np.uint8), np.zeros((10, 10), np.uint8)]
    counts = np.array([107, 7, 7])
    weights = class_balance(maps, classes=3, exponent=1)
    np.testing.assert_allclose(weights * counts, counts.sum() / 3, rtol=1e-6)
    assert weights.dtype == np.float32


@pytest.mark.parametrize("exponent", [0, 0.5, 1])
def test_the_mean_weight_is_one_whatever_the_balance(exponent: float) -> None:
    rng = np.random.default_rng(0)
    maps = [rng.choice(4, (20, 30), p=[0.7, 0.2, 0.09, 0.01]).astype(np.uint8) for _ in range(3)]
    weights = class_balance(maps, classes=4, exponent=exponent)
    assert np.mean([weights[one] for one in maps]) == pytest.approx(1, rel=1e-5)
    assert (np.diff(weights) > 0).all() == (exponent > 0)


def test_half_a_balance_weighs_by_the_root_of_rarity() -> None:
    weights = class_balance([np.array([[0] * 16 + [1]], np.uint8)], classes=2, exponent=0.5)
    assert weights[1] / weights[0] == pytest.approx(4)


def test_no_balance_weighs_every_pixel_one() -> None:
    weights = class_balance([np.array([[0, 0, 0, 1]], np.uint8)], classes=2, exponent=0)
    np.testing.assert_array_equal(weights, [1, 1])


def test_a_class_that_never_occurs_weighs_as_much_as_the_rarest() -> None:
    weights = class_balance([np.array([[0, 0, 0, 2]], np.uint8)], classes=4, exponent=1)
    np.testing.assert_allclose(weights, [2 / 3, 2, 2, 2], rtol=1e-6)


@pytest.mark.parametrize(
    ("row", "expected"),
    [("0123", True), ("0321", True), ("0000", True), ("0124", False), ("2222", False)],
)
def test_ids_are_consecutive_if_they_are_1_to_n(row: str, expected: bool) -> None:
    assert consecutive(drawn(row)) is expected
