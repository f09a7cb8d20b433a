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
from overtile.evaluation.scores import Row, task_scores

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


def test_spread_is_that_of_the_headline_over_images() -> None:
    scores = score_isbi2012([("good", ROW, GOOD), ("bad", ROW, BAD)])
    assert scores.spread.mean == pytest.approx(0.15)
    # Two values 0 and 0.3: sqrt((0.15² + 0.15²) / 1).
    assert scores.spread.sd == pytest.approx(0.15 * 2**0.5)


def test_a_single_image_has_no_spread() -> None:
    spread = score_isbi2012([("bad", ROW, BAD)]).spread
    assert (spread.sd, spread.low, spread.high) == (0, 0, 1)


def test_the_mean_is_as_sure_as_students_t_says() -> None:
    rows: list[Row] = [{"image": f"{n}", "dice": value} for n, value in enumerate((0.7, 0.8, 0.9))]
    spread = task_scores("classes", "", {"dice": 0.8}, rows, lower_is_better=False).spread
    reach = 4.302653 * 0.1 / 3**0.5  # t of two degrees of freedom, 97.5 %
    assert spread.low == pytest.approx(0.8 - reach)
    assert spread.high == 1  # 1.048


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


def test_scoring_loads_neither_torch_nor_scikit_image() -> None:
    code = (
        "import sys, overtile.evaluation;"
        "sys.exit(' '.join({'torch', 'skimage'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
