from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overtile.cli.score_lines import check_targets, score_lines
from overtile.errors import ConfigError, OutputError
from overtile.evaluation import TaskScores, score_instances
from overtile.evaluation.scores import Spread

ONE, TWO = np.array([[1, 0, 0]]), np.array([[1, 0, 2]])


def many(numbers: int, name: str = "number") -> TaskScores:
    summary = {f"{name}_{place}": 0.5 for place in range(numbers)}
    return TaskScores(
        task="classes",
        convention="Each is one half. " * 20,
        headline=f"{name}_0",
        summary=summary,
        spread=Spread(mean=0.5, sd=0.0),
        per_image=[{"image": f"{image}" * 60, **summary} for image in "abcdefgh"],
    )


@pytest.mark.parametrize("numbers", [1, 5, 12, 13, 40])
def test_all_numbers_are_told_and_no_line_is_too_long(numbers: int) -> None:
    lines = score_lines(many(numbers))
    assert max(map(len, lines)) <= 80
    told = "\n".join(lines[: lines.index("")]).split()
    assert told.count("0.5000") == numbers
    assert len(lines[: lines.index("")]) <= max(12, -(-numbers // 2))


def test_the_headline_comes_first_with_its_mean_and_sd() -> None:
    lines = score_lines(score_instances([("a", TWO, ONE), ("b", TWO, TWO)]))
    assert lines[0].startswith("average_precision_50")
    assert "average_precision_50: mean 0.7500, SD 0.3536 over images" in lines
    # Two images tell hardly anything of others.
    assert "  the mean over images like these: 0.0000 to 1.0000 with 95 % confidence" in lines


def test_numbers_that_are_not_shown_are_counted() -> None:
    scores = score_instances([("a", TWO, ONE)])
    lines = score_lines(scores)
    finer = sum(name[-3:] in {f"_{iou}" for iou in (55, 60, 65, 70, 80, 85, 90, 95)}
                for name in scores.summary)  # fmt: skip
    assert f"and {finer} numbers at other overlaps: --json or --csv" in lines


def test_the_worst_images_are_a_table_that_counts_first() -> None:
    lines = score_lines(score_instances([("good", TWO, TWO), ("bad", TWO, ONE)]))
    place = lines.index("worst images:")
    assert lines[place + 1].split()[:3] == ["image", "average_precision_50", "merges"]
    assert [line.split()[0] for line in lines[place + 2 : place + 4]] == ["bad", "good"]


def test_five_images_with_long_names_are_shown_by_both_ends() -> None:
    lines = score_lines(many(3))
    shown = lines[lines.index("worst images:") + 2 :][:6]
    assert [line[:30] for line in shown[:5]] == [f"{a * 13}...{a * 13}".ljust(30) for a in "abcde"]
    assert shown[5] == ""


def test_names_too_long_for_two_columns_stay_in_one() -> None:
    lines = score_lines(many(20, "a_very_long_name_of_a_number_of_a_class"))
    assert lines[19].split() == ["a_very_long_name_of_a_number_of_a_class_19", "0.5000"]


def test_a_number_that_an_image_lacks_is_a_dash() -> None:
    scores = many(1).model_copy(
        update={
            "per_image": [{"image": "a", "number_0": 0.5}, {"image": "b", "number_0": 1.0, "n": 3}]
        }
    )
    lines = score_lines(scores)
    place = lines.index("worst images:")
    assert [line.split() for line in lines[place + 1 : place + 4]] == [
        ["image", "number_0", "n"],
        ["a", "0.5000", "-"],
        ["b", "1.0000", "3.0000"],
    ]


def test_places_for_results_are_made_before_the_work(tmp_path: Path) -> None:
    check_targets(tmp_path / "a" / "b.html", tmp_path / "c" / "d.csv", "images")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


@pytest.mark.parametrize(
    ("page", "csv", "images", "told"),
    [
        ("cell.tif", None, None, r"--page .*cell\.tif is no name of a \.html file"),
        (None, "truth.png", None, r"--csv .*truth\.png is no name of a \.csv file"),
        (None, None, "images", "--images are shown on a page, and none is asked for"),
    ],
)
def test_places_that_would_be_a_mistake_are_refused(
    tmp_path: Path, page: str | None, csv: str | None, images: str | None, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        check_targets(page and tmp_path / page, csv and tmp_path / csv, images)  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_made_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: is not a folder that can be written to"):
        check_targets(tmp_path / "file" / "page.html", None, None)
