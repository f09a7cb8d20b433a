"""Colours of classes: chosen by the user, or told apart by everyone."""

from __future__ import annotations

import re

import pytest

from overtile.colours import COLOUR_PATTERN, MOST_CLASSES, REGION_COLOURS, class_colours


def test_classes_have_the_colours_that_the_user_writes() -> None:
    assert class_colours(("#ff8000", "#0A0b0C"), 3) == ((255, 128, 0), (10, 11, 12))


def test_without_a_choice_the_first_classes_have_the_colours_of_objects() -> None:
    assert class_colours((), 8) == REGION_COLOURS


def test_colours_come_again_darker_and_then_as_they_were() -> None:
    colours = class_colours((), 2 + MOST_CLASSES)
    assert len(set(colours)) == MOST_CLASSES
    assert colours[7] == (55, 117, 151)
    assert colours[MOST_CLASSES] == colours[0]


@pytest.mark.parametrize("text", ["ff8000", "#ff800", "#ff80000", "#gg8000", "orange", ""])
def test_what_is_no_colour_is_not_taken_for_one(text: str) -> None:
    assert not re.fullmatch(COLOUR_PATTERN, text)
