"""How likely a pixel is of another class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from overtile.inference.doubt import soften, uncertainty

LOGITS = np.random.default_rng(0).normal(scale=3, size=(4, 20, 30)).astype(np.float32)


@given(st.floats(0.3, 8))
def test_softening_divides_the_logits(temperature: float) -> None:
    expected = softmax(LOGITS / temperature, axis=0)
    found = soften(softmax(LOGITS, axis=0), temperature)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_certain_probabilities_stay_numbers() -> None:
    sure = np.array([[[1.0]], [[0.0]]], np.float32)
    for temperature in (0.25, 1, 10):
        assert np.isfinite(soften(sure, temperature)).all()
    assert uncertainty(sure)[0, 0] == pytest.approx(0, abs=1e-6)


def test_a_coin_is_as_uncertain_as_two_classes_can_be() -> None:
    even = np.full((2, 1, 1), 0.5, np.float32)
    assert uncertainty(even, 3.0)[0, 0] == 0.5


def test_a_higher_temperature_is_less_sure() -> None:
    probabilities = softmax(LOGITS, axis=0)
    assert (uncertainty(probabilities, 2.0) > uncertainty(probabilities, 1.0)).mean() > 0.99
