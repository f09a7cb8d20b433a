from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from overtile.arrays import Floats
from overtile.choices import LabelKind
from overtile.config import PredictionConfig
from overtile.inference.instances import foreground, label_instances, objects


def picture(*rows: str) -> Floats:
    """Draw foreground: # is 0.9, anything else 0.1."""
    return np.array([[0.9 if c == "#" else 0.1 for c in row] for row in rows], np.float32)


def two_classes(cell: Floats) -> Floats:
    return np.stack([1 - cell, cell])


def flooded(cell: NDArray[np.bool_]) -> list[set[tuple[int, int]]]:
    """Find 4-connected pieces by walking from pixel to pixel."""
    left = {(int(y), int(x)) for y, x in np.argwhere(cell)}
    pieces = []
    while left:
        piece, front = set(), [left.pop()]
        while front:
            y, x = front.pop()
            piece.add((y, x))
            beside = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & left
            left -= beside
            front += beside
        pieces.append(piece)
    return pieces


def test_pixels_that_share_an_edge_are_one_object() -> None:
    labels = label_instances(picture("##.", ".#.", ".##"))
    assert labels.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert labels.dtype == np.uint32


def test_pixels_that_share_only_a_corner_are_two_objects() -> None:
    assert label_instances(picture("#.", ".#")).tolist() == [[1, 0], [0, 2]]


def test_a_pixel_at_the_threshold_is_background() -> None:
    row = np.array([[0.25, np.nextafter(np.float32(0.25), np.float32(1)), 0.0]], np.float32)
    labels = label_instances(row, PredictionConfig(threshold=0.25))
    assert labels.tolist() == [[0, 1, 0]]


def test_the_threshold_is_one_half_unless_told() -> None:
    assert label_instances(np.array([[0.5, 0.0, 0.51]], np.float32)).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("smallest_px", "expected"),
    [
        (0, [1, 0, 2, 2, 0, 3, 3, 3]),
        (1, [1, 0, 2, 2, 0, 3, 3, 3]),
        (2, [0, 0, 1, 1, 0, 2, 2, 2]),
        (3, [0, 0, 0, 0, 0, 1, 1, 1]),
        (4, [0, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_objects_below_the_smallest_size_go_and_ids_close_up(
    smallest_px: int, expected: list[int]
) -> None:
    config = PredictionConfig(smallest_object_px=smallest_px)
    assert label_instances(picture("#.##.###"), config)[0].tolist() == expected


@settings(deadline=None, database=None, max_examples=30)
@given(
    cell=arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))),
    smallest_px=st.integers(0, 5),
)
def test_ids_are_the_pieces_that_a_walk_finds_without_gaps(
    cell: NDArray[np.bool_], smallest_px: int
) -> None:
    config = PredictionConfig(smallest_object_px=smallest_px)
    labels = label_instances(cell.astype(np.float32), config)
    expected = [piece for piece in flooded(cell) if len(piece) >= smallest_px]
    found = [
        {(int(y), int(x)) for y, x in np.argwhere(labels == i)} for i in range(1, labels.max() + 1)
    ]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


@pytest.mark.parametrize(("value", "expected"), [(0.1, 0), (0.9, 1)])
def test_an_image_of_nothing_or_of_one_object_only(value: float, expected: int) -> None:
    labels = label_instances(np.full((3, 4), value, np.float32))
    assert np.array_equal(labels, np.full((3, 4), expected))


def test_more_objects_than_sixteen_bits_hold_keep_their_ids() -> None:
    board = np.indices((400, 400)).sum(axis=0) % 2
    labels = label_instances(board.astype(np.float32))
    assert labels.max() == 400 * 400 / 2
    assert np.unique(labels).size == 400 * 400 / 2 + 1


def test_foreground_is_all_that_is_not_background() -> None:
    probabilities = np.array([[[0.25, 1.0]], [[0.5, 0.0]], [[0.25, 0.0]]], np.float32)
    assert foreground(probabilities).tolist() == [[0.75, 0]]


def test_foreground_stays_a_fraction_when_rounding_does_not() -> None:
    probabilities = np.array([[[1.0000001, -0.0000001]]], np.float32)
    assert foreground(probabilities).tolist() == [[0, 1]]


@pytest.mark.parametrize("kind", ["instances", "binary"])
def test_labels_of_objects_get_ids(kind: LabelKind) -> None:
    labels = objects(two_classes(picture("#.##")), kind, PredictionConfig(smallest_object_px=2))
    assert labels.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("kind", ["instances", "binary"])
def test_touching_classes_are_one_object(kind: LabelKind) -> None:
    probabilities = np.array([[[0.2, 0.4]], [[0.8, 0.0]], [[0.0, 0.6]]], np.float32)
    assert objects(probabilities, kind, PredictionConfig()).tolist() == [[1, 1]]


def test_labels_of_classes_get_the_likeliest_class_whatever_the_threshold() -> None:
    probabilities = np.array([[[0.4, 0.1, 0.6]], [[0.35, 0.2, 0.4]], [[0.25, 0.7, 0]]], np.float32)
    config = PredictionConfig(threshold=0.1, smallest_object_px=99)
    labels = objects(probabilities, "classes", config)
    assert labels.tolist() == [[0, 2, 0]]
    assert labels.dtype == np.uint32


def test_cores_part_what_touches_and_rims_grow_back() -> None:
    row = np.array([[0.1, 0.6, 0.9, 0.6, 0.9, 0.6, 0.6, 0.1]], np.float32)
    assert label_instances(row).tolist() == [[0, 1, 1, 1, 1, 1, 1, 0]]
    parted = PredictionConfig(core_threshold=0.8, grow_px=1)
    assert label_instances(row, parted).tolist() == [[0, 1, 1, 1, 2, 2, 0, 0]]


def test_foreground_without_a_core_is_no_object() -> None:
    row = np.array([[0.6, 0.6, 0.1, 0.1, 0.9]], np.float32)
    labels = label_instances(row, PredictionConfig(core_threshold=0.8, grow_px=3))
    assert labels.tolist() == [[0, 0, 0, 0, 1]]


def test_an_object_is_kept_by_the_size_of_its_core() -> None:
    row = np.array([[0.6, 0.9, 0.6, 0.1, 0.9, 0.9]], np.float32)
    config = PredictionConfig(core_threshold=0.8, grow_px=1, smallest_object_px=2)
    assert label_instances(row, config).tolist() == [[0, 0, 0, 0, 1, 1]]


def test_a_core_never_lies_below_the_threshold_of_its_object() -> None:
    assert PredictionConfig(threshold=0.6, core_threshold=0.3).core == 0.6
    assert PredictionConfig(threshold=0.6).core == 0.6
