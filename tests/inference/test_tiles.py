from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtile.inference.tiles import overlap_tile
from overtile.model.geometry import context_px, is_legal_input, output_size, smallest_input

QUICK = settings(deadline=None, database=None, max_examples=30)
DEPTH = st.integers(1, 6)
SHAPE = st.tuples(st.integers(1, 700), st.integers(1, 700))
TILE_OUTPUT = st.integers(4, 800)


@QUICK
@given(shape=SHAPE, tile_output=TILE_OUTPUT, depth=DEPTH)
def test_every_pixel_is_kept_exactly_once(
    shape: tuple[int, int], tile_output: int, depth: int
) -> None:
    kept = np.zeros(shape, int)
    for tile in overlap_tile(shape, tile_output, depth):
        assert all(0 <= part.start < part.stop for part in tile.keep)
        kept[tile.keep] += 1
    assert (kept == 1).all()


@QUICK
@given(shape=SHAPE, tile_output=TILE_OUTPUT, depth=DEPTH)
def test_tiles_start_on_one_pooling_grid(
    shape: tuple[int, int], tile_output: int, depth: int
) -> None:
    for tile in overlap_tile(shape, tile_output, depth):
        for part, (start, _) in zip(tile.keep, tile.read, strict=True):
            assert part.start % 2**depth == 0
            assert start == part.start - context_px(depth)


@QUICK
@given(shape=SHAPE, tile_output=TILE_OUTPUT, depth=DEPTH)
def test_all_tiles_have_one_legal_size_and_decide_what_they_keep(
    shape: tuple[int, int], tile_output: int, depth: int
) -> None:
    tiles = overlap_tile(shape, tile_output, depth)
    sizes = {tuple(stop - start for start, stop in tile.read) for tile in tiles}
    assert len(sizes) == 1
    assert all(is_legal_input(side, depth) for side in next(iter(sizes)))
    for tile in tiles:
        for part, (_, stop) in zip(tile.keep, tile.read, strict=True):
            assert part.stop <= stop - context_px(depth)


@QUICK
@given(shape=SHAPE, output=TILE_OUTPUT, depth=DEPTH)
def test_no_tile_is_larger_than_a_legal_tile_output(
    shape: tuple[int, int], output: int, depth: int
) -> None:
    legal = output_size(smallest_input(max(output, 2**depth), depth), depth)
    for tile in overlap_tile(shape, legal, depth):
        assert all(output_size(stop - start, depth) <= legal for start, stop in tile.read)


@QUICK
@given(shape=SHAPE, tile_output=TILE_OUTPUT, depth=DEPTH)
def test_tiles_share_an_axis_evenly(shape: tuple[int, int], tile_output: int, depth: int) -> None:
    for axis, length in enumerate(shape):
        starts = {tile.keep[axis].start for tile in overlap_tile(shape, tile_output, depth)}
        step = min(starts - {0}, default=length)
        # One grid step less would need one tile more.
        assert (step - 2**depth) * len(starts) < length


@pytest.mark.parametrize(
    ("length", "starts"),
    [
        (1, [0]),
        (384, [0]),
        (385, [0, 208]),  # ceil(385 / 2 / 16) = 13 grid steps of 16
        (388, [0, 208]),
        (512, [0, 256]),
        (768, [0, 384]),
        (769, [0, 272, 544]),
    ],
)
def test_paper_tiles_step_by_at_most_384(length: int, starts: list[int]) -> None:
    tiles = overlap_tile((1, length), 388, depth=4)
    assert [tile.keep[1].start for tile in tiles] == starts


def test_a_large_image_is_read_in_the_papers_tiles() -> None:
    tiles = overlap_tile((384 * 2, 384 * 3), 388, depth=4)
    assert len(tiles) == 2 * 3
    assert tiles[0].read == ((-92, 480), (-92, 480))
    assert tiles[-1].read == ((384 - 92, 384 + 480), (768 - 92, 768 + 480))
    assert tiles[-1].keep == (slice(384, 768), slice(768, 1152))


def test_tiles_come_row_by_row() -> None:
    tiles = overlap_tile((32, 48), 20, depth=4)
    corners = [(tile.keep[0].start, tile.keep[1].start) for tile in tiles]
    assert corners == [(y, x) for y in (0, 16) for x in (0, 16, 32)]


def test_a_tile_output_below_the_pooling_grid_still_covers_the_image() -> None:
    tiles = overlap_tile((64, 64), 4, depth=5)
    assert [tile.keep for tile in tiles[:2]] == [
        (slice(0, 32), slice(0, 32)),
        (slice(0, 32), slice(32, 64)),
    ]
