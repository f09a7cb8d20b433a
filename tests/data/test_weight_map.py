from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.config import LossConfig
from overtile.data.weight_map import (
    NEGLIGIBLE_WEIGHT,
    border_weight_map,
    reach_px,
    two_nearest_distances,
)
from overtile.errors import ImageError

ANY_LABELS = arrays(
    np.uint32,
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    elements=st.sampled_from([0, 1, 2, 3, 70_000, (1 << 32) - 1]),
    fill=st.just(np.uint32(0)),
)


def drawn(*rows: str) -> NDArray[np.uint32]:
    """One digit a pixel; a point is background."""
    return np.array([[int(c) for c in row.replace(".", "0")] for row in rows], np.uint32)


def eq_2(d1: float, d2: float, w0: float = 10, sigma: float = 5) -> float:
    return w0 * math.exp(-((d1 + d2) ** 2) / (2 * sigma**2))


def naive(labels: NDArray[np.uint32], config: LossConfig) -> NDArray[np.float64]:
    """One distance transform per object, all sorted."""
    ids = np.unique(labels[labels > 0])
    if ids.size < 2:
        return np.zeros(labels.shape)
    distances = np.sort([ndi.distance_transform_edt(labels != i) for i in ids], axis=0)
    total = distances[0] + distances[1]
    return np.where(labels > 0, 0, config.w0 * np.exp(-(total**2) / (2 * config.sigma_px**2)))


@pytest.mark.parametrize(
    ("labels", "pixel", "d1", "d2"),
    [
        # The pixel is marked by its index; distances are counted by hand.
        (drawn("1.2"), (0, 1), 1, 1),
        (drawn("1..2"), (0, 1), 1, 2),
        (drawn("1....2"), (0, 2), 2, 3),
        (drawn("1.", ".2"), (0, 1), 1, 1),
        (drawn("1..", "...", "..2"), (1, 1), math.sqrt(2), math.sqrt(2)),
        (drawn("1..", "...", "..2"), (0, 1), 1, math.sqrt(5)),
        (drawn("1...", "....", "....", "...2"), (1, 2), math.sqrt(5), math.sqrt(5)),
        # Two pieces of one object are one object, however near.
        (drawn("1.1..2"), (0, 1), 1, 4),
        # The third nearest does not count.
        (drawn("1.2", "...", "3.."), (0, 1), 1, 1),
        (drawn("1.2", "...", "3.."), (1, 0), 1, 1),
        # Objects that touch have background beside them, too.
        (drawn("12", ".."), (1, 0), 1, math.sqrt(2)),
    ],
)
def test_a_pixel_weighs_what_eq_2_says(
    labels: NDArray[np.uint32], pixel: tuple[int, int], d1: float, d2: float
) -> None:
    assert border_weight_map(labels)[pixel] == pytest.approx(eq_2(d1, d2), rel=1e-6)


def test_height_and_width_are_those_of_the_settings() -> None:
    config = LossConfig(w0=50, sigma_px=6)
    weight = border_weight_map(drawn("1..2"), config)[0, 1]
    assert weight == pytest.approx(eq_2(1, 2, w0=50, sigma=6), rel=1e-6)


@settings(max_examples=150, deadline=None)
@given(labels=ANY_LABELS, w0=st.sampled_from([0.1, 1, 10, 50]), sigma_px=st.floats(0.3, 12))
def test_weights_are_those_of_one_distance_transform_per_object(
    labels: NDArray[np.uint32], w0: float, sigma_px: float
) -> None:
    config = LossConfig(w0=w0, sigma_px=sigma_px)
    expected, weights = naive(labels, config), border_weight_map(labels, config)
    uncut = expected > 1.001 * NEGLIGIBLE_WEIGHT
    np.testing.assert_allclose(weights[uncut], expected[uncut], rtol=2**-23)
    np.testing.assert_allclose(weights, expected, rtol=2**-23, atol=NEGLIGIBLE_WEIGHT)
    assert weights.dtype == np.float32


@pytest.mark.parametrize("shape", [(120, 150), (1, 300), (300, 1)])
def test_many_objects_weigh_the_same_as_by_one_distance_transform_each(
    shape: tuple[int, int],
) -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(shape) < 0.02, rng.integers(1, 60, shape), 0).astype(np.uint32)
    config = LossConfig()
    np.testing.assert_allclose(
        border_weight_map(labels, config), naive(labels, config), rtol=2**-23, atol=1e-8
    )


@settings(max_examples=50, deadline=None)
@given(labels=ANY_LABELS)
def test_weights_are_zero_inside_objects_and_never_above_w0(labels: NDArray[np.uint32]) -> None:
    weights = border_weight_map(labels)
    assert not weights[labels > 0].any()
    assert weights.min() >= 0
    assert weights.max() <= 10


@settings(max_examples=50, deadline=None)
@given(labels=ANY_LABELS)
def test_turning_the_image_turns_the_weights(labels: NDArray[np.uint32]) -> None:
    np.testing.assert_array_equal(
        border_weight_map(np.rot90(labels)), np.rot90(border_weight_map(labels))
    )


@pytest.mark.parametrize(
    "labels", [drawn("....", "...."), drawn(".1..", "...1"), drawn("22", "22")]
)
def test_fewer_than_two_objects_weigh_nothing(labels: NDArray[np.uint32]) -> None:
    np.testing.assert_array_equal(border_weight_map(labels), 0)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32])
def test_ids_beyond_sixteen_bits_are_objects_of_their_own(dtype: type[np.integer]) -> None:
    labels = np.array([[1, 0, 65537]], dtype)  # equal in their lower 16 bits
    assert border_weight_map(labels)[0, 1] == pytest.approx(eq_2(1, 1), rel=1e-6)


def test_w0_of_zero_weighs_nothing() -> None:
    np.testing.assert_array_equal(border_weight_map(drawn("1.2"), LossConfig(w0=0)), 0)


@pytest.mark.parametrize(("w0", "sigma_px"), [(10, 5), (50, 6), (1, 0.3), (1e-8, 5)])
def test_two_objects_at_the_reach_weigh_next_to_nothing(w0: float, sigma_px: float) -> None:
    reach = reach_px(LossConfig(w0=w0, sigma_px=sigma_px))
    assert eq_2(0, reach, w0, sigma_px) <= NEGLIGIBLE_WEIGHT * (1 + 1e-9)
    assert reach <= 1 or eq_2(0, reach - 1, w0, sigma_px) > NEGLIGIBLE_WEIGHT


def test_distances_within_reach_are_exact_and_others_are_beyond_it() -> None:
    labels = drawn("1......2..........3")
    nearest, second = two_nearest_distances(labels, reach=6)
    np.testing.assert_array_equal(nearest[0, :8], [0, 1, 2, 3, 3, 2, 1, 0])
    np.testing.assert_array_equal(second[0, 1:7], [6, 5, 4, 4, 5, 6])
    assert (second[0, 8:12] > 6).all()


@pytest.mark.parametrize("shape", [(2, 3, 3), (9,)])
def test_anything_but_one_page_is_refused_with_advice(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"shape \(Y, X\), got .*; pass one frame or one z-slice"):
        border_weight_map(np.zeros(shape, int))
