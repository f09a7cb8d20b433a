from __future__ import annotations

import numpy as np
import pytest

from overtile.errors import ImageError
from overtile.evaluation import (
    Page,
    score_isbi2012,
    thinned_scores,
    warping_error_sweep,
)

ROW = np.array([[True, True, False, True, True, True]])
# Rand sums of `good` are 13, 13, 13; of `bad` at one half 7, 13, 7 (drawn in test_rand_sums.py).
GOOD = ROW.astype(np.float32)
BAD = np.array([[0.9, 0.9, 0.3, 0.9, 0.1, 0.9]], np.float32)
NO_MISTAKES = {
    "warping_merges": 0,
    "warping_splits": 0,
    "warping_objects_added": 0,
    "warping_objects_removed": 0,
    "warping_holes_added": 0,
    "warping_holes_removed": 0,
}
# Entropies of both pages together, 10 pixels of foreground, in nats.
TRUTH_ENTROPY = np.log(10) - 2 * (2 * np.log(2) + 3 * np.log(3)) / 10
FOUND_ENTROPY = np.log(10) - (2 * np.log(2) + 3 * np.log(3) + 2 * np.log(2)) / 10


def test_the_summary_is_computed_over_all_pages() -> None:
    scores = score_isbi2012([("good", ROW, GOOD), ("bad", ROW, BAD)])
    assert scores.summary == pytest.approx(
        {
            "rand_error": 1 - 2 * (13 + 7) / (13 + 13 + 13 + 7),
            "pixel_error": 1 / 12,
            # bad: {0,1} {2,4} {3} {5} for {0,1} {2} {3,4,5}: 2-4, 3-4, 3-5, 4-5 of 15 pairs
            "rand_index_error": (0 + 4 / 15) / 2,
            # The pixel that bad misses splits a cell, wherever it is bent.
            "warping_error": (0 + 1 / 6) / 2,
            **NO_MISTAKES,
            "warping_splits": 1,
            # The borders of bad are one pixel wide already.
            "v_rand": 2 * (13 + 7) / (13 + 13 + 13 + 7),
            "v_rand_split": (13 + 7) / (13 + 13),
            "v_rand_merge": 1,
            # Nothing is merged, so what they share is all that the truth says.
            "v_info": 2 * TRUTH_ENTROPY / (TRUTH_ENTROPY + FOUND_ENTROPY),
            "v_info_split": TRUTH_ENTROPY / FOUND_ENTROPY,
            "v_info_merge": 1,
            "rand_error_threshold": 0.5,
            "best_pixel_error": 1 / 12,
            "best_pixel_threshold": 0.5,
            "warping_error_threshold": 0.5,
            "v_rand_threshold": 0.5,
            "v_info_threshold": 0.5,
        }
    )
    assert list(scores.summary)[:2] == ["rand_error", "pixel_error"]


def test_rows_hold_the_worst_page_first() -> None:
    scores = score_isbi2012([("good", ROW, GOOD), ("bad", ROW, BAD)])
    # Five pixels of foreground, {0, 1} {3} {4} {5} for {0, 1} {3, 4, 5}.
    truth = np.log(5) - (2 * np.log(2) + 3 * np.log(3)) / 5
    found = np.log(5) - 2 * np.log(2) / 5
    worst, best = scores.per_image
    assert {key: value for key, value in worst.items() if key != "image"} == pytest.approx(
        {
            "rand_error": 1 - 0.7,
            "pixel_error": 1 / 6,
            "rand_index_error": 4 / 15,
            "warping_error": 1 / 6,
            **NO_MISTAKES,
            "warping_splits": 1,
            "v_rand": 0.7,
            "v_rand_split": 7 / 13,
            "v_rand_merge": 1,
            "v_info": 2 * truth / (truth + found),
            "v_info_split": truth / found,
            "v_info_merge": 1,
        }
    )
    assert (worst["image"], best["image"]) == ("bad", "good")
    assert (best["rand_error"], best["warping_error"], best["v_rand"]) == (0, 0, 1)


def test_pages_may_differ_in_size() -> None:
    # Rand sums 7, 13, 7 of page a; page b is one cell of one pixel, found at one half.
    small = np.array([[True, False, False]])
    scores = score_isbi2012([("a", ROW, BAD), ("b", small, np.array([[0.8, 0.1, 0.1]]))])
    assert scores.summary["rand_error"] == pytest.approx(1 - 2 * (7 + 1) / (13 + 1 + 7 + 1))
    assert scores.summary["pixel_error"] == pytest.approx((1 + 0) / (6 + 3))
    assert scores.summary["warping_error"] == pytest.approx((1 / 6 + 0) / 2)


