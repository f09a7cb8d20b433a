"""Mirroring at the image border: what the network sees where no image is (Sec. 2, figure 2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Pixels


def mirror_indices(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Map positions start…stop-1 of an endless mirrored line onto the `length` pixels that exist.

    The border pixel is the mirror and is not repeated. A line shorter than its context is reflected
    as often as needed; a line of one pixel is repeated.

    Parameters
    ----------
    start, stop : int
        Range of positions in pixels; may be negative or beyond the end.
    length : int
        Pixels that exist, at least 1.

    Returns
    -------
    indices : (stop - start,) array of int
        In [0, length).

    Examples
    --------
    >>> mirror_indices(-3, 7, 4)
    array([3, 2, 1, 0, 1, 2, 3, 2, 1, 0])
    """
    period = max(1, 2 * (length - 1))
    folded = np.arange(start, stop) % period
    return np.minimum(folded, period - folded).astype(np.intp) if length > 1 else folded


def mirror_read(
    read: Callable[[tuple[int, int], tuple[int, int]], Pixels],
    size: tuple[int, int],
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> Pixels:
    """Read a window of an image that is mirrored endlessly at its borders.

    Parameters
    ----------
    read : callable
        Gives a window (..., y, x) that lies inside the image, by (start, stop) of rows and columns.
    size : (Y, X)
        Of the image in pixels.
    rows, columns : (start, stop)
        The window in pixels of the image; any part of it may lie outside.
    """
    if rows[0] >= 0 and columns[0] >= 0 and rows[1] <= size[0] and columns[1] <= size[1]:
        return read(rows, columns)
    y, x = (mirror_indices(*span, side) for span, side in zip((rows, columns), size, strict=True))
    found = read((int(y.min()), int(y.max()) + 1), (int(x.min()), int(x.max()) + 1))
    return found[..., (y - y.min())[:, None], (x - x.min())[None, :]]


def mirror_crop(pixels: Pixels, rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
    """Cut a window out of an image that is mirrored endlessly at its borders.

    Parameters
    ----------
    pixels : (..., Y, X) array
    rows, columns : (start, stop)
        The window in pixels of the image; any part of it may lie outside.

    Returns
    -------
    window : (..., stop - start, stop - start) array
        A view where the window lies inside the image, else a copy.
    """
    height, width = pixels.shape[-2:]
    if rows[0] >= 0 and columns[0] >= 0 and rows[1] <= height and columns[1] <= width:
        return pixels[..., rows[0] : rows[1], columns[0] : columns[1]]
    y = mirror_indices(*rows, height)
    x = mirror_indices(*columns, width)
    return pixels[..., y[:, None], x[None, :]]
