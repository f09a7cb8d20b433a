"""The 256 thresholds at which a foreground probability is cut, and how the best one is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLDS: NDArray[np.float64] = np.arange(256) / 256
"""0, 1/256, ... 255/256. A pixel is foreground where its probability exceeds the threshold."""

HALF = 128
"""Index of the threshold 1/2."""

COARSE: NDArray[np.int64] = np.rint(np.arange(1, 20) * 256 / 20).astype(np.int64)
"""(19,) indices of the thresholds nearest to 0.05, 0.1, ... 0.95, for what is slow to compute."""


def thresholds_below(probability: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Count, for each pixel, the thresholds that it exceeds.

    Pixel `p` is foreground at threshold `k` if and only if ``thresholds_below(p) > k``. This is
    exact: multiplying by a power of two does not round. The 256 grey values of an 8-bit file
    divided by 255 get 256 different counts, so no threshold that could matter is missed.

    Parameters
    ----------
    probability : array of float
        In [0, 1], any shape.

    Returns
    -------
    count : array of int64
        In 0...256, same shape.

    Examples
    --------
    >>> thresholds_below(np.array([0.0, 0.001, 0.5, 0.501, 1.0]))
    array([  0,   1, 128, 129, 256])
    """
    count: NDArray[np.int64] = np.ceil(probability * 256).astype(np.int64)
    return count


def best_index(scores: NDArray[np.float64]) -> int:
    """Find the threshold with the highest score; of equals, the one nearest to one half.

    Parameters
    ----------
    scores : (256,) or (19,) array of float64
        One score for each of `THRESHOLDS`, or of those in `COARSE`; higher is better.

    Returns
    -------
    index : int
        Into `scores`.
    """
    # One half is in the middle of both.
    equals = np.flatnonzero(scores == scores.max())
    return int(equals[np.argmin(np.abs(equals - scores.size // 2))])
