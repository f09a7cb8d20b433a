from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.errors import ImageError, PairError
from overtile.evaluation import TaskScores, score_classes, score_instances, score_isbi2012

ROW = np.array([[True, True, False, True, True, True]])
# Rand sums of `good` are 13, 13, 13; of `bad` at one half 7, 13, 7 (drawn in test_rand_sums.py).
GOOD = ROW.astype(np.float32)
BAD = np.array([[0.9, 0.9, 0.3, 0.9, 0.1, 0.9]], np.float32)

ONE_CELL = np.array([[1, 1, 0, 0]], np.uint32)
TWO_CELLS = np.array([[1, 1, 0, 2]], np.uint32)
Score: TypeAlias = Callable[[list[tuple[str, NDArray[Any], NDArray[Any]]]], TaskScores]
NAMES = ("background", "cell", "debris")


def some_scores() -> list[TaskScores]:
    return [
        score_isbi2012([("good", ROW, GOOD), ("bad", ROW, BAD)]),
        score_instances([("good", ONE_CELL, ONE_CELL), ("bad", ONE_CELL, TWO_CELLS)]),
        score_classes([("good", ONE_CELL, ONE_CELL), ("bad", ONE_CELL, TWO_CELLS)], NAMES),
    ]


def test_isbi_summary_is_computed_over_all_pages() -> None:
    scores = score_isbi2012([("good", ROW, GOOD), ("bad", ROW, BAD)])
    assert scores.summary == pytest.approx(
        {
            "rand_error": 1 - 2 * (13 + 7) / (13 + 13 + 13 + 7),
            "pixel_error": 1 / 12,
            # bad: {0,1} {2,4} {3} {5} for {0,1} {2} {3,4,5}: 2-4, 3-4, 3-5, 4-5 of 15 pairs
            "rand_index_error": (0 + 4 / 15) / 2,
            "rand_error_threshold": 0.5,
            "best_pixel_error": 1 / 12,
            "best_pixel_threshold": 0.5,
        }
    )
    assert list(scores.summary)[:2] == ["rand_error", "pixel_error"]


def test_isbi_rows_hold_the_worst_page_first() -> None:
    scores = score_isbi2012([("good", ROW, GOOD), ("bad", ROW, BAD)])
    assert [row["image"] for row in scores.per_image] == ["bad", "good"]
    worst = scores.per_image[0]
    assert worst["rand_error"] == pytest.approx(1 - 0.7)
    assert worst["pixel_error"] == pytest.approx(1 / 6)
    assert worst["rand_index_error"] == pytest.approx(4 / 15)


def test_spread_is_that_of_the_headline_over_images() -> None:
    scores = score_isbi2012([("good", ROW, GOOD), ("bad", ROW, BAD)])
    assert scores.spread.mean == pytest.approx(0.15)
    # Two values 0 and 0.3: sqrt((0.15² + 0.15²) / 1).
    assert scores.spread.sd == pytest.approx(0.15 * 2**0.5)


def test_a_single_image_has_no_spread() -> None:
    assert score_isbi2012([("bad", ROW, BAD)]).spread.sd == 0


def test_isbi_pages_may_differ_in_size() -> None:
    # Rand sums 7, 13, 7 of page a; page b is one cell of one pixel, found at one half.
    small = np.array([[True, False, False]])
    scores = score_isbi2012([("a", ROW, BAD), ("b", small, np.array([[0.8, 0.1, 0.1]]))])
    assert scores.summary["rand_error"] == pytest.approx(1 - 2 * (7 + 1) / (13 + 1 + 7 + 1))
    assert scores.summary["pixel_error"] == pytest.approx((1 + 0) / (6 + 3))


@pytest.mark.parametrize("scores", some_scores(), ids=lambda scores: scores.task)
def test_scores_become_json_and_come_back(scores: TaskScores) -> None:
    text = scores.model_dump_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no finite number"))
    assert TaskScores.model_validate_json(text) == scores


@pytest.mark.parametrize("scores", some_scores(), ids=lambda scores: scores.task)
def test_the_headline_leads_the_summary_is_in_each_row_and_explained(scores: TaskScores) -> None:
    assert next(iter(scores.summary)) == scores.headline
    assert all(scores.headline in row for row in scores.per_image)
    assert scores.headline.replace("_50", "").split("_")[-1] in scores.convention


@pytest.mark.parametrize(
    ("score", "truth"),
    [
        (score_isbi2012, ROW),
        (score_instances, ONE_CELL),
        (lambda pages: score_classes(pages, NAMES), ONE_CELL),
    ],
)
def test_a_wrong_shape_is_refused_with_the_image_named(score: Score, truth: NDArray[Any]) -> None:
    wrong = np.zeros((5, 5), truth.dtype)
    message = rf"second.tif: the truth has shape \(1, {truth.size}\) but .* \(5, 5\); compare"
    with pytest.raises(ImageError, match=message):
        score([("first.tif", truth, truth), ("second.tif", truth, wrong)])


@pytest.mark.parametrize(
    "score", [score_isbi2012, score_instances, lambda pages: score_classes(pages, NAMES)]
)
def test_scoring_nothing_is_refused(score: Score) -> None:
    with pytest.raises(PairError, match="no image to score; give at least one"):
        score([])


def test_a_diverged_network_is_refused_with_the_image_named() -> None:
    with pytest.raises(ImageError, match=r"page 7: the foreground probability .*nan"):
        score_isbi2012([("page 7", ROW, np.full(ROW.shape, np.nan))])


def test_a_stack_in_place_of_a_page_is_refused() -> None:
    with pytest.raises(ImageError, match=r"a.tif: .* \(Y, X\), not \(1, 1, 6\); give the pages"):
        score_isbi2012([("a.tif", ROW[None], GOOD[None])])


def test_scoring_loads_neither_torch_nor_scikit_image() -> None:
    code = (
        "import sys, overtile.evaluation;"
        "sys.exit(' '.join({'torch', 'skimage'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
