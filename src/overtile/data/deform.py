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


def elastic_displacement(grid: NDArray[np.float64], size: int) -> Floats:
    """Interpolate displacements of a coarse grid to every pixel: D = A · g · Aᵀ.

    Parameters
    ----------
    grid : (2, G, G) array of float64
        Displacement (y, x) of every node in pixels.
    size : int
        Side of the tile, S, in pixels.

    Returns
    -------
    displacement : (2, S, S) array of float32
        In pixels. The exact cubic spline through the grid (Ronneberger 2015, Sec. 3.1, has a 3 × 3
        grid and "bicubic interpolation").
    """
    matrix = spline_matrix(size, grid.shape[-1])
    return np.asarray(matrix @ grid @ matrix.T, dtype=np.float32)


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
    for axis in range(2):
        along_down = centre[axis] + matrix[axis, 0] * down
        field[axis] = along_down[:, None] + (matrix[axis, 1] * right)[None, :]
    return field


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


def resample_labels(labels: Labels, field: Floats) -> Labels:
    """Take the nearest label at the positions of a field; ids are kept, never mixed.

    Parameters
    ----------
    labels : (Y, X) array of uint32
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
def _keys_weights(t, weights):  # type: ignore[no-untyped-def]
    weights[0] = ((-0.5 * t + 1.0) * t - 0.5) * t
    weights[1] = (1.5 * t - 2.5) * t * t + 1.0
    weights[2] = ((-1.5 * t + 2.0) * t + 0.5) * t
    weights[3] = (0.5 * t - 0.5) * t * t


@kernel
def _resample_cubic(pixels, field, tile):  # type: ignore[no-untyped-def]
    channels, height, width = pixels.shape
    weights_y, weights_x = np.empty(4, np.float32), np.empty(4, np.float32)
    rows, columns = np.empty(4, np.int64), np.empty(4, np.int64)
    for i in range(field.shape[1]):
        for j in range(field.shape[2]):
            y, x = np.floor(field[0, i, j]), np.floor(field[1, i, j])
            _keys_weights(field[0, i, j] - y, weights_y)
            _keys_weights(field[1, i, j] - x, weights_x)
            for tap in range(4):
                rows[tap] = _mirrored(np.int64(y) + tap - 1, height)
                columns[tap] = _mirrored(np.int64(x) + tap - 1, width)
            for channel in range(channels):
                value = np.float32(0)
                for a in range(4):
                    line = np.float32(0)
                    for b in range(4):
                        line += weights_x[b] * pixels[channel, rows[a], columns[b]]
                    value += weights_y[a] * line
                tile[channel, i, j] = value


@kernel
def _resample_nearest(labels, field, tile):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    for i in range(field.shape[1]):
        for j in range(field.shape[2]):
            y = _mirrored(np.int64(np.floor(field[0, i, j] + np.float32(0.5))), height)
            x = _mirrored(np.int64(np.floor(field[1, i, j] + np.float32(0.5))), width)
            tile[i, j] = labels[y, x]
