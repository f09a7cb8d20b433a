from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from overtile.cli.output import emit, numbers, table
from overtile.errors import OutputError


def test_without_json_a_summary_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    emit(["one", "two"], {"a": 1}, None)
    assert capsys.readouterr().out == "one\ntwo\n"


def test_json_on_standard_output_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    emit(["one"], {"name": "µ"}, "-")
    assert json.loads(capsys.readouterr().out) == {"name": "µ"}


def test_json_in_a_file_leaves_the_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    emit(["one"], {"a": [1, None]}, str(tmp_path / "new folder" / "a.json"))
    content = (tmp_path / "new folder" / "a.json").read_text("utf-8")
    assert json.loads(content) == {"a": [1, None]}
    assert capsys.readouterr().out == "one\n"


def test_the_summary_is_told_even_where_the_json_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        emit(["hours of work"], {}, str(tmp_path))
    assert capsys.readouterr().out == "hours of work\n"


def test_a_summary_is_shown_without_what_controls_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit(["a\n\x1b[31m.tif  3 found"], {}, None)
    assert capsys.readouterr().out == "a\\n\\x1b[31m.tif  3 found\n"


def test_a_summary_of_nothing_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit([], {}, None)
    assert capsys.readouterr().out == ""


def test_a_number_that_is_none_never_becomes_json() -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        emit([], {"loss": math.nan}, "-")


def test_a_table_aligns_values() -> None:
    assert table([("a", "1"), ("long", "2")]) == ["a     1", "long  2"]
    assert table([]) == []


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("rand_error", 0.123456, "0.1235"),
        ("rand_error", 1.0, "1.0000"),
        ("pooled_true_positives_50", 1.0, "1"),
        ("pooled_false_negatives_50", 0.0, "0"),
        ("pooled_count_error", -3.0, "-3"),
    ],
)
def test_scores_are_rounded_and_counts_are_whole(name: str, value: float, shown: str) -> None:
    assert numbers({name: value}) == [(name, shown)]


def test_of_many_thresholds_a_person_sees_two() -> None:
    scores = {f"average_precision_{iou}": 0.5 for iou in range(50, 100, 5)}
    assert [name for name, _ in numbers(scores)] == [
        "average_precision_50",
        "average_precision_75",
    ]
