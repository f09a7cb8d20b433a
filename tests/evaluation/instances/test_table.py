from __future__ import annotations

import numpy as np
import pytest

from overtile.evaluation import (
    Page,
    aggregated_jaccard_index,
    match_objects,
    mean_average_precision,
    object_mistakes,
    panoptic_quality,
    score_instances,
    seg_score,
)

ONE_CELL = np.array([[1, 1, 0, 0]], np.uint32)
TWO_CELLS = np.array([[1, 1, 0, 2]], np.uint32)
# first: 1 found, 0 wrong: AP 1.  second: 1 found, 1 invented: AP 1/2.  third: 2 missed: AP 0.
PAGES = [
    ("first", ONE_CELL, ONE_CELL),
    ("second", ONE_CELL, TWO_CELLS),
    ("third", TWO_CELLS, TWO_CELLS * 0),
]


def test_instance_means_are_over_images_and_pooled_numbers_over_objects() -> None:
    scores = score_instances(PAGES)
    assert scores.headline == "average_precision_50"
    assert scores.summary["average_precision_50"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert scores.summary["f1_50"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert scores.summary["mean_matched_iou_50"] == pytest.approx((1 + 1 + 0) / 3)
    assert scores.summary["pooled_average_precision_50"] == pytest.approx(2 / (2 + 1 + 2))
    assert scores.summary["pooled_true_positives_50"] == 2
    assert scores.summary["pooled_count_error"] == 1 - 2
    assert scores.summary["absolute_count_error"] == pytest.approx((0 + 1 + 2) / 3)
    assert [row["image"] for row in scores.per_image] == ["third", "second", "first"]
    assert scores.per_image[1]["false_positives_50"] == 1


def test_seg_is_over_the_true_objects_of_all_images() -> None:
    scores = score_instances(PAGES)
    # Objects: 1 of first, 1 of second, 2 of third.
    assert scores.summary["seg"] == (1 + 1 + 0 + 0) / 4
    assert [row["seg"] for row in scores.per_image] == [0, 1, 1]


def test_panoptic_quality_is_over_images_and_pooled() -> None:
    scores = score_instances(PAGES)
    assert scores.summary["panoptic_quality"] == pytest.approx((1 + 1 / (1 + 1 / 2) + 0) / 3)
    assert scores.summary["pooled_panoptic_quality"] == pytest.approx(2 / (2 + 1 / 2 + 2 / 2))


def test_merges_and_splits_are_added_up() -> None:
    # truth  1 1 . 2     found  5 5 5 5: one merge;  found in reverse: one split
    merged = np.array([[5, 5, 5, 5]])
    scores = score_instances([("merge", TWO_CELLS, merged), ("split", merged, TWO_CELLS)] * 2)
    assert (scores.summary["merges"], scores.summary["splits"]) == (2, 2)
    counts = [(row["image"], row["merges"], row["splits"]) for row in scores.per_image]
    assert sorted(counts) == [("merge", 1, 0)] * 2 + [("split", 0, 1)] * 2


def test_each_row_holds_what_the_measures_give_alone() -> None:
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 9, (2, 20, 20)) * 10_000
    ignore = rng.random((20, 20)) < 0.2
    row = score_instances([Page("a", truth, found, ignore)]).per_image[0]
    mistakes = object_mistakes(truth, found, ignore)
    assert row["seg"] == seg_score(truth, found, ignore)
    assert row["aji"] == aggregated_jaccard_index(truth, found, ignore)
    assert row["panoptic_quality"] == panoptic_quality(truth, found, ignore).panoptic_quality
    assert row["mean_average_precision"] == mean_average_precision(truth, found, ignore)
    assert row["f1_50"] == match_objects(truth, found, ignore=ignore).f1
    assert (row["merges"], row["splits"]) == (mistakes.merging.size, mistakes.split.size)


def test_mean_average_precision_is_the_mean_of_the_ten() -> None:
    summary = score_instances(PAGES).summary
    ten = [summary[f"average_precision_{percent}"] for percent in range(50, 100, 5)]
    assert summary["mean_average_precision"] == pytest.approx(np.mean(ten))


def test_ignored_objects_change_no_score() -> None:
    ignore = np.array([[False, False, True, True]])
    spoilt = score_instances([Page("a", ONE_CELL, TWO_CELLS, ignore)])
    assert spoilt.summary == score_instances([("a", ONE_CELL, ONE_CELL)]).summary
    assert spoilt.summary["average_precision_50"] == 1


def test_more_than_65535_objects_with_gaps_between_their_ids_keep_apart() -> None:
    truth = np.arange(70_000, dtype=np.uint32).reshape(100, 700) * 50_000 + 1
    found = truth.copy()
    found[-1] = 0
    summary = score_instances([("many", truth, found)]).summary
    share = (70_000 - 700) / 70_000
    for key in ("average_precision_50", "mean_average_precision", "seg", "aji"):
        assert summary[key] == pytest.approx(share)
    assert summary["panoptic_quality"] == pytest.approx(2 * share / (1 + share))
    assert (summary["merges"], summary["pooled_count_error"]) == (0, -700)


def test_images_without_objects_are_perfect_if_nothing_is_invented() -> None:
    empty = ONE_CELL * 0
    summary = score_instances([("a", empty, empty)]).summary
    perfect = ("average_precision_50", "seg", "aji", "panoptic_quality", "pooled_panoptic_quality")
    assert [summary[key] for key in perfect] == [1] * 5
    summary = score_instances([("a", empty, empty), ("b", empty, ONE_CELL)]).summary
    assert (summary["seg"], summary["pooled_panoptic_quality"], summary["aji"]) == (0, 0, 0.5)


def test_an_iou_of_three_fifths_passes_060_but_not_065() -> None:
    truth, found = np.ones((1, 5), int), np.array([[2, 2, 2, 0, 0]])
    summary = score_instances([("cell", truth, found)]).summary
    assert summary["average_precision_60"] == summary["f1_60"] == 1
    assert summary["average_precision_65"] == summary["f1_65"] == 0
    assert summary["average_precision_95"] == 0


def test_an_iou_just_below_065_does_not_pass_it() -> None:
    truth = np.ones((1, 14), int)
    found = (np.arange(14) < 9)[None].astype(int)  # 9/14 = 0.643
    assert score_instances([("cell", truth, found)]).summary["average_precision_65"] == 0
