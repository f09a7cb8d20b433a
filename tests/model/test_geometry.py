"""Geometry in closed form, against following one side through the network."""

from __future__ import annotations

from itertools import pairwise

import pytest

from overtile.errors import ConfigError
from overtile.model.geometry import (
    context_px,
    is_legal_input,
    output_size,
    pooling_factor,
    smallest_input,
    tile_step_px,
)

every_depth = pytest.mark.parametrize("depth", range(1, 7))


def followed(side: int, depth: int) -> int:
    """Follow one side through figure 1; 0 if a pooling sees an odd side or nothing is left."""
    for _ in range(depth):
        side -= 4
        if side <= 0 or side % 2 == 1:
            return 0
        side //= 2
    side -= 4
    for _ in range(depth):
        side = 2 * side - 4
        if side <= 0:
            return 0
    return side


def followed_in_bins(side: int, depth: int, binning: int) -> int:
    """Follow a side that is binned first, and of whose logits one bin is lost at each end."""
    inside = followed(side // binning, depth) if side % binning == 0 else 0
    return max(0, binning * (inside - 2))


def sides(depth: int) -> range:
    """Give all sides up to a few poolings above the smallest legal one."""
    return range(-8, 16 << depth)


def legal_sides(depth: int) -> list[int]:
    return [side for side in sides(depth) if followed(side, depth)]


@every_depth
def test_legal_sides_are_those_that_stay_even_and_positive(depth: int) -> None:
    assert [side for side in sides(depth) if is_legal_input(side, depth)] == legal_sides(depth)
    assert len(legal_sides(depth)) > 2


@every_depth
def test_output_size_is_what_is_left_of_a_legal_side(depth: int) -> None:
    for side in legal_sides(depth):
        assert output_size(side, depth) == followed(side, depth)


@every_depth
def test_context_is_half_of_what_any_legal_side_loses(depth: int) -> None:
    lost = {side - followed(side, depth) for side in legal_sides(depth)}
    assert lost == {2 * context_px(depth)}


@every_depth
def test_smallest_input_is_the_smallest_that_gives_enough(depth: int) -> None:
    legal = legal_sides(depth)
    for output in range(1, followed(legal[-1], depth) + 1):
        enough = [side for side in legal if followed(side, depth) >= output]
        assert smallest_input(output, depth) == enough[0]


@pytest.mark.parametrize("binning", [2, 4, 8])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_all_of_it_holds_for_bins(depth: int, binning: int) -> None:
    grid = (depth, binning)
    everything = range(-8, 20 * binning << depth)
    legal = [side for side in everything if followed_in_bins(side, *grid)]
    assert [side for side in everything if is_legal_input(side, *grid)] == legal
    outputs = {side: followed_in_bins(side, *grid) for side in legal}
    assert {side: output_size(side, *grid) for side in legal} == outputs
    assert {side - output for side, output in outputs.items()} == {2 * context_px(*grid)}
    assert {b - a for a, b in pairwise(legal)} == {pooling_factor(*grid)}
    for output in range(1, outputs[legal[-1]] + 1):
        assert smallest_input(output, *grid) == min(s for s in legal if outputs[s] >= output)
    assert tile_step_px(100, *grid) == 100 // pooling_factor(*grid) * pooling_factor(*grid)


def test_an_illegal_side_in_bins_is_refused_with_the_next_legal_one() -> None:
    with pytest.raises(ConfigError, match=r"depth 4 and bins of 2 px; the next side .* is 408 px"):
        output_size(400, 4, 2)


@pytest.mark.parametrize("output", [0, -7])
def test_an_input_always_gives_at_least_one_pixel(output: int) -> None:
    assert smallest_input(output) == smallest_input(1) == 188


@every_depth
def test_legal_sides_are_one_pooling_grid_apart(depth: int) -> None:
    legal = legal_sides(depth)
    assert {b - a for a, b in pairwise(legal)} == {pooling_factor(depth)}


@every_depth
def test_tile_step_is_the_largest_multiple_of_the_pooling_grid(depth: int) -> None:
    grid = pooling_factor(depth)
    for output in range(1, 4 * grid):
        multiples = range(0, output + 1, grid)
        assert tile_step_px(output, depth) == multiples[-1]


def test_pooling_grid_repeats_every_two_to_the_depth() -> None:
    assert [pooling_factor(depth) for depth in range(1, 7)] == [2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize(
    ("side", "depth", "next_legal"),
    [(570, 4, 572), (573, 4, 588), (1, 4, 188), (-5, 4, 188), (187, 4, 188), (19, 1, 20)],
)
def test_an_illegal_side_is_refused_with_the_next_legal_one(
    side: int, depth: int, next_legal: int
) -> None:
    with pytest.raises(ConfigError, match=f"depth {depth}; the next side .* is {next_legal} px"):
        output_size(side, depth)
