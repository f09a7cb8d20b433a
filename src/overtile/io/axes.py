"""Axes as letters: checked when the user names them, folded to (P, C, Y, X)."""

from __future__ import annotations

import math

import numpy as np

from overtile.arrays import Pixels
from overtile.errors import ImageError
from overtile.io.image import PAGE_AXES

LETTERS = "PZTCSYX"
"""Pages, slices, time points, channels, RGB samples, rows, columns."""


def check_axes(axes: str, shape: tuple[int, ...]) -> str:
    """Check the axes that a user named against what the file holds.

    Parameters
    ----------
    axes : str
        One letter of `LETTERS` for each dimension, in any case.
    shape : tuple of int
        Length of every dimension in the file.

    Returns
    -------
    axes : str
        In capitals.

    Raises
    ------
    ImageError
        If a letter is unknown or repeated, Y or X is missing, or the number does not match.
    """
    letters = axes.upper()
    found = f"the image has shape {shape}"
    remedy = f"name each of its {len(shape)} axes once, with letters of {' '.join(LETTERS)}"
    if unknown := set(letters) - set(LETTERS):
        raise ImageError(f"axes {axes!r} hold {', '.join(sorted(unknown))}; {found}", remedy=remedy)
    if len(set(letters)) != len(letters):
        raise ImageError(f"axes {axes!r} name an axis twice; {found}", remedy=remedy)
    if not {"Y", "X"} <= set(letters):
        raise ImageError(f"axes {axes!r} lack Y or X; {found}", remedy=remedy)
    if len(letters) != len(shape):
        raise ImageError(f"axes {axes!r} are {len(letters)} letters, but {found}", remedy=remedy)
    return letters


def tidy(array: Pixels, axes: str) -> tuple[Pixels, str]:
    """Bring a decoder's axes to at most one each of P Z T C, and Y X.

    Axes of length 1 go, samples S become channels C, and letters of other programs become pages P.
    Several unnamed page axes cannot be told apart: they fold into one P with all other pages.

    Raises
    ------
    ImageError
        If there is no plane of rows and columns.
    """
    kept = [i for i, letter in enumerate(axes) if array.shape[i] > 1 or letter in "YX"]
    array = array.reshape([array.shape[i] for i in kept])
    axes = "".join(axes[i] if axes[i] in LETTERS else "P" for i in kept)
    if axes.count("P") > 1:
        array, axes = _merge(array, axes, PAGE_AXES, "P")
    if "S" in axes:
        array, axes = _merge(array, axes, "CS", "C")
    if len(set(axes)) != len(axes) or not {"Y", "X"} <= set(axes):
        raise ImageError(
            f"has axes {axes} of shape {array.shape}, which are no image",
            remedy="name them with --axes, such as --axes ZYX",
        )
    return array, axes


def fold(array: Pixels, axes: str) -> Pixels:
    """Fold an array of tidy axes to (P, C, Y, X), contiguous, in native byte order."""
    pages = [i for i, letter in enumerate(axes) if letter in PAGE_AXES]
    channel = [i for i, letter in enumerate(axes) if letter == "C"]
    y, x = axes.index("Y"), axes.index("X")
    channels = math.prod(array.shape[i] for i in channel)
    folded = array.transpose(pages + channel + [y, x]).reshape(
        -1, channels, array.shape[y], array.shape[x]
    )
    return np.ascontiguousarray(folded, dtype=array.dtype.newbyteorder("="))


def _merge(array: Pixels, axes: str, letters: str, name: str) -> tuple[Pixels, str]:
    """Merge all axes in `letters` into one called `name`, where the first of them stands."""
    merged = [i for i, letter in enumerate(axes) if letter in letters]
    before = [i for i in range(merged[0]) if i not in merged]
    after = [i for i in range(merged[0], len(axes)) if i not in merged]
    shape = [array.shape[i] for i in before] + [-1] + [array.shape[i] for i in after]
    new_axes = "".join(axes[i] for i in before) + name + "".join(axes[i] for i in after)
    return array.transpose(before + merged + after).reshape(shape), new_axes
