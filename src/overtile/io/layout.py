"""Where each page and channel of an image lies in the array of its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Pixels
from overtile.io.axes import fold, tidy


class Sliced(Protocol):
    """An array that is read by slices: of numpy, mapped from a file, or of Zarr."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - as of numpy
    def __getitem__(self, key: Any, /) -> Any: ...  # noqa: ANN401 - as of numpy


@dataclass(frozen=True, eq=False)
class Layout:
    """How axes as stored become pages and channels."""

    stored: str
    """Letters of the axes as stored."""

    axes: str
    """The same without those of length 1, tidied: see `overtile.io.axes.tidy`."""

    shape: tuple[int, ...]
    """Length of each of `axes`."""

    places: NDArray[np.intp]
    """(P, C, A) indices along the A stored axes that are not Y or X, in stored order."""

    def read(
        self, source: Sliced, page: int, rows: tuple[int, int], columns: tuple[int, int]
    ) -> Pixels:
        """Read a window of one page, (start, stop) of rows and columns, as a (C, y, x) array."""
        places = self.places[page]
        # All channels at once: where they lie beside each other, they are decoded together.
        low, high = places.min(axis=0), places.max(axis=0)
        spans = iter(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
        window = {"Y": slice(*rows), "X": slice(*columns)}
        key = tuple(window[axis] if axis in window else next(spans) for axis in self.stored)
        found = np.asarray(source[key])
        y, x = self.stored.index("Y"), self.stored.index("X")
        found = np.moveaxis(found, (y, x), (-2, -1))
        return np.stack([found[tuple(place - low)] for place in places])


def lay_out(shape: tuple[int, ...], axes: str, left_out: int | None = None) -> Layout:
    """Find the layout of an array, in the very way in which `read_image` folds it.

    Parameters
    ----------
    shape : tuple of int
    axes : str
        A letter for each axis.
    left_out : int, optional
        The axis whose last entry is an alpha channel.

    Raises
    ------
    ImageError
        If the axes are no image.
    """
    kept = list(shape)
    if left_out is not None:
        kept[left_out] -= 1
    # An array of places instead of pixels, one pixel large: what becomes of it tells the layout.
    planes = [1 if axis in "YX" else length for axis, length in zip(axes, kept, strict=True)]
    numbers = np.arange(int(np.prod(planes))).reshape(planes)
    small, tidied = tidy(numbers, axes)
    folded = fold(small, tidied)[:, :, 0, 0]
    places = np.stack(np.unravel_index(folded, planes), axis=-1)
    others = [i for i, axis in enumerate(axes) if axis not in "YX"]
    sides = {axis: length for axis, length in zip(axes, kept, strict=True) if axis in "YX"}
    lengths = zip(tidied, small.shape, strict=True)
    return Layout(
        stored=axes,
        axes=tidied,
        shape=tuple(sides.get(axis, length) for axis, length in lengths),
        places=places[..., others],
    )
