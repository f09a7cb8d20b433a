"""Cores of objects grow back to their rims: each pixel goes to the nearest core, if one is near."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.kernels import kernel


def grow(cores: Labels, mask: NDArray[np.bool_], reach_px: int) -> Labels:
    """Let objects grow within a mask: each pixel goes to the nearest core, if one is near.

    Parameters
    ----------
    cores : (Y, X) array of uint32
        Ids; 0 is background.
    mask : (Y, X) array of bool
        Where objects may grow.
    reach_px : int
        Largest distance in pixels. Of cores at one distance, that of the lowest id takes the pixel,
        so what a pixel becomes depends on nothing farther away.

    Returns
    -------
    labels : (Y, X) array of uint32
    """
    if reach_px == 0:
        return cores
    labels = cores.copy()
    _grow(np.ascontiguousarray(cores), mask, _disk(reach_px), labels)
    return labels


@lru_cache(maxsize=16)
def _disk(radius: int) -> NDArray[np.int64]:
    """Give (squared distance, rows, columns) of all places within a radius, the nearest first."""
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1)
    places = np.stack([rows**2 + columns**2, rows, columns], axis=1)
    inside = places[places[:, 0] <= radius**2]
    return np.asarray(inside[np.argsort(inside[:, 0], kind="stable")])


@kernel
def _grow(cores, mask, disk, labels):  # type: ignore[no-untyped-def]
    height, width = cores.shape
    for y in range(height):
        for x in range(width):
            if cores[y, x] > 0 or not mask[y, x]:
                continue
            best, nearest = np.uint32(0), np.int64(0)
            for square, down, right in disk:
                if best > 0 and square > nearest:
                    break
                row, column = y + down, x + right
                if 0 <= row < height and 0 <= column < width:
                    found = cores[row, column]
                    if found > 0 and (best == 0 or found < best):
                        best, nearest = found, square
            labels[y, x] = best
