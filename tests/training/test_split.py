from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtile.errors import ConfigError
from overtile.training.split import (
    hold_out_fraction,
    hold_out_pages,
    keep_classes,
    shown_classes,
)


def test_a_fifth_of_thirty_pages_is_every_fifth_page() -> None:
    assert hold_out_fraction(30, 0.2) == [2, 7, 12, 17, 22, 27]


def test_a_small_share_of_three_images_still_holds_out_one() -> None:
    assert hold_out_fraction(3, 0.01) == [1]


@pytest.mark.parametrize("images", [0, 1, 2])
def test_nothing_is_held_out_of_fewer_than_three_images(images: int) -> None:
    assert hold_out_fraction(images, 0.99) == []


@pytest.mark.parametrize("images", [1, 3, 100])
def test_a_share_of_zero_holds_nothing_out(images: int) -> None:
    assert hold_out_fraction(images, 0) == []


@given(images=st.integers(3, 2000), fraction=st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_held_out_images_are_evenly_spread_and_leave_two_to_learn_from(
    images: int, fraction: float
) -> None:
    held_out = hold_out_fraction(images, fraction)
    assert 1 <= len(held_out) <= images - 2
    assert len(held_out) in {1, images - 2, round(images * fraction)}
    assert 0 <= held_out[0] <= held_out[-1] < images
    gaps = {after - before for before, after in pairwise(held_out)}
    assert min(gaps, default=1) >= 1
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_named_pages_come_back_in_order_and_once() -> None:
    assert hold_out_pages(range(5), [3, 0, 3]) == [0, 3]


def test_pages_keep_their_numbers_where_others_are_not_labelled() -> None:
    assert hold_out_pages([0, 1, 5, 6, 9], [6, 5]) == [2, 3]
    with pytest.raises(ConfigError, match=r"names page 2, and labelled are 0…1, 5…6, 9;"):
        hold_out_pages([0, 1, 5, 6, 9], [2])


def test_no_page_named_holds_nothing_out() -> None:
    assert hold_out_pages(range(5), []) == []


@pytest.mark.parametrize("page", [-1, 5, 100])
def test_a_page_that_does_not_exist_is_refused(page: int) -> None:
    with pytest.raises(ConfigError, match=f"names page {page}, and labelled are 0…4; .* from 0"):
        hold_out_pages(range(5), [0, page])


def test_holding_out_all_pages_is_refused() -> None:
    with pytest.raises(ConfigError, match="holds out all 2 pages; leave some to train on"):
        hold_out_pages(range(2), [0, 1, 1])


def test_the_background_is_no_class_that_an_image_shows() -> None:
    assert shown_classes(np.array([[0, 2], [2, 5]], np.uint32)) == {2, 5}


@pytest.mark.parametrize(
    ("shown", "held_out", "kept"),
    [
        ([{1, 2}, {1}, {2}, {1}], [2], [2]),  # nothing is lost
        ([{1}, {1, 2}, {1}], [1], [2]),  # only image 1 shows class 2, and image 0 class 1 before
        ([{1}, {1}, {2}, {2}, {1}], [2, 3], [1, 4]),  # both images of class 2 were held out
        ([{1}, {2}, {3}], [1], []),  # none can be spared
        ([set(), set(), {1}], [2], [1]),  # an image without classes can be spared
    ],
)
def test_no_class_is_held_out_altogether(
    shown: list[set[int]], held_out: list[int], kept: list[int]
) -> None:
    assert keep_classes([frozenset(one) for one in shown], held_out) == kept


def test_only_what_is_free_is_held_out_instead() -> None:
    shown = [frozenset({1}), frozenset({1}), frozenset({1}), frozenset({2}), frozenset({1})]
    assert keep_classes(shown, [3]) == [2]
    assert keep_classes(shown, [3], free=[3, 4]) == [4]
    assert keep_classes(shown, [3], free=[3]) == []


@given(
    shown=st.lists(st.frozensets(st.integers(1, 5)), min_size=3, max_size=12),
    fraction=st.floats(0.05, 0.95),
)
def test_whatever_is_held_out_every_class_is_learnt(
    shown: list[frozenset[int]], fraction: float
) -> None:
    held_out = keep_classes(shown, hold_out_fraction(len(shown), fraction))
    learnt = [one for number, one in enumerate(shown) if number not in held_out]
    assert frozenset[int]().union(*learnt) == frozenset[int]().union(*shown)
