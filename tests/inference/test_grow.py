"""Cores that grow back to the rims of their objects."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.inference.grow import grow

cores_of = arrays(np.uint32, (9, 11), elements=st.sampled_from([0, 0, 0, 0, 0, 1, 2, 5]))
masks = arrays(bool, (9, 11))


def row(*ids: int) -> Labels:
    return np.array([ids], np.uint32)


def everywhere(cores: Labels) -> NDArray[np.bool_]:
    return np.ones(cores.shape, bool)


def grown_by_hand(cores: Labels, mask: NDArray[np.bool_], rounds: int) -> Labels:
    """Grow with shifted copies of the whole image."""
    labels = cores.astype(np.int64)
    for number in range(rounds):
        shifts = [(0, 1), (0, -1), (1, 0), (-1, 0)]
        shifts += [(1, 1), (1, -1), (-1, 1), (-1, -1)] if number % 2 else []
        far = np.iinfo(np.int64).max
        padded = np.pad(np.where(labels > 0, labels, far), 1, constant_values=far)
        beside = np.min(
            [
                padded[1 + y : 1 + y + labels.shape[0], 1 + x : 1 + x + labels.shape[1]]
                for y, x in shifts
            ],
            axis=0,
        )
        joins = mask & (labels == 0) & (beside < far)
        labels = np.where(joins, beside, labels)
    return labels.astype(np.uint32)


@settings(max_examples=60, deadline=None)
@given(cores_of, masks, st.integers(0, 5))
def test_a_pixel_joins_the_lowest_id_beside_it_round_by_round(
    cores: Labels, mask: NDArray[np.bool_], rounds: int
) -> None:
    np.testing.assert_array_equal(grow(cores, mask, rounds), grown_by_hand(cores, mask, rounds))


def test_nothing_grows_across_a_gap_of_the_mask() -> None:
    cores, mask = row(1, 0, 0, 0), np.array([[True, True, False, True]])
    assert grow(cores, mask, 3).tolist() == [[1, 1, 0, 0]]


def test_a_single_pixel_becomes_an_octagon() -> None:
    cores = np.zeros((7, 7), np.uint32)
    cores[3, 3] = 1
    grown = grow(cores, everywhere(cores), 3)
    assert [line.sum() for line in grown] == [3, 5, 7, 7, 7, 5, 3]


def test_two_cores_meet_in_the_middle_and_the_lower_id_takes_a_tie() -> None:
    cores = row(2, 0, 0, 0, 1)
    assert grow(cores, everywhere(cores), 2).tolist() == [[2, 2, 1, 1, 1]]


def test_growth_ends_with_its_rounds() -> None:
    cores = row(3, 0, 0, 0)
    assert grow(cores, everywhere(cores), 2).tolist() == [[3, 3, 3, 0]]


def test_cores_stay_as_they_were_even_outside_the_mask() -> None:
    cores = row(1, 0, 2)
    assert grow(cores, np.zeros((1, 3), bool), 3).tolist() == cores.tolist()


@settings(max_examples=30, deadline=None)
@given(cores_of, masks, st.integers(1, 3), st.integers(0, 8))
def test_what_is_farther_away_than_the_rounds_changes_nothing(
    cores: Labels,
    mask: NDArray[np.bool_],
    rounds: int,
    first: int,
) -> None:
    window = slice(max(0, first - rounds), first + 1 + rounds)
    part = grow(cores[window], mask[window], rounds)
    np.testing.assert_array_equal(part[first - window.start], grow(cores, mask, rounds)[first])
