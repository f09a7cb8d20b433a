"""The six kinds of mistakes, each drawn: `+` is invented, `-` is missed."""

from __future__ import annotations

import numpy as np
import pytest

from overtile.evaluation.isbi2012.mistakes import MISTAKES, count_mistakes
from overtile.evaluation.isbi2012.topology import objects_and_backgrounds


def mistakes(*rows: str) -> dict[str, int]:
    """Count mistakes of a drawing: `#` object, `.` background, `+` invented, `-` missed."""
    drawn = np.array([list(row) for row in rows])
    pieces = objects_and_backgrounds((drawn == "#") | (drawn == "-"))
    wrong = np.flatnonzero(np.pad((drawn == "+") | (drawn == "-"), 1))
    before = pieces.copy()
    counts = count_mistakes(pieces.ravel(), wrong, pieces.shape[1])
    assert np.array_equal(pieces, before)
    return {kind: count for kind, count in zip(MISTAKES, counts.tolist(), strict=True) if count}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["##+##"], {"merges": 1}),
        (["##-##"], {"splits": 1}),
        ([".+.", "...", "###"], {"objects_added": 1}),
        (["..-", "...", "###"], {"objects_removed": 1}),
        (["###", "#-#", "###"], {"holes_added": 1}),
        (["###", "#+#", "###"], {"holes_removed": 1}),
        # An arc closed into a ring, and a ring opened.
        (["###", "#.+", "###"], {"holes_added": 1}),
        (["###", "#.-", "###"], {"holes_removed": 1}),
        # Three cells merged at one place are one mistake, and so is a cell cut in three.
        (["#.#", "#+#", "..."], {"merges": 1}),
        (["##-", "#-#", "-##"], {"splits": 1}),
        # A ring drawn from nothing is first of all an object.
        (["+++", "+.+", "+++"], {"objects_added": 1}),
        # Two places are two mistakes.
        (["##+##", "##.##", "##+##"], {"merges": 2}),
        (["#########", "#-#####-#", "#########"], {"holes_added": 2}),
    ],
)
def test_a_mistake_is_named_by_what_it_does(rows: list[str], expected: dict[str, int]) -> None:
    assert mistakes(*rows) == expected


def test_missed_pixels_that_meet_at_a_corner_are_one_mistake() -> None:
    assert mistakes("####", "#-##", "##-#", "####") == {"holes_added": 1}


def test_invented_pixels_that_meet_at_a_corner_are_two() -> None:
    assert mistakes(".....", ".+...", "..+..", ".....") == {"objects_added": 2}


def test_missed_pixels_of_two_objects_are_two_mistakes() -> None:
    # They meet at a corner, but the one splits its object and the other is all of its own.
    assert mistakes(".#.", "#-.", "..-") == {"splits": 1, "objects_removed": 1}


def test_a_page_without_wrong_pixels_has_no_mistakes() -> None:
    assert mistakes("#.#") == {}
