"""Simulated annotators, and what the table says of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overtile.arrays import Labels
from overtile.data.targets import separate_touching

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import scripts that lie beside each other."""
    for folder in (BENCHMARKS, BENCHMARKS / "annotation"):
        monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module


def two_objects() -> Labels:
    """Two that touch, and background beside them."""
    labels = np.zeros((80, 100), np.uint32)
    labels[20:60, 20:50] = 1
    labels[20:60, 50:80] = 2
    return labels


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_strokes_cover_as_much_as_asked_and_tell_the_truth(
    module: Callable[[str], Any], share: float
) -> None:
    whole = two_objects()
    strokes = module("brush").paint(whole, share, 0)
    told = strokes > 0
    assert share < told.mean() < share + 0.05
    np.testing.assert_array_equal(strokes[told] - 1, separate_touching(whole)[told])
    assert set(np.unique(strokes[told])) == {1, 2, 3}


def test_the_same_seed_paints_the_same_strokes(module: Callable[[str], Any]) -> None:
    paint = module("brush").paint
    one, again, other = (paint(two_objects(), 0.1, seed) > 0 for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()
