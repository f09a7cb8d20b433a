from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.evaluation import (
    foreground_restricted_information,
    foreground_restricted_rand,
    thin_borders,
    thinned_scores,
)

Bools = NDArray[np.bool_]


def cells(border_px: int) -> Bools:
    """Draw four equal cells with a border of odd width between them, on 61 × 61 pixels."""
    inside = np.abs(np.arange(61) - 30) > border_px // 2
    return inside[:, None] & inside


def test_the_width_of_borders_does_not_matter() -> None:
    truth = cells(3)
    for border_px in (1, 3, 5, 9):
        scores = thinned_scores(truth, cells(border_px).astype(float))
        assert (scores.rand.f, scores.information.f) == pytest.approx((1, 1))
    # Unthinned, each pixel of a wide border is a segment of its own.
    labels = ndi.label(truth)[0]
    assert foreground_restricted_rand(labels, ndi.label(cells(9))[0]).f < 0.9


def test_a_gap_in_a_border_still_merges() -> None:
    truth = cells(3)
    found = cells(5).astype(float)
    found[10, :] = 1
    scores = thinned_scores(truth, found)
    assert scores.rand.split == 1
    # Four equal cells, two of them fused: 4 of 1² + 1² + 2² in squares, 1.5 of 2 bits.
    assert scores.rand.merge == pytest.approx(4 / 6)
    assert scores.information.merge == pytest.approx(1.5 / 2)


def test_the_best_threshold_is_common_to_all_pages() -> None:
    truth = np.stack([cells(3), cells(3)])
    # Page 1 has borders up to 0.44, and a line of 0.46 cuts two cells of page 2: only 115/256,
    # that is 0.449, sees the borders but not the line.
    found = truth.astype(float)
    found[0][~truth[0]] = 0.44
    found[1][:, 45] = np.minimum(found[1][:, 45], 0.46)
    scores = thinned_scores(truth, found)
    assert scores.rand_threshold == scores.information_threshold == 115 / 256
    assert scores.rand.f == 1


def test_sums_are_added_over_pages_before_the_score_is_formed() -> None:
    rng = np.random.default_rng(0)
    truth = ndi.gaussian_filter(rng.normal(size=(2, 40, 50)), (0, 2, 2)) > 0
    grey = np.clip(truth * 0.4 + rng.random(truth.shape) * 0.6, 0, 1)
    scores = thinned_scores(truth, grey)
    # Objects of different pages are different objects: numbered throughout, they are one image.
    labels = [ndi.label(page)[0] for page in truth]
    labels[1][labels[1] > 0] += labels[0].max()
    rand, information = (
        [thin_borders(ndi.label(page > threshold)[0]) for page in grey]
        for threshold in (scores.rand_threshold, scores.information_threshold)
    )
    for found in (rand, information):
        found[1][found[1] > 0] += found[0].max()
    assert scores.rand == foreground_restricted_rand(np.stack(labels), np.stack(rand))
    together = foreground_restricted_information(np.stack(labels), np.stack(information))
    assert scores.information.f == pytest.approx(together.f)
    assert scores.page_rand == [
        foreground_restricted_rand(t, f) for t, f in zip(labels, rand, strict=True)
    ]
    assert scores.page_information == [
        foreground_restricted_information(t, f) for t, f in zip(labels, information, strict=True)
    ]


def test_ignored_pixels_are_in_no_sum() -> None:
    # The left half of the page is right, the right half is one fused cell.
    truth = cells(3)
    found = truth.astype(float)
    found[:, 32:] = 1
    assert thinned_scores(truth, found).rand.f < 1
    ignore = np.zeros(truth.shape, bool)
    ignore[:, 32:] = True
    scores = thinned_scores(truth, found, ignore)
    assert scores.rand.f == 1
    assert scores.information.f == pytest.approx(1)


def test_a_cell_that_ignored_pixels_cut_stays_one_cell() -> None:
    # Labelled after ignoring, the truth would be two cells, and the proposal would merge them.
    truth = np.ones((3, 7), bool)
    ignore = np.zeros((3, 7), bool)
    ignore[:, 3] = True
    scores = thinned_scores(truth, truth.astype(float), ignore)
    assert (scores.rand.f, scores.information.f) == (1, 1)


def test_empty_pages_score_by_convention() -> None:
    nothing, everything = np.zeros((4, 5)), np.ones((4, 5))
    assert thinned_scores(nothing > 0, everything).rand.f == 1
    # Twenty pixels alone, of one object: 20 of 20² in squares.
    assert thinned_scores(everything > 0, nothing).rand.split == 20 / 400
    assert thinned_scores(everything > 0, nothing).information.f == 0


def test_more_objects_than_16_bits_count_are_told_apart() -> None:
    # 300 x 300 one-pixel cells, each of them found.
    truth = np.zeros((600, 600), bool)
    truth[::2, ::2] = True
    scores = thinned_scores(truth, truth.astype(np.float32))
    assert scores.rand.f == 1
    assert scores.information.f == pytest.approx(1)
