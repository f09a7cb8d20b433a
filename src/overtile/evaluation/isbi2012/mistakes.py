"""Topological mistakes: what each place that cannot be warped away does to objects and holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.isbi2012.topology import around, connectivity_number
from overtile.kernels import kernel

MISTAKES = (
    "merges",
    "splits",
    "objects_added",
    "objects_removed",
    "holes_added",
    "holes_removed",
)
"""The six kinds of mistakes, in the order in which `count_mistakes` gives them."""

_MERGE, _SPLIT, _OBJECT_ADDED, _OBJECT_REMOVED, _HOLE_ADDED, _HOLE_REMOVED = range(6)


@kernel
def count_mistakes(
    pieces: NDArray[np.int32], wrong: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """Count the mistakes of each kind where a warped truth still differs from the proposal.

    A mistake is a connected set of wrong pixels of one piece: 8-connected pixels of one object
    that the proposal misses, or 4-connected pixels of background that it invents. What it does is
    what flipping this set alone does to the numbers of objects and holes.

    Parameters
    ----------
    pieces : (pixels,) array of int32
        Warped truth as by `objects_and_backgrounds`, raveled. Unchanged on return.
    wrong : (n,) array of int64
        Pixels that differ, indices into `pieces`, none of them on the frame.
    width : int
        Pixels in a row of `pieces`, the frame included.

    Returns
    -------
    counts : (6,) array of int64
        In the order of `MISTAKES`.
    """
    counts = np.zeros(6, np.int64)
    waiting = np.zeros(pieces.size, np.bool_)
    waiting[wrong] = True
    lowest = pieces.min()
    # For each piece, the seed of the last mistake that touched it: each counts it once.
    touched_by = np.full(pieces.max() - lowest + 1, -1, np.int64)
    mistake = np.empty(wrong.size, np.int64)
    for seed in wrong:
        if waiting[seed]:
            size, joined = _spread(pieces, waiting, seed, width, mistake, touched_by, lowest)
            euler = _euler_change(pieces, mistake[:size], width)
            counts[_kind(pieces[seed] > 0, joined, euler)] += 1
    return counts


@kernel
def _spread(
    pieces: NDArray[np.int32],
    waiting: NDArray[np.bool_],
    seed: int,
    width: int,
    mistake: NDArray[np.int64],
    touched_by: NDArray[np.int64],
    lowest: int,
) -> tuple[int, int]:
    """Collect the mistake of `seed`; return its pixels, and how many pieces it would join."""
    missing = pieces[seed] > 0
    mistake[0] = seed
    waiting[seed] = False
    size, joined, position = 1, 0, 0
    while position < size:
        pixel = mistake[position]
        position += 1
        for side in range(0, 8, 1 if missing else 2):
            neighbour = pixel + around(width)[side]
            piece = pieces[neighbour]
            if piece == pieces[seed]:
                if waiting[neighbour]:
                    waiting[neighbour] = False
                    mistake[size] = neighbour
                    size += 1
            elif (piece > 0) != missing and touched_by[piece - lowest] != seed:
                touched_by[piece - lowest] = seed
                joined += 1
    return size, joined


@kernel
def _euler_change(pieces: NDArray[np.int32], mistake: NDArray[np.int64], width: int) -> int:
    """Compute the change of objects minus holes when a mistake is flipped."""
    before = pieces[mistake[0]]
    change = 0
    for pixel in mistake:
        gain = 1 - connectivity_number(pieces, pixel, width)
        change += -gain if before > 0 else gain
        pieces[pixel] = -before
    for pixel in mistake:
        pieces[pixel] = before
    return change


@kernel
def _kind(missing: bool, joined: int, euler_change: int) -> int:
    """Name a mistake by the change of the number of objects or, if there is none, of holes."""
    # What is flipped becomes one with the pieces that it touches: n of these turn into one. The
    # change of the other sort follows from objects - holes.
    if missing:
        holes = 1 - joined
        objects = euler_change + holes
    else:
        objects = 1 - joined
        holes = objects - euler_change
    if objects > 0:
        return _SPLIT if missing else _OBJECT_ADDED
    if objects < 0:
        return _OBJECT_REMOVED if missing else _MERGE
    # Both unchanged cannot be: such a set could be flipped pixel by pixel, each a simple point.
    return _HOLE_ADDED if holes > 0 else _HOLE_REMOVED
