"""What a file becomes in memory: the pixels, and how their axes were understood."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overtile.arrays import Pixels

PAGE_AXES = "PZT"
"""Axes that are folded into the pages of `Image.pixels`."""


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

    notes: tuple[str, ...] = ()
    """What was left out or guessed; also in `reading`."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the grey values."""
        return self.pixels.dtype

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
