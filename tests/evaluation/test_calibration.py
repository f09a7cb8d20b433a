"""Whether a network is right as often as it is sure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtile.errors import ImageError
from overtile.evaluation.calibration import BINS, reliability


def test_a_bin_holds_the_mean_confidence_and_the_share_that_is_right() -> None:
    found = reliability(np.array([0.91, 0.99, 0.65]), np.array([True, False, True]))
    assert found.pixels.tolist() == [0] * 6 + [1, 0, 0, 2]
    assert found.confidence[[6, 9]] == pytest.approx([0.65, 0.95])
    assert found.accuracy[[6, 9]] == pytest.approx([1.0, 0.5])
    assert found.error == pytest.approx((1 * 0.35 + 2 * 0.45) / 3)


def test_certainty_lies_in_the_last_bin() -> None:
    assert reliability(np.ones(3), np.ones(3, bool)).pixels[BINS - 1] == 3


def test_no_pixel_gives_no_error() -> None:
    assert reliability(np.zeros(0), np.zeros(0, bool)).error == 0


@given(st.integers(0, 2**32 - 1))
def test_a_network_that_is_as_sure_as_it_is_right_has_a_small_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.5, 1, 20_000)
    assert reliability(confidence, rng.random(20_000) < confidence).error < 0.03


def test_pixels_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ImageError, match="do not belong to"):
        reliability(np.ones(2), np.ones(3, bool))
