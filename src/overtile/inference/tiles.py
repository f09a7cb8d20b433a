"""The overlap-tile strategy: any image in tiles, with real context between them (figure 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from overtile.model.geometry import context_px, pooling_factor, smallest_input, tile_step_px


@dataclass(frozen=True)
class Tile:
    """One tile of an image; positions are pixels of the image."""

    read: tuple[tuple[int, int], tuple[int, int]]
    """(start, stop) of rows and columns to feed to the network; may reach beyond the image."""

    keep: tuple[slice, slice]
    """Rows and columns of the image that this tile, and no other, decides."""


def overlap_tile(shape: tuple[int, int], tile_output: int, depth: int) -> list[Tile]:
    """Cover an image with tiles so that every pixel is decided once.

    Tiles start at multiples of 2^depth, so that all of them pool over one grid and the result is
    that of the whole image in one pass, to rounding. They are shrunk to share each axis evenly: no
    tile at the end is mostly empty.

    Parameters
    ----------
    shape : (Y, X)
        Sides of the image in pixels, at least 1.
    tile_output : int
        Largest output side of a tile in pixels.
    depth : int
        Poolings of the network.

    Returns
    -------
    tiles : list of Tile
        Row by row. All have input sides of the same length along an axis.
    """
    rows, columns = (list(_cover(length, tile_output, depth)) for length in shape)
    return [
        Tile((read_y, read_x), (keep_y, keep_x))
        for read_y, keep_y in rows
        for read_x, keep_x in columns
    ]


def _cover(length: int, tile_output: int, depth: int) -> Iterator[tuple[tuple[int, int], slice]]:
    factor = pooling_factor(depth)
    count = -(-length // max(tile_step_px(tile_output, depth), factor))
    step = -(-length // (count * factor)) * factor
    rim, side = context_px(depth), smallest_input(step, depth)
    for start in range(0, length, step):
        yield (start - rim, start - rim + side), slice(start, min(start + step, length))
