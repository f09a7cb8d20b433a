"""Where each class lies in the training images, so that tiles can be placed on rare ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels

MOST_PLACES = 10_000
"""Of more pixels of one class in one image, evenly spaced ones are kept."""


class ClassPlaces:
    """Pixels of every class but the background.

    Parameters
    ----------
    maps : sequence of (Y, X) arrays of uint32
        Class indices of all images; 0 is background, or not labelled.
    """

    def __init__(self, maps: Sequence[Labels]) -> None:
        self._maps = maps
        self._images: dict[int, list[tuple[int, NDArray[np.intp]]]] = {}
        for number, labels in enumerate(maps):
            for index in np.unique(labels[labels > 0]).tolist():
                flat = np.flatnonzero(labels == index)
                some = flat[:: -(-flat.size // MOST_PLACES)]
                self._images.setdefault(index, []).append((number, some))
        self._classes = sorted(self._images)

    def draw(self, rng: np.random.Generator) -> tuple[int, tuple[int, int]] | None:
        """Draw a class, then an image that shows it, then one of its pixels, each evenly.

        Returns
        -------
        place : (image number, (row, column)) or None
            None if there is background only.
        """
        if not self._classes:
            return None
        images = self._images[self._classes[int(rng.integers(len(self._classes)))]]
        number, flat = images[int(rng.integers(len(images)))]
        pixel = int(flat[rng.integers(flat.size)])
        width = self._maps[number].shape[1]
        return number, (pixel // width, pixel % width)
