"""Which regions to annotate next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtile.arrays import Floats
from overtile.config import NetworkConfig
from overtile.inference import suggest as suggesting
from overtile.inference.predict import Predictor
from overtile.inference.suggest import cut_regions, disagreement, looks, rank
from overtile.model.unet import UNet


class Seen(Predictor):
    """Says of each pixel what its grey value says, or what its place says."""

    def probabilities(self, pixels: Floats, on_share: object = None) -> Floats:
        return np.stack([1 - pixels[0], pixels[0]])


class Rows(Seen):
    """Takes upper rows for objects, whatever they show."""

    def probabilities(self, pixels: Floats, on_share: object = None) -> Floats:
        inside = np.zeros(pixels.shape[1:], np.float32)
        inside[: len(inside) // 2] = 1
        return np.stack([1 - inside, inside])


def network() -> UNet:
    return UNet(1, 2, NetworkConfig(base_channels=1, depth=1))


def test_views_that_agree_leave_no_doubt_however_unsure_they_are() -> None:
    pixels = np.random.default_rng(0).uniform(0, 1, (1, 6, 9)).astype(np.float32)
    doubt, probabilities = disagreement(Seen(network=network()), pixels)
    np.testing.assert_allclose(doubt, 0, atol=1e-5)
    np.testing.assert_allclose(probabilities[1], pixels[0], atol=1e-6)


def test_views_that_contradict_each_other_are_one_bit_apart() -> None:
    doubt, probabilities = disagreement(Rows(network=network()), np.zeros((1, 8, 8), np.float32))
    # Seen from all sides, each pixel lies in the upper half as often as not.
    np.testing.assert_allclose(probabilities, 0.5)
    np.testing.assert_allclose(doubt, 1, atol=1e-6)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200))
def test_regions_cover_the_image_once(height: int, width: int, side: int) -> None:
    seen = np.zeros((height, width), int)
    for region in cut_regions((height, width), side):
        seen[region.rows, region.columns] += 1
    assert (seen == 1).all()


def test_regions_are_about_as_large_as_asked() -> None:
    sides = [region.shape for region in cut_regions((512, 700), 256)]
    assert set(sides) == {(256, 233), (256, 234)}


def looking(*values: float) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Give regions that one number describes."""
    return [np.array([value]) for value in values]


def test_the_first_region_looks_like_most_of_the_others() -> None:
    assert rank(looking(9, 0, 0.1, 0.2, -9), 1) == [2]


def test_one_of_each_kind_comes_before_a_second_of_the_same() -> None:
    # Three of one kind, two of another, one of a third.
    chosen = rank(looking(0, 0.1, 0.2, 30, 30.1, -30), 6)
    assert chosen[0] == 1
    assert chosen[1] in {3, 4}
    assert chosen[2] == 5
    assert set(chosen[3:]) == {0, 2, 7 - chosen[1]}


def test_a_kind_that_is_annotated_already_waits() -> None:
    regions = looking(0, 0.1, 0.2, 30)
    assert rank(regions, 1) == [1]
    assert rank(regions, 1, known=looking(0.1)) == [3]


def test_a_region_of_many_that_are_not_served_can_still_be_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suggesting, "_MOST_SERVED", 3)
    chosen = rank(looking(*range(10)), 10)
    assert sorted(chosen) == list(range(10))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_each_choice_adds_most_to_how_well_all_are_stood_for(values: list[float]) -> None:
    table = np.array(values)
    table = (table - table.mean()) / (table.std() or 1)
    alike = np.exp(-4 * (table[:, None] - table) ** 2)
    chosen = rank(looking(*values), len(values))
    for number in range(len(chosen)):
        stood_for = [alike[:, [*chosen[:number], one]].max(axis=1).sum() for one in chosen]
        assert stood_for[number] >= max(stood_for[number:]) - 1e-9


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_no_region_is_suggested_twice(count: int) -> None:
    chosen = rank([np.zeros(3)] * 9, count)
    assert len(chosen) == len(set(chosen)) == min(count, 9)


def test_looks_tell_bright_from_dark_and_rough_from_smooth() -> None:
    flat = np.full((2, 30, 30), 0.5, np.float32)
    bright = np.full((1, 30, 30), 0.9, np.float32)
    rough = np.random.default_rng(0).uniform(-1, 1, (1, 30, 30)).astype(np.float32)
    told = [looks(pixels, flat) for pixels in (bright, -bright, rough)]
    assert len({tuple(one) for one in told}) == 3
    assert all(one.shape == told[0].shape for one in told)


def test_a_region_of_one_column_can_be_described() -> None:
    narrow = np.ones((1, 30, 1), np.float32)
    assert np.isfinite(looks(narrow, np.ones((2, 30, 1), np.float32))).all()
