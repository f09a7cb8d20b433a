"""Images to train on, and those that are held out for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overtile.arrays import Labels
from overtile.data.sample import Annotated
from overtile.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Split:
    """The annotated images of a run."""

    training: Sequence[Annotated]
    validation: Sequence[Annotated]


def hold_out_fraction(images: int, fraction: float) -> list[int]:
    """Choose images evenly spread over the set; none where fewer than two would be left.

    Neighbouring pages of a stack look alike, so a block at the end would be no fair sample.

    Examples
    --------
    >>> hold_out_fraction(10, 0.2)
    [2, 7]
    """
    held_out = min(round(images * fraction), images - 2)
    if fraction > 0 and held_out < 1 and images >= 3:
        held_out = 1
    if held_out < 1:
        return []
    return spread(range(images), held_out)


def spread(numbers: Sequence[int], count: int) -> list[int]:
    """Choose `count` of the numbers, or all there are, evenly spread over them.

    Examples
    --------
    >>> spread([2, 3, 5, 7], 2)
    [3, 7]
    """
    count = min(count, len(numbers))
    return [numbers[int((index + 0.5) * len(numbers) / count)] for index in range(count)]


def shown_classes(labels: Labels) -> frozenset[int]:
    """Give the classes that labels show, background apart."""
    return frozenset(np.unique(labels[labels > 0]).tolist())


def keep_classes(shown: Sequence[frozenset[int]], held_out: list[int]) -> list[int]:
    """Hold out others where a class would be in none of the images that are left to learn from.

    Parameters
    ----------
    shown : sequence of frozenset of int
        The classes that each image shows.
    held_out : list of int
        Numbers of the images to hold out.

    Returns
    -------
    held_out : list of int
        The same, or as many others as can be spared.

    Examples
    --------
    >>> keep_classes([frozenset({1}), frozenset({1, 2}), frozenset({1})], [1])
    [2]
    """
    order = sorted(range(len(shown)), key=lambda number: (number in held_out, number))
    needed, learnt = set[int](), frozenset[int]()
    for number in order:
        if not shown[number] <= learnt:
            needed.add(number)
            learnt |= shown[number]
    if needed.isdisjoint(held_out):
        return held_out
    return spread([number for number in range(len(shown)) if number not in needed], len(held_out))


def hold_out_pages(images: int, pages: Sequence[int]) -> list[int]:
    """Check that the pages that a user names exist and leave some to learn from.

    Raises
    ------
    ConfigError
        If a page does not exist or none is left.
    """
    for page in pages:
        if not 0 <= page < images:
            raise ConfigError(
                f"--validation-pages names page {page}, and there are pages 0…{images - 1}",
                remedy="pages count from 0",
            )
    if len(set(pages)) >= images:
        raise ConfigError(
            f"--validation-pages holds out all {images} pages", remedy="leave some to train on"
        )
    return sorted(set(pages))
