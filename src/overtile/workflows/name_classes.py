"""Names of the classes of a run, and whether names and colours fit the labels."""

from __future__ import annotations

import re

from overtile.colours import COLOUR_PATTERN
from overtile.config import Recipe
from overtile.data.kinds import LabelReading
from overtile.errors import ConfigError
from overtile.wording import counted


def name_classes(recipe: Recipe, reading: LabelReading) -> tuple[str, ...]:
    """Give every class its name: what the recipe says, else its number.

    Parameters
    ----------
    recipe : Recipe
    reading : LabelReading
        How the labels are meant.

    Returns
    -------
    class_names : tuple of str
        Background first.

    Raises
    ------
    ConfigError
        If the recipe names or colours classes that the labels do not have, or not all of them.
    """
    if reading.kind != "classes":
        for what, given in (("named", recipe.class_names), ("coloured", recipe.class_colours)):
            if given:
                raise ConfigError(
                    f"classes are {what}, and the labels are objects or foreground",
                    remedy="leave that out, or say --labels classes",
                )
        return ("background", "object")
    _refuse_colours(recipe.class_colours, reading.classes)
    if not recipe.class_names:
        return ("background", *(f"class {number}" for number in range(1, reading.classes)))
    _refuse_names(recipe.class_names, reading.classes)
    return recipe.class_names


def _refuse_names(names: tuple[str, ...], count: int) -> None:
    if len(names) != count:
        raise ConfigError(
            f"`class_names` are {len(names)} names for {count} classes",
            remedy="name every class index, the background first",
        )
    if len(set(names)) < count or not all(name and name.isprintable() for name in names):
        raise ConfigError(
            f"`class_names` must differ and be words: {', '.join(map(repr, names))}",
            remedy="give every class a name of its own",
        )


def _refuse_colours(colours: tuple[str, ...], count: int) -> None:
    for colour in colours:
        if not re.fullmatch(COLOUR_PATTERN, colour):
            raise ConfigError(
                f"`class_colours`: {colour!r} is not a colour",
                remedy="write red, green and blue as in #e69f00",
            )
    if colours and len(colours) != count - 1:
        raise ConfigError(
            f"`class_colours` are {len(colours)}, and the labels have {count} classes",
            remedy=f"give {counted(count - 1, 'colour')}: the background has none",
        )
