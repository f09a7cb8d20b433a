from __future__ import annotations

import numpy as np
import pytest

from overtile.evaluation import score_classes, score_instances, score_isbi2012
from overtile.report import words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rand_error", "Rand error"),
        ("mean_dice", "Mean Dice"),
        ("f1_75", "F1 at IoU 0.75"),
        ("pooled_count_error", "Predicted minus true objects, all images"),
        ("iou_cell wall", "IoU: cell wall"),
        ("hausdorff95_px_wall", "Hausdorff distance (95 %), px: wall"),
        ("something_new", "Something new"),
    ],
)
def test_a_score_has_a_name_in_words(name: str, expected: str) -> None:
    assert words.title(name) == expected


def test_half_overlap_goes_without_saying_in_brief() -> None:
    assert words.brief("false_positives_50") == "Objects invented"
    assert words.brief("f1_75") == "F1 at IoU 0.75"


def test_every_headline_has_a_meaning() -> None:
    assert set(words.MEANINGS) == {"average_precision_50", "rand_error", "mean_dice"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rand_error", "lower"),
        ("false_negatives_50", "lower"),
        ("count_error", "near 0"),
        ("best_pixel_threshold", ""),
        ("mean_dice", "higher"),
        ("absolute_count_error", "lower"),
        ("merges", "lower"),
        ("warping_holes_added", "lower"),
        ("v_rand_merge", "higher"),
        ("hausdorff95_px_wall", "lower"),
        ("true_area_px_wall", ""),
        ("dice_false_positive cell", "higher"),
    ],
)
def test_a_score_says_which_way_it_improves(name: str, expected: str) -> None:
    assert words.better(name) == expected


def test_scores_at_stricter_overlap_are_not_principal() -> None:
    assert words.is_principal("average_precision_50")
    assert not words.is_principal("average_precision_75")


def test_counts_are_whole_and_their_averages_have_a_decimal() -> None:
    assert words.score("count_error", -3) == "\N{MINUS SIGN}3"
    assert words.average("count_error", -2.5) == "\N{MINUS SIGN}2.5"
    assert words.average("f1_50", 0.5) == "0.500"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (59, "59 s"), (600, "10.0 min"), (7260, "2 h 1 min")]
)
def test_durations_suit_their_length(seconds: float, expected: str) -> None:
    assert words.duration(seconds) == expected


def test_thousands_are_set_apart() -> None:
    assert words.count(31030658).split("\N{NARROW NO-BREAK SPACE}") == ["31", "030", "658"]


def test_a_date_that_is_none_stays() -> None:
    assert words.date("yesterday") == "yesterday"


def test_every_score_of_every_task_has_a_title() -> None:
    truth = np.eye(8, dtype=np.uint32)
    scores = [
        score_instances([("a", truth, truth)]),
        score_isbi2012([("a", truth > 0, truth.astype(float))]),
        score_classes([("a", truth, truth)], ["background", "line"]),
    ]
    titles = [words.title(name) for one in scores for name in one.summary]
    assert all("_" not in title for title in titles)
    assert len(set(titles)) == len(titles)
