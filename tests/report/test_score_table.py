from __future__ import annotations

import csv
from io import StringIO

import numpy as np
import pytest

from overtile.evaluation import TaskScores, score_classes
from overtile.report.score_table import over_images, scores_csv

ONE = np.array([[0, 1, 1, 1]])
BOTH = np.array([[0, 1, 2, 2]])


@pytest.fixture
def scores() -> TaskScores:
    """Three images, of which only the last shows class 2."""
    pages = [("a, b", ONE, ONE), ("ü", ONE, ONE * 0), ("c", BOTH, BOTH)]
    return score_classes(pages, ("background", "wall", "cell"))


def test_each_image_is_a_line_with_all_its_numbers(scores: TaskScores) -> None:
    lines = list(csv.DictReader(StringIO(scores_csv(scores))))
    assert [line["image"] for line in lines] == ["ü", "a, b", "c", "mean", "sd"]
    for line, row in zip(lines, scores.per_image, strict=False):
        assert {key: line[key] for key in row} == {key: str(value) for key, value in row.items()}


def test_the_last_lines_are_mean_and_sd_over_the_images_that_have_a_number(
    scores: TaskScores,
) -> None:
    *_, mean, sd = csv.DictReader(StringIO(scores_csv(scores)))
    assert float(mean["dice_wall"]) == pytest.approx(2 / 3)  # 1, 0 and 1
    assert float(sd["dice_wall"]) == pytest.approx((1 / 3) ** 0.5)
    assert (mean["dice_cell"], sd["dice_cell"]) == ("1.0", "")
    assert float(mean["mean_dice"]) == scores.spread.mean
    assert float(sd["mean_dice"]) == scores.spread.sd


def test_a_number_that_an_image_lacks_is_an_empty_cell(scores: TaskScores) -> None:
    first, *_ = csv.DictReader(StringIO(scores_csv(scores)))
    assert first["dice_cell"] == ""


def test_a_number_that_no_image_has_has_no_mean(scores: TaskScores) -> None:
    assert over_images(scores, "rand_error") == (None, None)


def test_a_name_that_is_no_text_can_be_written() -> None:
    scores = score_classes([("bad\udcff.tif", ONE, ONE)], ("background", "wall"))
    assert "bad?.tif" in scores_csv(scores)
