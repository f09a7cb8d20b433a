from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from overtile.report.curves import MOST_POINTS, learning_curve, loss_curve, validation_curve

Losses = list[tuple[int, float, float, float]]


def falling(entries: int) -> Losses:
    """A loss that falls tenfold."""
    return [
        (10 * n, 2.0 * n, float(10 ** -(n / entries)), 1e-3 * (1 - n / entries))
        for n in range(1, entries + 1)
    ]


def test_nothing_is_drawn_of_nothing() -> None:
    assert loss_curve([]) == ""
    assert validation_curve([], "mean_dice", None) == ""


def test_drawings_are_well_formed_and_name_no_address() -> None:
    scores = [{"step": 1.0, "seconds": 60.0, "mean_dice": 0.5}]
    learning = [(1, 0.5, 0.4, 0.6), (2, 0.7, 0.6, 0.75), (4, 0.75, 0.7, 0.8)]
    drawings = (
        loss_curve(falling(50)),
        validation_curve(scores, "mean_dice", 1),
        learning_curve(learning, "mean_dice"),
    )
    for drawing in drawings:
        assert ET.fromstring(drawing).tag == "svg"
        assert "http" not in drawing
        assert "<style" not in drawing


def test_drawings_take_their_colours_from_the_page() -> None:
    drawing = loss_curve(falling(50))
    assert "var(--curve)" in drawing
    assert not re.search(r"#[0-9a-f]{6}[;\"]", drawing.replace('href="#', ""))


def test_the_loss_is_told_in_words() -> None:
    assert 'aria-label="Training loss: 0.955 at the start, 0.1' in loss_curve(falling(50))


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_left_out(loss: float) -> None:
    assert loss_curve([(1, 1.0, loss, 1e-3)]) == ""
    assert loss_curve([(1, 1.0, loss, 1e-3), (2, 2.0, 1.0, 1e-3)])


@pytest.mark.parametrize("loss", [0.0, -1.0, 0.5])
def test_any_single_loss_is_drawn(loss: float) -> None:
    assert "<svg" in loss_curve([(1, 0.0, loss, 0.0)])


def test_a_long_history_is_drawn_as_briefly_as_a_short_one() -> None:
    assert len(loss_curve(falling(50_000))) < 1.2 * len(loss_curve(falling(MOST_POINTS)))


def test_the_same_history_gives_the_same_drawing() -> None:
    assert loss_curve(falling(20)) == loss_curve(falling(20))


def test_the_best_validation_is_marked() -> None:
    scores = [
        {"step": step, "seconds": step * 60.0, "rand_error": error}
        for step, error in ((1.0, 0.3), (2.0, 0.1), (3.0, 0.2))
    ]
    drawing = validation_curve(scores, "rand_error", 2)
    assert "best 0.100" in drawing
    assert "Rand error of 3 validations. The best 0.100, at step 2." in drawing
    assert "The kept 0.200, at step 3." in validation_curve(scores, "rand_error", 3)
    assert "var(--best)" not in validation_curve(scores, "rand_error", None)


def test_a_learning_curve_tells_its_numbers_in_words() -> None:
    drawing = learning_curve([(1, 0.5, 0.4, 0.6), (12, 0.75, 0.7, 0.8)], "mean_dice")
    assert "Mean Dice by images learnt from: 0.500 from 1, 0.750 from 12." in drawing
    assert ">12<" in drawing.replace("\n", "").replace(" ", "")  # the mark below the last point


def test_validations_without_the_headline_are_left_out() -> None:
    assert validation_curve([{"step": 1.0, "seconds": 1.0}], "mean_dice", 1) == ""


def test_no_two_parts_of_two_drawings_share_an_id() -> None:
    scores = [{"step": 1.0, "seconds": 60.0, "mean_dice": 0.5}]
    both = loss_curve(falling(50)) + validation_curve(scores, "mean_dice", 1)
    ids = re.findall(r' id="([^"]*)"', both)
    assert len(set(ids)) == len(ids)
