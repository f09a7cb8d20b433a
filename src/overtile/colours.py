"""Colours of objects and classes, which the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

RGB: TypeAlias = tuple[int, int, int]
"""Red, green, blue, each 0...255."""

# Okabe and Ito (2008), "Color Universal Design", without black and grey, the clearest on grey
# first.
REGION_COLOURS: tuple[RGB, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (240, 228, 66),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
)

COLOUR_PATTERN = "^#[0-9a-fA-F]{6}$"
"""How a user writes a colour: red, green and blue as two hexadecimal digits each."""

MOST_CLASSES = 14
"""Classes that differ in colour, unless the user chooses colours; more could not be told apart."""

_SHADE = 0.65


def class_colours(chosen: Sequence[str], classes: int) -> tuple[RGB, ...]:
    """Give each class behind the background its colour.

    Parameters
    ----------
    chosen : sequence of str
        As ``#e69f00``, one for each of them; the seven of Okabe and Ito if empty, then darker.
    classes : int
        Number of classes with background, K.

    Returns
    -------
    colours : tuple of K-1 RGB

    Examples
    --------
    >>> class_colours((), 3)
    ((86, 180, 233), (230, 159, 0))
    >>> class_colours(("#ff0000", "#00ff00"), 3)
    ((255, 0, 0), (0, 255, 0))
    """
    if chosen:
        return tuple(_read(colour) for colour in chosen)
    return tuple(_nth(index % MOST_CLASSES) for index in range(classes - 1))


def _read(text: str) -> RGB:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def _nth(index: int) -> RGB:
    turn, place = divmod(index, len(REGION_COLOURS))
    red, green, blue = (int(part * _SHADE**turn) for part in REGION_COLOURS[place])
    return red, green, blue
