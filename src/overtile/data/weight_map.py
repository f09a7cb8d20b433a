"""Per-pixel loss weights that make the network learn the gap between touching objects."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats
from overtile.config import LossConfig
from overtile.errors import ImageError
from overtile.kernels import kernel

NEGLIGIBLE_WEIGHT = 1e-8
"""Border weights below this are cut to zero: less than float32 can add to a weight of 1."""

_FAR = 1 << 29  # squared distance of an object that is not there; twice it fits into 32 bits
_LARGEST_REACH_PX = 16_000  # its square fits as well
_BEYOND = 1 << 15  # distance of a column that is not there


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
    nearest, second = _two_nearest(_ids(labels), reach_px(config))
    return np.asarray(_border_terms(nearest, second, config.w0, config.sigma_px, NEGLIGIBLE_WEIGHT))


def reach_px(config: LossConfig) -> int:
    """Give the distance beyond which an object adds less than `NEGLIGIBLE_WEIGHT`, in pixels."""
    ratio = max(config.w0 / NEGLIGIBLE_WEIGHT, 1.0)
    return min(math.ceil(config.sigma_px * math.sqrt(2 * math.log(ratio))), _LARGEST_REACH_PX)


def _ids(labels: NDArray[np.integer]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(np.maximum(labels, 0), dtype=np.uint32)


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
        Euclidean distances in pixels; more than `reach` where there is no such object. Inside an
        object both are 0.
    """
    nearest, second = _two_nearest(_ids(labels), min(reach, _LARGEST_REACH_PX))
    distances = [np.where(found < _FAR, np.sqrt(found), np.inf) for found in (nearest, second)]
    return distances[0], distances[1]


@partial(kernel, inline="always")
def _keep_two(first, first_id, other, other_id, square, label):  # type: ignore[no-untyped-def]
    """Fold one (squared distance, id) into the two nearest that bear different ids.

    Without branches, so that many pixels are folded at once. A candidate of the id in the second
    place needs no case of its own: if it is nearer than the first, that one takes its place.
    """
    nearer, another = square < first, label != first_id
    second = another and square < other
    other_id = first_id if nearer and another else (label if second else other_id)
    other = first if nearer and another else (square if second else other)
    first_id = label if nearer else first_id
    first = square if nearer else first
    return first, first_id, other, other_id


@kernel
def _sweep(ids, reach, upwards, first, first_id, other, other_id):  # type: ignore[no-untyped-def]
    """Carry, in every column, the two objects met last, row by row from one end to the other."""
    height, width = ids.shape
    away_1 = np.full(width, _BEYOND, np.int32)  # rows since the object met last
    away_2 = np.full(width, _BEYOND, np.int32)  # and since the one before it
    id_1, id_2 = np.zeros(width, np.uint32), np.zeros(width, np.uint32)
    far, beyond, one = np.int32(_FAR), np.int32(_BEYOND), np.int32(1)
    for step in range(height):
        y = height - 1 - step if upwards else step
        for x in range(width):
            label = ids[y, x]
            inside = label > 0
            changed = inside and label != id_1[x]
            away_2[x] = away_1[x] + one if changed else min(away_2[x] + one, beyond)
            id_2[x] = id_1[x] if changed else id_2[x]
            away_1[x] = 0 if inside else min(away_1[x] + one, beyond)
            id_1[x] = label if inside else id_1[x]
            square_1 = away_1[x] * away_1[x] if away_1[x] <= reach else far
            square_2 = away_2[x] * away_2[x] if away_2[x] <= reach else far
            a, a_id, b, b_id = _keep_two(
                first[y, x], first_id[y, x], other[y, x], other_id[y, x], square_1, id_1[x]
            )
            a, a_id, b, b_id = _keep_two(a, a_id, b, b_id, square_2, id_2[x])
            first[y, x], first_id[y, x], other[y, x], other_id[y, x] = a, a_id, b, b_id


@kernel
def _scan_row(reach, first, first_id, other, other_id, nearest, second):  # type: ignore[no-untyped-def]
    """Look outwards from all pixels of a row until nothing nearer than their second can come."""
    width = first.shape[0]
    nearest_id = first_id.copy()
    for x in range(width):
        # Inside objects nobody asks for the second, and it must not keep the others waiting.
        nearest[x], second[x] = first[x], other[x] if first[x] else np.int32(0)
    for offset in range(1, min(reach, width - 1) + 1):
        square = np.int32(offset * offset)
        if square >= second.max():
            break
        beside = width - offset
        for start, stop in ((offset, 0), (0, offset)):  # from the left, and from the right
            _fold_beside(
                square,
                first[stop : stop + beside],
                first_id[stop : stop + beside],
                other[stop : stop + beside],
                other_id[stop : stop + beside],
                nearest[start : start + beside],
                nearest_id[start : start + beside],
                second[start : start + beside],
            )


@kernel
def _fold_beside(  # type: ignore[no-untyped-def]
    square, first, first_id, other, other_id, nearest, nearest_id, second
):
    unused = np.uint32(0)
    for x in range(nearest.shape[0]):
        a, a_id, b, _ = _keep_two(
            nearest[x], nearest_id[x], second[x], unused, first[x] + square, first_id[x]
        )
        a, a_id, b, _ = _keep_two(a, a_id, b, unused, other[x] + square, other_id[x])
        nearest[x], nearest_id[x], second[x] = a, a_id, b


@kernel
def _two_nearest(ids, reach):  # type: ignore[no-untyped-def]
    """Find squared distances to the two nearest objects within reach, by columns and then rows.

    An object that is among the two nearest of a pixel is among the two nearest of its own column,
    so two candidates per column are enough.
    """
    height, width = ids.shape
    far, reach = np.int32(_FAR), np.int32(reach)
    first = np.full((height, width), far, np.int32)
    first_id = np.zeros((height, width), np.uint32)
    other = np.full((height, width), far, np.int32)
    other_id = np.zeros((height, width), np.uint32)
    for upwards in (False, True):
        _sweep(ids, reach, upwards, first, first_id, other, other_id)
    nearest, second = np.empty_like(first), np.empty_like(other)
    for y in range(height):
        if first[y].min() == far:  # Nothing is within reach of this row.
            nearest[y], second[y] = far, far
            continue
        _scan_row(reach, first[y], first_id[y], other[y], other_id[y], nearest[y], second[y])
    return nearest, second


@kernel
def _border_terms(nearest, second, w0, sigma, negligible):  # type: ignore[no-untyped-def]
    """Turn squared distances into w0 · exp(-(d1 + d2)² / 2σ²)."""
    weights = np.zeros(nearest.shape, np.float32)
    for y in range(nearest.shape[0]):
        for x in range(nearest.shape[1]):
            if nearest[y, x] > 0 and second[y, x] < _FAR:
                gap = np.sqrt(np.float64(nearest[y, x])) + np.sqrt(np.float64(second[y, x]))
                weight = w0 * np.exp(-(gap**2) / (2 * sigma**2))
                if weight >= negligible:
                    weights[y, x] = weight
    return weights
