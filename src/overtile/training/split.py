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


def keep_classes(
    shown: Sequence[frozenset[int]], held_out: list[int], free: Sequence[int] | None = None
) -> list[int]:
    """Hold out others where a class would be in none of the images that are left to learn from.

    Parameters
    ----------
    shown : sequence of frozenset of int
        The classes that each image shows.
    held_out : list of int
        Numbers of the images to hold out.
    free : sequence of int, optional
        Numbers of those that may be held out; all of them if not given.

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
    free = range(len(shown)) if free is None else free
    return spread([number for number in free if number not in needed], len(held_out))


def hold_out_pages(numbers: Sequence[int], pages: Sequence[int]) -> list[int]:
    """Find the pages that a user names, if they leave some to learn from.

    Parameters
    ----------
    numbers : sequence of int
        Of the pages that are labelled, over all files, ascending.
    pages : sequence of int
        By number.

    Returns
    -------
    places : list of int
        In `numbers`, ascending.

    Raises
    ------
    ConfigError
        If a page is not there or none is left.
    """
    for page in pages:
        if page not in numbers:
            raise ConfigError(
                f"--validation-pages names page {page}, and labelled are {_ranges(numbers)}",
                remedy="pages count from 0, over all files",
            )
    if len(set(pages)) >= len(numbers):
        raise ConfigError(
            f"--validation-pages holds out all {len(numbers)} pages",
            remedy="leave some to train on",
        )
    return places_of(numbers, pages)


def places_of(numbers: Sequence[int], pages: Sequence[int]) -> list[int]:
    """Give where pages stand among the numbers, ascending.

    Examples
    --------
    >>> places_of([0, 1, 5, 6], [6, 5])
    [2, 3]
    """
    asked = set(pages)
    return [place for place, number in enumerate(numbers) if number in asked]


def _ranges(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}…{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
