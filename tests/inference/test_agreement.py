"""How far two predictions agree."""

from __future__ import annotations

import numpy as np
import pytest

from overtile.arrays import Floats
from overtile.inference.agreement import HALF_PRECISION_GATE, Agreement, agreement


def of_foreground(values: list[float]) -> Floats:
    cell = np.array([values], np.float32)
    return np.stack([1 - cell, cell])


def test_equal_predictions_agree_wholly() -> None:
    one = of_foreground([0.1, 0.9])
    assert agreement(one, one) == Agreement(flipped=0, difference=0)


def test_a_pixel_that_changes_its_class_is_a_share_of_all() -> None:
    found = agreement(of_foreground([0.1, 0.51, 0.9, 0.9]), of_foreground([0.1, 0.49, 0.9, 0.9]))
    assert found.flipped == 1 / 4
    assert found.difference == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("flipped", "difference", "passes"),
    [(1e-3, 0.03, True), (1.1e-3, 0.0, False), (0.0, 0.031, False)],
)
def test_a_gate_is_passed_by_both_figures(flipped: float, difference: float, passes: bool) -> None:
    assert Agreement(flipped, difference).passes(HALF_PRECISION_GATE) == passes


def test_an_agreement_says_itself_in_words() -> None:
    assert str(Agreement(0.0005, 0.0123)) == (
        "0.05 % of the pixels change their class and no probability moves by more than 0.012"
    )
