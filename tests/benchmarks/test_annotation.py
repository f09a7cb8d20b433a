"""Simulated annotators, and what the table says of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overtile.data.sample import Annotated
from overtile.data.targets import separate_touching

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import scripts that lie beside each other."""
    for folder in (BENCHMARKS, BENCHMARKS / "claims"):
        monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module


def image() -> Annotated:
    """Two objects that touch, and background beside them."""
    labels = np.zeros((80, 100), np.uint32)
    labels[20:60, 20:50] = 1
    labels[20:60, 50:80] = 2
    return Annotated(name="a", pixels=np.zeros((1, 80, 100), np.float32), labels=labels)


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_strokes_cover_as_much_as_asked_and_tell_the_truth(
    module: Callable[[str], Any], share: float
) -> None:
    whole = image()
    painted = module("strokes").with_strokes(whole, share, 0)
    assert painted.ignore is not None
    told = ~painted.ignore
    assert share < told.mean() < share + 0.05
    np.testing.assert_array_equal(painted.labels[told], separate_touching(whole.labels)[told])
    assert set(np.unique(painted.labels[told])) == {0, 1, 2}


def test_the_same_seed_paints_the_same_strokes(module: Callable[[str], Any]) -> None:
    paint = module("strokes").with_strokes
    one, again, other = (paint(image(), 0.1, seed).ignore for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()
