"""Cores of objects grow back to their rims, pixel by pixel within the likely foreground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.kernels import kernel


def grow(cores: Labels, mask: NDArray[np.bool_], rounds: int, before: int = 0) -> Labels:
    """Let objects grow within a mask by one pixel a round.

    In odd rounds a free pixel of the mask joins an object that it shares an edge with, in even
    rounds also one that it shares a corner with, which makes distances nearly round. Of several
    objects, that of the lowest id takes the pixel. What becomes of a pixel depends on nothing that
    is farther away than `rounds`, along rows and columns.

    Parameters
    ----------
    cores : (Y, X) array of uint32
        Ids; 0 is background.
    mask : (Y, X) array of bool
        Where objects may grow.
    rounds : int
    before : int
        Rounds by which the cores have grown already.

    Returns
    -------
    labels : (Y, X) array of uint32

    Examples
    --------
    >>> row, mask = np.array([[0, 1, 0, 0, 0]], np.uint32), np.array([[1, 1, 1, 1, 0]], bool)
    >>> grow(row, mask, 2)
    array([[1, 1, 1, 1, 0]], dtype=uint32)
    """
    labels = cores
    for number in range(before, before + rounds):
        smaller, labels = labels, labels.copy()
        _grow(np.ascontiguousarray(smaller), mask, number % 2 == 1, labels)
    return labels


@kernel
def _grow(before, mask, corners, labels):  # type: ignore[no-untyped-def]
    height, width = before.shape
    for y in range(height):
        for x in range(width):
            if before[y, x] > 0 or not mask[y, x]:
                continue
            lowest = np.uint32(0)
            for row in range(max(0, y - 1), min(height, y + 2)):
                for column in range(max(0, x - 1), min(width, x + 2)):
                    found = before[row, column]
                    beside = corners or row == y or column == x
                    if beside and found > 0 and (lowest == 0 or found < lowest):
                        lowest = found
            labels[y, x] = lowest
