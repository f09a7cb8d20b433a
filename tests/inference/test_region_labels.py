"""Labels region by region, against labels of the whole page."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.config import PredictionConfig
from overtile.inference.instances import label_instances, label_pieces
from overtile.inference.region_labels import Region, RegionLabeller

Mask = NDArray[np.bool_]


def in_memory(mask: Mask, smallest: int = 1) -> Labels:
    return label_instances(
        mask.astype(np.float32), PredictionConfig(threshold=0.5, smallest_object_px=smallest)
    )


def by_region(mask: Mask, rows: list[int], columns: list[int], smallest: int = 1) -> Labels:
    """Label a page that is cut before these rows and columns."""
    ends = [[0, *cuts, side] for cuts, side in zip((rows, columns), mask.shape, strict=True)]
    regions = [
        Region(slice(*span_y), slice(*span_x))
        for span_x in zip(ends[1], ends[1][1:], strict=False)
        for span_y in zip(ends[0], ends[0][1:], strict=False)
    ]
    height, width = mask.shape
    labeller = RegionLabeller((height, width))
    pieces = [label_pieces(mask[region.rows, region.columns])[0] for region in regions]
    for region, found in zip(regions, pieces, strict=True):
        labeller.add(region, found)
    final = labeller.resolve(smallest)
    labels = np.full(mask.shape, 999, np.uint32)
    for region, found in zip(regions, pieces, strict=True):
        labels[region.rows, region.columns] = final.of(region, found)
    assert final.count == labels.max(initial=0)
    return labels


def spiral(side: int) -> Mask:
    """Draw one line that winds inwards."""
    mask = np.zeros((side, side), bool)
    y, x, dy, dx = 0, 0, 0, 1
    top, left, bottom, right = 0, 0, side - 1, side - 1
    while top <= bottom and left <= right:
        mask[y, x] = True
        ahead_y, ahead_x = y + dy, x + dx
        if not (top <= ahead_y <= bottom and left <= ahead_x <= right):
            if (dy, dx) == (0, 1):
                top += 2
            elif (dy, dx) == (1, 0):
                right -= 2
            elif (dy, dx) == (0, -1):
                bottom -= 2
            else:
                left += 2
            dy, dx = dx, -dy
            if not (top - 2 <= y + dy <= bottom + 2 and left - 2 <= x + dx <= right + 2):
                break
        y, x = y + dy, x + dx
    return mask


def comb(side: int) -> Mask:
    """Draw teeth that only their back joins."""
    mask = np.zeros((side, side), bool)
    mask[:, ::2] = True
    mask[-1] = True
    return mask


def checkerboard(side: int) -> Mask:
    return np.asarray(np.indices((side, side)).sum(axis=0) % 2 == 0)


@st.composite
def cuts(draw: st.DrawFn, side: int) -> list[int]:
    return sorted(draw(st.sets(st.integers(1, side - 1), max_size=5))) if side > 1 else []


@settings(deadline=None, database=None, max_examples=200)
@given(data=st.data(), seed=st.integers(0, 10_000), density=st.sampled_from([0.3, 0.5, 0.6, 0.7]))
def test_any_grid_of_regions_gives_the_labels_of_the_page(
    data: st.DataObject, seed: int, density: float
) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 30)), "size")
    mask = np.random.default_rng(seed).random((height, width)) < density
    rows, columns = data.draw(cuts(height), "rows"), data.draw(cuts(width), "columns")
    smallest = data.draw(st.sampled_from([1, 3, 10]), "smallest")
    assert np.array_equal(by_region(mask, rows, columns, smallest), in_memory(mask, smallest))


@pytest.mark.parametrize("draw", [spiral, comb, checkerboard])
def test_objects_that_cross_every_region_get_one_id(draw: object) -> None:
    mask = draw(41)  # type: ignore[operator]
    for grid in ([20], [7, 14, 21, 28], list(range(1, 41))):
        assert np.array_equal(by_region(mask, grid, grid), in_memory(mask))


def test_an_object_that_is_small_in_each_region_is_large_in_all() -> None:
    mask = np.zeros((2, 9), bool)
    mask[0] = True
    mask[1, 0] = True
    assert by_region(mask, [1], [3, 6], smallest=10).max() == 1
    assert by_region(mask, [1], [3, 6], smallest=11).max() == 0


def test_corners_do_not_connect() -> None:
    mask = np.array([[1, 0], [0, 1]], bool)
    assert by_region(mask, [1], [1]).tolist() == [[1, 0], [0, 2]]


def test_an_empty_page_has_no_objects() -> None:
    assert by_region(np.zeros((5, 5), bool), [2], [3]).max() == 0


def test_ids_follow_the_first_pixel_in_reading_order_of_the_page() -> None:
    mask = np.zeros((6, 8), bool)
    mask[1, 6] = mask[2, 0] = mask[0, 3] = True  # met as left, middle, right by strips
    assert by_region(mask, [3], [2, 5])[mask].tolist() == [1, 2, 3]
