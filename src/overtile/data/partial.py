"""Labels of a part of an image: strokes of a brush, or a value for pixels that nobody can tell."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from overtile.arrays import Labels
from overtile.config import Settings
from overtile.errors import ConfigError


class PartialLabels(Settings):
    """Which label values say nothing about their pixels; none of them, by default."""

    ignore: Annotated[int, Field(ge=0, lt=1 << 32)] | None = None
    """A value of pixels that are not to be learnt from, nor judged by."""

    sparse: bool = False
    """Whether 0 is such a value, 1 means background, and 2, 3, … what 1, 2, … mean elsewhere."""

    def refuse_contradictions(self) -> None:
        """Refuse what cannot be meant.

        Raises
        ------
        ConfigError
            If the background is to be ignored: 0, or 1 where labels are sparse.
        """
        background = 1 if self.sparse else 0
        if self.ignore == background:
            raise ConfigError(
                f"--ignore {background} would ignore the background",
                remedy="leave it out"
                if self.sparse
                else "say --sparse where 0 is not labelled and 1 is background",
            )

    def read(self, stored: Labels) -> tuple[Labels, NDArray[np.bool_] | None]:
        """Part labels from what says nothing.

        Parameters
        ----------
        stored : (Y, X) array of uint32
            Label values as stored.

        Returns
        -------
        labels : (Y, X) array of uint32
            0 is background, also where nothing is said.
        ignore : (Y, X) array of bool, or None
            Where nothing is said; None where labels are neither sparse nor have such a value.

        Examples
        --------
        >>> labels, ignore = PartialLabels(sparse=True).read(np.array([[0, 1, 2, 3]], np.uint32))
        >>> labels
        array([[0, 0, 1, 2]], dtype=uint32)
        >>> ignore
        array([[ True, False, False, False]])
        """
        if not self.sparse and self.ignore is None:
            return stored, None
        ignore = np.zeros(stored.shape, bool)
        if self.ignore is not None:
            ignore |= stored == self.ignore
        if self.sparse:
            ignore |= stored == 0
            stored = np.maximum(stored, 1) - np.uint32(1)
        return np.where(ignore, np.uint32(0), stored), ignore


def shows(labels: Labels, ignore: NDArray[np.bool_] | None) -> tuple[bool, bool]:
    """Say whether labels tell of any foreground, and of any background.

    Parameters
    ----------
    labels, ignore : (Y, X) arrays
        As `PartialLabels.read` gives them.
    """
    background = labels == 0 if ignore is None else (labels == 0) & ~ignore
    return bool(labels.any()), bool(background.any())


def what_is_missing(
    labels: list[Labels], ignores: list[NDArray[np.bool_] | None], partial: PartialLabels
) -> tuple[str, str] | None:
    """Tell what all label images together lack to be learnt from, and the remedy; None if nothing.

    Parameters
    ----------
    labels, ignores : lists of (Y, X) arrays
        As `PartialLabels.read` gives them, one of each for every image.
    partial : PartialLabels
        By which they were read.
    """
    told = [shows(one, ignore) for one, ignore in zip(labels, ignores, strict=True)]
    foreground, background = (any(shown) for shown in zip(*told, strict=True))
    if foreground and background:
        return None
    if partial.sparse:
        painted = "paint some pixels with 1 for background, and objects or classes with 2, 3, …"
        if not foreground and not background:
            return "no pixel of any image is labelled", painted
        lacking = "background (value 1)" if foreground else "objects or classes (values 2, 3, …)"
        return f"no pixel of any image is labelled as {lacking}", painted
    if partial.ignore is not None:
        lacking = "foreground" if background else "background"
        return (
            f"--ignore {partial.ignore} leaves no {lacking} in any image",
            "ignore a value that is neither background nor the only foreground",
        )
    return None