def test_the_table_says_what_the_measures_say_of_a_stack() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((3, 20, 25)) < 0.7
    grey = np.clip(truth * 0.3 + rng.random(truth.shape) * 0.7, 0, 1)
    ignore = rng.random(truth.shape) < 0.2
    pages = [Page(str(n), *page) for n, page in enumerate(zip(truth, grey, ignore, strict=True))]
    summary = score_isbi2012(pages).summary
    warping, thinned = warping_error_sweep(truth, grey, ignore), thinned_scores(truth, grey, ignore)
    assert (summary["warping_error"], summary["warping_error_threshold"]) == (
        warping.best.error,
        warping.best_threshold,
    )
    assert summary["warping_holes_added"] == warping.best.holes_added > 0
    assert summary["v_rand_merge"] == thinned.rand.merge
    assert summary["v_info_merge"] == thinned.information.merge
    assert summary["v_info_threshold"] == thinned.information_threshold


def test_ignored_pixels_hide_what_is_wrong_there() -> None:
    ignore = np.array([[False, False, True, False, True, False]])
    summary = score_isbi2012([Page("bad", ROW, BAD, ignore)]).summary
    for error in ("pixel_error", "warping_error", "best_pixel_error"):
        assert summary[error] == 0
    # The cell of pixels 3 and 5 is one cell of the truth still, and two of the proposal.
    assert summary["v_rand_split"] == (2**2 + 1 + 1) / (2**2 + 2**2)


def test_a_page_that_is_ignored_altogether_has_nothing_wrong() -> None:
    summary = score_isbi2012([Page("bad", ROW, BAD, np.ones_like(ROW))]).summary
    assert (summary["rand_error"], summary["pixel_error"], summary["rand_index_error"]) == (0, 0, 0)
    assert (summary["warping_error"], summary["v_rand"], summary["v_info"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("truth", "grey", "error", "objects_added", "objects_removed"),
    [
        (np.zeros((3, 3), bool), np.zeros((3, 3)), 0, 0, 0),
        (np.zeros((3, 3), bool), np.ones((3, 3)), 0, 1, 0),  # nothing to err, by convention
        (np.ones((3, 3), bool), np.zeros((3, 3)), 1 - 2 * 9 / (81 + 9), 0, 1),
        (np.ones((3, 3), bool), np.ones((3, 3)), 0, 0, 0),
    ],
)
def test_empty_and_full_pages_have_scores(
    truth: np.ndarray, grey: np.ndarray, error: float, objects_added: int, objects_removed: int
) -> None:
    summary = score_isbi2012([("page", truth, grey)]).summary
    assert summary["rand_error"] == pytest.approx(error)
    assert summary["warping_objects_added"] == objects_added
    assert summary["warping_objects_removed"] == objects_removed
    assert all(np.isfinite(value) for value in summary.values())


def test_more_objects_than_16_bits_count_are_scored() -> None:
    truth = np.zeros((600, 600), bool)
    truth[::2, ::2] = True
    summary = score_isbi2012([("dots", truth, truth.astype(np.float32))]).summary
    assert (summary["rand_error"], summary["warping_error"], summary["v_rand"]) == (0, 0, 1)


def test_every_number_is_explained() -> None:
    scores = score_isbi2012([("bad", ROW, BAD)])
    for name in scores.summary:
        measure = name.removesuffix("_threshold").removesuffix("_split").removesuffix("_merge")
        assert measure.removeprefix("best_") in scores.convention or name.startswith("warping_")


def test_a_diverged_network_is_refused_with_the_image_named() -> None:
    with pytest.raises(ImageError, match=r"page 7: the foreground probability .*nan"):
        score_isbi2012([("page 7", ROW, np.full(ROW.shape, np.nan))])


def test_a_stack_in_place_of_a_page_is_refused() -> None:
    with pytest.raises(ImageError, match=r"a.tif: .* \(Y, X\), not \(1, 1, 6\); give the pages"):
        score_isbi2012([("a.tif", ROW[None], GOOD[None])])


def test_a_mask_of_another_shape_is_refused_with_the_image_named() -> None:
    with pytest.raises(ImageError, match=r"a.tif: .*\(1, 6\) but .*\(2, 2\)"):
        score_isbi2012([Page("a.tif", ROW, GOOD, np.zeros((2, 2), bool))])
