"""The warping error, against drawings and against the same rule written down slowly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.errors import ImageError
from overtile.evaluation import warping_error, warping_error_sweep
from overtile.evaluation.isbi2012.mistakes import MISTAKES

SHAPE = (6, 7)
TRUTH = arrays(np.bool_, SHAPE)
# Few values, so that many distances are equal, above and below one half.
GREY = arrays(np.float64, SHAPE, elements=st.sampled_from([0, 0.25, 0.375, 0.5, 0.625, 0.75, 1]))
DISTINCT = st.permutations(range(42)).map(lambda p: (np.array(p).reshape(SHAPE) * 6 + 5) / 256)
QUICK = settings(deadline=None, database=None, max_examples=60)
EIGHT = np.ones((3, 3))
Bools = NDArray[np.bool_]


def objects_and_holes(framed: Bools) -> tuple[int, int]:
    return int(ndi.label(framed)[1]), int(ndi.label(~framed, structure=EIGHT)[1])


def warped_slowly(truth: Bools, grey: NDArray[np.float64], counted: Bools) -> Bools:
    """Warp by labelling the whole page anew for every single pixel; with the frame."""
    framed, proposal = np.pad(truth, 1), np.pad(grey > 0.5, 1)
    distance = np.abs(np.pad(grey, 1) - 0.5)
    left = -1
    while left != (left := int(np.count_nonzero((framed != proposal) & np.pad(counted, 1)))):
        wrong = np.argwhere((framed != proposal) & np.pad(counted, 1)).tolist()
        for y, x in sorted(wrong, key=lambda at: -distance[tuple(at)]):
            changed = framed.copy()
            changed[y, x] ^= True
            if objects_and_holes(changed) == objects_and_holes(framed):
                framed = changed
    return framed


def mistakes_of(framed: Bools, wrong: Bools) -> Iterator[Bools]:
    """Take the wrong pixels apart: 8-connected in each object, 4-connected in the background."""
    objects, count = ndi.label(framed)
    for regions, structure in (
        *((wrong & (objects == n), EIGHT) for n in range(1, count + 1)),
        (wrong & ~framed, None),
    ):
        labels, number = ndi.label(regions, structure=structure)
        yield from (labels == n for n in range(1, number + 1))


def kind_of(framed: Bools, mistake: Bools) -> str:
    before, after = objects_and_holes(framed), objects_and_holes(framed ^ mistake)
    objects, holes = after[0] - before[0], after[1] - before[1]
    missed = bool(framed[mistake].all())
    if objects:
        return {
            (True, True): "splits",
            (True, False): "objects_removed",
            (False, True): "objects_added",
            (False, False): "merges",
        }[missed, objects > 0]
    assert holes, "a mistake that changes nothing could have been warped away"
    return "holes_added" if holes > 0 else "holes_removed"


def slowly(truth: Bools, grey: NDArray[np.float64], ignore: Bools) -> dict[str, float]:
    counted = ~ignore
    framed = warped_slowly(truth, grey, counted)
    wrong = (framed != np.pad(grey > 0.5, 1)) & np.pad(counted, 1)
    kinds = [kind_of(framed, mistake) for mistake in mistakes_of(framed, wrong)]
    share = np.count_nonzero(wrong) / max(int(np.count_nonzero(counted)), 1)
    return {"error": share} | {kind: kinds.count(kind) for kind in MISTAKES}


def page(*rows: str) -> Bools:
    drawn: Bools = np.array([list(row) for row in rows]) == "#"
    return drawn


TWO_CELLS = page("###.###", "###.###", "###.###")


@given(TRUTH, GREY)
@QUICK
def test_it_equals_the_rule_written_down_slowly(truth: Bools, grey: NDArray[np.float64]) -> None:
    found = dataclasses.asdict(warping_error(truth, grey))
    assert found == slowly(truth, grey, np.zeros(SHAPE, bool))


@given(TRUTH, GREY, TRUTH)
@QUICK
def test_it_does_so_with_ignored_pixels(
    truth: Bools, grey: NDArray[np.float64], ignore: Bools
) -> None:
    found = dataclasses.asdict(warping_error(truth, grey, ignore=ignore))
    assert found == slowly(truth, grey, ignore)


@given(TRUTH)
@QUICK
def test_the_truth_itself_has_no_error(truth: Bools) -> None:
    error = warping_error(truth, truth.astype(np.float32))
    assert set(dataclasses.asdict(error).values()) == {0}


@given(TRUTH, DISTINCT)
@QUICK
def test_transposing_changes_nothing_where_no_two_distances_are_equal(
    truth: Bools, grey: NDArray[np.float64]
) -> None:
    # Among equals raster order decides, and that changes with the axes.
    assert warping_error(truth.T, grey.T, 0.52) == warping_error(truth, grey, 0.52)


def test_borders_thicker_thinner_or_displaced_cost_nothing() -> None:
    found = page("##...##", "#..####", "##.####").astype(float)
    assert np.any(found != TWO_CELLS)
    assert warping_error(TWO_CELLS, found).error == 0


def test_a_closed_gap_is_one_merge_and_costs_the_pixels_that_cannot_be_bent() -> None:
    found = TWO_CELLS.astype(float)
    found[1, 3] = 1
    error = warping_error(TWO_CELLS, found)
    assert (error.error, error.merges) == (1 / 21, 1)


def test_a_line_through_a_cell_is_bent_until_one_pixel_splits_it() -> None:
    cell = np.ones((3, 5), bool)
    found = page("##.##", "##.##", "##.##").astype(float)
    error = warping_error(cell, found)
    assert (error.error, error.splits) == (1 / 15, 1)


def test_the_farthest_from_the_threshold_is_bent_first() -> None:
    # truth  # . #   found  # # .   The cell on the right first loses its upper pixel, at 0.4 from
    #        # . #          . # .   the threshold, so that the left one can grow there. Two pixels
    #                               stay; the nearest first, it would be three.
    truth = page("#.#", "#.#")
    grey = np.array([[0.9, 0.7, 0.1], [0.3, 0.7, 0.3]])
    error = warping_error(truth, grey)
    assert (error.error, error.merges, error.objects_removed) == (2 / 6, 1, 1)


def test_among_equals_missed_and_invented_pixels_come_in_raster_order() -> None:
    # truth  . # .   found  # . #   The cell grows to the left, then leaves its place, and so the
    #        . . .          . . #   right is out of reach: an object added, two pixels. Were missed
    #                               or invented pixels all visited first, one pixel would stay.
    error = warping_error(page(".#.", "..."), np.array([[1.0, 0, 1], [0, 0, 1]]))
    assert (error.error, error.objects_added) == (2 / 6, 1)


def test_ignored_pixels_hide_a_mistake_and_leave_the_denominator() -> None:
    found = TWO_CELLS.astype(float)
    found[1, 3] = 1
    ignore = np.zeros(TWO_CELLS.shape, bool)
    ignore[1, 2:5] = True
    assert warping_error(TWO_CELLS, found, ignore=ignore).error == 0
    found[0, 3] = 1
    assert warping_error(TWO_CELLS, found, ignore=ignore).error == 1 / (21 - 3)
    assert warping_error(TWO_CELLS, found, ignore=np.ones_like(ignore)).error == 0


def test_the_error_is_averaged_over_pages_and_mistakes_are_added_up() -> None:
    merged = np.ones(TWO_CELLS.shape)
    truth = np.stack([TWO_CELLS, TWO_CELLS, TWO_CELLS])
    found = np.stack([merged, TWO_CELLS, merged])
    error = warping_error(truth, found)
    # Each of the three pixels of the gap touches both cells, so none can be bent.
    assert error.error == pytest.approx((3 / 21 + 0 + 3 / 21) / 3)
    assert error.merges == 2


def test_empty_truth_and_empty_proposal_add_and_remove_objects() -> None:
    nothing = np.zeros(TWO_CELLS.shape)
    assert warping_error(TWO_CELLS, nothing).objects_removed == 2
    assert warping_error(nothing > 0, TWO_CELLS.astype(float)).objects_added == 2
    assert warping_error(nothing > 0, nothing).error == 0


def test_the_sweep_finds_the_threshold_that_all_pages_share() -> None:
    # The gap is seen above 0.5 on page 1, the cell is whole below 0.7 on page 2.
    gap = TWO_CELLS.astype(float)
    gap[1, 3] = 0.5625
    cell = np.ones(TWO_CELLS.shape)
    cell[:, 3] = 0.7
    truth = np.stack([TWO_CELLS, np.ones(TWO_CELLS.shape, bool)])
    sweep = warping_error_sweep(truth, np.stack([gap, cell]))
    assert sweep.best.error == 0
    # The lowest of 0.05, 0.1... from 0.5625 on is 0.6, at 154/256.
    assert sweep.best_threshold == 154 / 256
    assert sweep.errors[9] == pytest.approx((1 / 21 + 0) / 2)
    assert sweep.thresholds[9] == 0.5


def test_the_sweep_equals_one_threshold_after_the_other() -> None:
    rng = np.random.default_rng(0)
    truth = ndi.gaussian_filter(rng.normal(size=(2, 30, 40)), 1) > 0
    grey = rng.random((2, 30, 40)).astype(np.float32)
    sweep = warping_error_sweep(truth, grey)
    alone = [warping_error(truth, grey, threshold) for threshold in sweep.thresholds]
    assert sweep.errors.tolist() == [error.error for error in alone]
    assert sweep.best == min(alone, key=lambda error: error.error)
    pages = [warping_error(t, g, sweep.best_threshold) for t, g in zip(truth, grey, strict=True)]
    assert sweep.pages == pages


def test_an_ignore_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ImageError, match=r"\(3, 7\) but the prediction has \(2, 2\)"):
        warping_error(TWO_CELLS, TWO_CELLS, ignore=np.zeros((2, 2), bool))
