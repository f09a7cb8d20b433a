"""What a person with a brush would paint: strokes on a few pixels, true to what lies below them."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.draw import disk

from overtile.arrays import Labels
from overtile.data.targets import separate_touching

_BRUSH_PX = 2.0
_LENGTHS_PX = (10, 60)
_NEAR_PX = 8
_BEND = 0.15
"""SD of the turn from one pixel of a stroke to the next, in radians."""


def paint(ids: Labels, share: float, seed: int) -> Labels:
    """Keep what lies below random strokes only.

    Strokes begin by turns on an object and on the background, every other time near an object,
    where objects that touch are parted by a pixel; each ends where it would leave what it began on.

    Parameters
    ----------
    ids : (Y, X) array of uint32
        Of whole objects; 0 is background.
    share : float
        Of the pixels to be labelled; all strokes together are the first to exceed it.
    seed : int

    Returns
    -------
    strokes : (Y, X) array of uint32
        0 where nothing is painted, 1 on background, and an id plus 1 on an object.
    """
    rng = np.random.default_rng(seed)
    ids = separate_touching(ids)
    painted = np.zeros(ids.shape, bool)
    away = ndi.distance_transform_edt(ids == 0) if ids.any() else np.full(ids.shape, np.inf)
    inside, near = ids > 0, (ids == 0) & (away <= _NEAR_PX)
    places = [np.flatnonzero(where) for where in (inside, near, inside, ids == 0)]
    turns = cycle(starts for starts in places if starts.size)
    while painted.mean() < share:
        _stroke(painted, ids, int(rng.choice(next(turns))), rng)
    return np.where(painted, ids + np.uint32(1), np.uint32(0))


def _stroke(painted: NDArray[np.bool_], ids: Labels, start: int, rng: np.random.Generator) -> None:
    y, x = (float(part) for part in np.unravel_index(start, ids.shape))
    under, direction = ids.flat[start], rng.uniform(0, 2 * np.pi)
    for _ in range(int(rng.integers(*_LENGTHS_PX))):
        row, column = round(y), round(x)
        if not (0 <= row < ids.shape[0] and 0 <= column < ids.shape[1]):
            return
        if ids[row, column] != under:
            return
        below = disk((row, column), _BRUSH_PX, shape=ids.shape)
        painted[below] |= ids[below] == under
        direction += rng.normal(scale=_BEND)
        y, x = y + np.sin(direction), x + np.cos(direction)
