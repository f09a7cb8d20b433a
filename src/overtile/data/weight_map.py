"""Per-pixel loss weights that make the network learn the gap between touching objects."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats
from overtile.config import LossConfig
from overtile.errors import ImageError
from overtile.kernels import kernel

NEGLIGIBLE_WEIGHT = 1e-8
"""Border weights below this are cut to zero: less than float32 can add to a weight of 1."""

_FAR = np.int64(1) << 40  # squared distance of an object that is not there


def border_weight_map(labels: NDArray[np.integer], config: LossConfig | None = None) -> Floats:
    """Weight background pixels by how narrow the gap between two objects is.

    Implements the second term of eq. (2) of [1]_::

        w0 * exp(-((d1 + d2) ** 2) / (2 * sigma**2))

    where ``d1`` and ``d2`` are the exact Euclidean distances to the nearest and the second nearest
    object, in pixels.

    Parameters
    ----------
    labels : (Y, X) array of int
        Instance labels; 0 is background.
    config : LossConfig, optional
        Height and width of the border term; the paper's by default.

    Returns
    -------
    weights : (Y, X) array of float32
        In [0, w0]. Zero inside objects, and everywhere if there are fewer than two.

    Raises
    ------
    ImageError
        If `labels` is not two-dimensional.

    References
    ----------
    .. [1] Ronneberger, Fischer, Brox (2015), "U-Net", MICCAI, Sec. 3, eq. (2).

    Examples
    --------
    >>> border_weight_map(np.array([[1, 0, 2]])).round(2)
    array([[0.  , 9.23, 0.  ]], dtype=float32)
    """
    config = config or LossConfig()
    if labels.ndim != 2:
        raise ImageError(
            f"labels must have shape (Y, X), got {labels.shape}",
            remedy="pass one frame or one z-slice at a time",
        )
    if config.w0 <= NEGLIGIBLE_WEIGHT:
        return np.zeros(labels.shape, np.float32)
    nearest, second = two_nearest_distances(labels, reach_px(config))
    weights = config.w0 * np.exp(-((nearest + second) ** 2) / (2 * config.sigma_px**2))
    weights[(labels > 0) | (weights < NEGLIGIBLE_WEIGHT)] = 0
    return weights.astype(np.float32)


def reach_px(config: LossConfig) -> int:
    """Give the distance beyond which an object adds less than `NEGLIGIBLE_WEIGHT`, in pixels."""
    ratio = max(config.w0 / NEGLIGIBLE_WEIGHT, 1.0)
    return math.ceil(config.sigma_px * math.sqrt(2 * math.log(ratio)))


def two_nearest_distances(
    labels: NDArray[np.integer], reach: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the distance from each pixel to its nearest and second nearest object.

    Parameters
    ----------
    labels : (Y, X) array of int
        Instance labels; 0 is background.
    reach : int
        Objects farther away than this, in pixels along an axis, need not be found.

    Returns
    -------
    nearest, second : (Y, X) arrays of float64
        Euclidean distances in pixels; more than `reach` where there is no such object.
    """
    ids = np.ascontiguousarray(labels, dtype=np.int64)
    nearest, second = _scan(ids, np.int64(reach))
    return np.sqrt(nearest.astype(np.float64)), np.sqrt(second.astype(np.float64))


@kernel
def _keep_two(first, first_id, other, other_id, distance, label):  # type: ignore[no-untyped-def]
    """Fold one (squared distance, id) into the two nearest that bear different ids."""
    if label == first_id:
        if distance < first:
            first = distance
    elif distance < first:
        first, first_id, other, other_id = distance, label, first, first_id
    elif distance < other:
        other, other_id = distance, label
    return first, first_id, other, other_id


@kernel
def _sweep_column(ids, x, rows, first, first_id, other, other_id):  # type: ignore[no-untyped-def]
    """Carry the two most recently met objects along one column, in the order of `rows`."""
    id_1, row_1, id_2, row_2 = 0, 0, 0, 0
    for y in rows:
        label = ids[y, x]
        if label > 0:
            if label != id_1:
                id_2, row_2 = id_1, row_1
            id_1, row_1 = label, y
        if id_1 > 0:
            first[y], first_id[y], other[y], other_id[y] = _keep_two(
                first[y], first_id[y], other[y], other_id[y], (y - row_1) ** 2, id_1
            )
        if id_2 > 0:
            first[y], first_id[y], other[y], other_id[y] = _keep_two(
                first[y], first_id[y], other[y], other_id[y], (y - row_2) ** 2, id_2
            )


@kernel
def _scan(ids, reach):  # type: ignore[no-untyped-def]
    """Find squared distances to the two nearest objects, exactly, by columns and then rows.

    An object that is among the two nearest of a pixel is among the two nearest of its own column,
    so two candidates per column are enough.
    """
    height, width = ids.shape
    first = np.full((width, height), _FAR, np.int64)
    first_id = np.zeros((width, height), np.int64)
    other = np.full((width, height), _FAR, np.int64)
    other_id = np.zeros((width, height), np.int64)
    for x in range(width):
        for rows in (range(height), range(height - 1, -1, -1)):
            _sweep_column(ids, x, rows, first[x], first_id[x], other[x], other_id[x])

    nearest = np.full((height, width), _FAR, np.int64)
    second = np.full((height, width), _FAR, np.int64)
    for y in range(height):
        for x in range(width):
            if ids[y, x] > 0:
                nearest[y, x] = 0
                continue
            d1, d1_id, d2, d2_id = _FAR, 0, _FAR, 0
            for offset in range(min(reach, width) + 1):
                square = offset * offset
                if square >= d2:
                    break
                for column in (x - offset, x + offset):
                    if 0 <= column < width:
                        d1, d1_id, d2, d2_id = _keep_two(
                            d1, d1_id, d2, d2_id, first[column, y] + square, first_id[column, y]
                        )
                        d1, d1_id, d2, d2_id = _keep_two(
                            d1, d1_id, d2, d2_id, other[column, y] + square, other_id[column, y]
                        )
            nearest[y, x], second[y, x] = d1, d2
    return nearest, second
