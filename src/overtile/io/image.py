"""What a file becomes in memory: the pixels, and how their axes were understood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from overtile.arrays import Pixels
from overtile.errors import ImageError

PAGE_AXES = "PZT"
"""Axes that are folded into the pages of `Image.pixels`."""

LARGEST_IMAGE_BYTES = 8 << 30
"""Decoded size above which a file is refused, by its header, before memory is taken."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """One image file, its axes said."""

    pixels: Pixels
    """(P, C, Y, X) grey values in their native dtype; P is Z, T and plain pages in file order."""

    axes: str
    """The file's own axes without those of length 1, such as ``YX``, ``ZYX`` or ``YXC``."""

    shape: tuple[int, ...]
    """Length of each of `axes`."""

    pixel_size_um: tuple[float, float] | None
    """Pixel size (y, x) in µm, if the file tells it."""

    path: Path
    """Where it was read."""

    reading: str
    """One sentence for the user: how the axes were understood, and from where."""

    @property
    def pages(self) -> int:
        """Number of pages, 1 for a plain image."""
        return int(self.pixels.shape[0])

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.pixels.shape[2:]
        return int(height), int(width)

    @property
    def is_stack(self) -> bool:
        """Whether the file has a page axis."""
        return any(letter in PAGE_AXES for letter in self.axes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """What a decoder found, before its axes are put in order."""

    array: Pixels
    """As stored, one dimension for each of `axes`."""

    axes: str
    """Letters as the file or its decoder names them."""

    source: str
    """Where `axes` come from, such as ``from OME metadata``."""

    notes: tuple[str, ...] = ()
    """What was left out or guessed, for `Image.reading`."""

    pixel_size_um: tuple[float, float] | None = None
    """Pixel size (y, x) in µm."""

    alpha_axis: int | None = None
    """The dimension whose last entry is an alpha channel."""


def check_size(shape: tuple[int, ...], itemsize: int) -> None:
    """Refuse an image by its header.

    Parameters
    ----------
    shape : tuple of int
        Length of every axis.
    itemsize : int
        Bytes per value.

    Raises
    ------
    ImageError
        If there are no pixels, or they take more than `LARGEST_IMAGE_BYTES`.
    """
    size = math.prod(shape) * itemsize
    if size == 0:
        raise ImageError(f"holds no pixels: its shape is {shape}", remedy="export it again")
    if size > LARGEST_IMAGE_BYTES:
        raise ImageError(
            f"would take {size / 2**30:.1f} GiB when decoded: its shape is {shape}",
            remedy=f"crop or split it; at most {LARGEST_IMAGE_BYTES / 2**30:g} GiB are read",
        )
