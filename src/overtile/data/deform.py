"""Elastic deformation: one field of source positions, through which all is resampled once."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats, Labels
from overtile.kernels import kernel

# A field is a (2, S, S) float32 array: for every pixel of the tile, the (y, x) position in the
# image where its value is taken from, in pixels. Positions outside the image are mirrored back.


@lru_cache(maxsize=32)
def spline_matrix(size: int, nodes: int) -> NDArray[np.float64]:
    """Interpolate a coarse line of nodes by a cubic spline, as a matrix.

    A spline is linear in its nodes, so the spline of each unit vector, once computed, gives any
    other by a matrix product. Nodes are evenly spread from the first pixel to the last; the
    boundary is mirrored.

    Parameters
    ----------
    size : int
        Pixels of the fine line.
    nodes : int
        Nodes of the coarse line, at least 2.

    Returns
    -------
    matrix : (size, nodes) array of float64
        Rows sum to 1.
    """
    positions = np.linspace(0, nodes - 1, size)[None]
    units = np.eye(nodes)
    splines = [ndi.map_coordinates(unit, positions, order=3, mode="mirror") for unit in units]
    return np.stack(splines, axis=1)


def bend(field: Floats, grid: NDArray[np.float64]) -> None:
    """Add displacements of a coarse grid to a field, in place: D = A · g · Aᵀ.

    Parameters
    ----------
    field : (2, S, S) array of float32
    grid : (2, G, G) array of float64
        Displacement (y, x) of every node in pixels. Between nodes, the exact cubic spline through
        them (Ronneberger 2015, Sec. 3.1, has a 3 × 3 grid and "bicubic interpolation").
    """
    matrix = spline_matrix(field.shape[1], grid.shape[-1])
    lines = np.asarray(matrix @ grid, dtype=np.float32)
    _add_product(field, lines, np.ascontiguousarray(matrix.T, dtype=np.float32))


def affine_field(
    shape: tuple[int, int],
    centre: tuple[float, float],
    matrix: NDArray[np.float64] | None = None,
) -> Floats:
    """Give the source positions of a window that is shifted and turned about its centre.

    Parameters
    ----------
    shape : (rows, columns)
        Sides of the window in pixels.
    centre : (y, x)
        Position in the image of the window's centre.
    matrix : (2, 2) array, optional
        Linear map from window to image axes; the identity by default.

    Returns
    -------
    field : (2, rows, columns) array of float32
    """
    matrix = np.eye(2) if matrix is None else matrix
    down, right = (np.arange(length) - (length - 1) / 2 for length in shape)
    field = np.empty((2, *shape), np.float32)
    along_down = np.asarray(centre)[:, None] + matrix[:, :1] * down
    _fill_sums(field, along_down, matrix[:, 1:] * right)
    return field


def keep_offset(field: Floats, offset_px: tuple[float, float]) -> Floats:
    """Give the field of labels that lie beside what they show, so that each tile shows it equally.

    A turned tile would turn the offset as well, and no network could learn it. Here the labels are
    taken from where they are as far down and right of the turned image as they are in the original.

    Parameters
    ----------
    field : (2, S, S) array of float32
        Source positions of the image.
    offset_px : (y, x)
        The label of what the image shows at p is at p + offset, in pixels.

    Returns
    -------
    field : (2, S, S) array of float32
        Source positions of the labels; `field` itself where there is no offset.
    """
    if not any(offset_px):
        return field
    offset, steps = np.asarray(offset_px), field.shape[1] - 1
    down = (field[:, -1] - field[:, 0]).mean(axis=1) / steps
    right = (field[:, :, -1] - field[:, :, 0]).mean(axis=1) / steps
    turned = np.stack([down, right], axis=1) @ offset
    moved: Floats = field + (offset - turned).astype(np.float32)[:, None, None]
    return moved


def resample(pixels: Floats, field: Floats) -> Floats:
    """Take grey values at the positions of a field by cubic convolution (Keys 1981, a = -1/2).

    Exact at whole-pixel positions; a linear interpolation would smooth the noise that the network
    meets at prediction.

    Parameters
    ----------
    pixels : (C, Y, X) array of float32
    field : (2, S, S) array of float32

    Returns
    -------
    tile : (C, S, S) array of float32
    """
    tile = np.empty((len(pixels), *field.shape[1:]), np.float32)
    _resample_cubic(np.ascontiguousarray(pixels, np.float32), field, tile)
    return tile


def resample_labels(labels: Labels | NDArray[np.bool_], field: Floats) -> Labels:
    """Take the nearest label at the positions of a field; ids are kept, never mixed.

    Parameters
    ----------
    labels : (Y, X) array of uint32 or bool
    field : (2, S, S) array of float32

    Returns
    -------
    tile : (S, S) array of uint32
    """
    tile = np.empty(field.shape[1:], np.uint32)
    _resample_nearest(np.ascontiguousarray(labels, np.uint32), field, tile)
    return tile


@partial(kernel, inline="always")
def _mirrored(position, length):  # type: ignore[no-untyped-def]
    if 0 <= position < length:
        return position
    if length == 1:
        return 0
    period = 2 * (length - 1)
    position %= period
    return min(position, period - position)


@kernel
def _fill_sums(field, down, right):  # type: ignore[no-untyped-def]
    for axis in range(2):
        for i in range(field.shape[1]):
            for j in range(field.shape[2]):
                field[axis, i, j] = down[axis, i] + right[axis, j]


@kernel
def _add_product(field, lines, columns):  # type: ignore[no-untyped-def]
    nodes = columns.shape[0]
    for axis in range(2):
        for i in range(field.shape[1]):
            row = field[axis, i]
            for node in range(nodes):
                factor = lines[axis, i, node]
                for j in range(row.shape[0]):
                    row[j] += factor * columns[node, j]


@partial(kernel, inline="always", fused=True)
def _keys_weights(t):  # type: ignore[no-untyped-def]
    half, one = np.float32(0.5), np.float32(1)
    before = ((-half * t + one) * t - half) * t
    at = (np.float32(1.5) * t - np.float32(2.5)) * t * t + one
    beyond = (half * t - half) * t * t
    return before, at, one - before - at - beyond, beyond


@partial(kernel, inline="always", fused=True)
def _column(values, place, down, weights):  # type: ignore[no-untyped-def]
    # Unsigned places: numba would ask of each signed one whether it counts from the end.
    return (
        weights[0] * values[place]
        + weights[1] * values[place + down]
        + weights[2] * values[place + np.uintp(2) * down]
        + weights[3] * values[place + np.uintp(3) * down]
    )


@partial(kernel, fused=True)
def _near_border(pixels, y, x, weights_y, weights_x):  # type: ignore[no-untyped-def]
    height, width = pixels.shape
    value = np.float32(0)
    for b in range(4):
        column, sum_down = _mirrored(x + b - 1, width), np.float32(0)
        for a in range(4):
            sum_down += weights_y[a] * pixels[_mirrored(y + a - 1, height), column]
        value += weights_x[b] * sum_down
    return value


@partial(kernel, fused=True)
def _resample_cubic(pixels, field, tile):  # type: ignore[no-untyped-def]
    channels, height, width = pixels.shape
    flat = pixels.reshape(channels, height * width)
    down = np.uintp(width)
    for i in range(field.shape[1]):
        for j in range(field.shape[2]):
            y, x = np.floor(field[0, i, j]), np.floor(field[1, i, j])
            weights_y = _keys_weights(field[0, i, j] - y)
            weights_x = _keys_weights(field[1, i, j] - x)
            row, column = np.int64(y), np.int64(x)
            if 1 <= row < height - 2 and 1 <= column < width - 2:
                place = np.uintp((row - 1) * width + column - 1)
                for channel in range(channels):
                    values = flat[channel]
                    # Four columns at a time lie beside each other, and are summed together.
                    tile[channel, i, j] = (
                        weights_x[0] * _column(values, place, down, weights_y)
                        + weights_x[1] * _column(values, place + np.uintp(1), down, weights_y)
                        + weights_x[2] * _column(values, place + np.uintp(2), down, weights_y)
                        + weights_x[3] * _column(values, place + np.uintp(3), down, weights_y)
                    )
            else:
                for channel in range(channels):
                    tile[channel, i, j] = _near_border(
                        pixels[channel], row, column, weights_y, weights_x
                    )


@kernel
def _resample_nearest(labels, field, tile):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    flat = labels.reshape(height * width)
    for i in range(field.shape[1]):
        for j in range(field.shape[2]):
            y = np.int64(np.floor(field[0, i, j] + np.float32(0.5)))
            x = np.int64(np.floor(field[1, i, j] + np.float32(0.5)))
            if not (0 <= y < height and 0 <= x < width):
                y, x = _mirrored(y, height), _mirrored(x, width)
            tile[i, j] = flat[np.uintp(y * width + x)]
