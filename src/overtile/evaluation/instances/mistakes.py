"""What went wrong with which object: merged, split, missed or invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.errors import ConfigError
from overtile.evaluation.contingency import Contingency, contingency


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectMistakes:
    """The ids of the objects with each kind of mistake, ascending; an object may have several."""

    merging: Labels
    """(n,) predicted ids: each covers two or more truth objects. Counted as merges."""

    merged: Labels
    """(n,) truth ids: each is covered by an object of `merging`."""

    splitting: Labels
    """(n,) predicted ids: each lies inside one truth object, together with others."""

    split: Labels
    """(n,) truth ids: inside each lie two or more predicted objects. Counted as splits."""

    missed: Labels
    """(n,) truth ids: nothing covers the object, and it is not split."""

    invented: Labels
    """(n,) predicted ids: the object covers no truth object and lies inside none."""


def object_mistakes(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
    share: float = 0.5,
) -> ObjectMistakes:
    """Tell which objects were merged, split, missed and invented.

    A predicted object *covers* a truth object if it holds more than `share` of its pixels; it *lies
    inside* one if more than `share` of its own pixels are there. The rest follows:

    - a predicted object that covers two or more truth objects merges them;
    - a truth object is split if two or more predicted objects lie inside;
    - a truth object is missed if no predicted object covers it and it is not split;
    - a predicted object is invented if it covers no truth object and lies inside none.

    So an object that is found, but outlined badly, is none of these, and a small predicted object
    inside a truth object that is missed is not invented.

    Parameters
    ----------
    truth, predicted : array of int
        Label images of one shape; 0 is background.
    ignore : array of bool, optional
        Pixels that count nowhere, same shape. An object wholly inside has no mistake, and of the
        others only what lies outside is compared.
    share : float
        In [0, 1); from 0.5 on, each object is covered by, and lies inside, at most one.

    Returns
    -------
    mistakes : ObjectMistakes

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.
    ConfigError
        If `share` is outside [0, 1).

    Examples
    --------
    >>> truth = np.array([[1, 1, 0, 2, 2, 0, 3, 3, 3, 0, 4]])
    >>> found = np.array([[5, 5, 5, 5, 5, 0, 6, 7, 7, 0, 0]])
    >>> mistakes = object_mistakes(truth, found)
    >>> mistakes.merging, mistakes.merged
    (array([5], dtype=uint32), array([1, 2], dtype=uint32))
    >>> mistakes.splitting, mistakes.split, mistakes.missed
    (array([6, 7], dtype=uint32), array([3], dtype=uint32), array([4], dtype=uint32))
    """
    return mistaken_overlaps(contingency(truth, predicted, ignore), share)


def mistaken_overlaps(table: Contingency, share: float = 0.5) -> ObjectMistakes:
    """Do what `object_mistakes` does, from overlaps counted once."""
    if not 0 <= share < 1:
        raise ConfigError(
            f"`share` must be at least 0 and below 1. Got {share}", remedy="0.5 is the usual choice"
        )
    row, column = table.truth_index, table.predicted_index
    objects = (table.truth_ids[row] > 0) & (table.predicted_ids[column] > 0)
    covers = objects & (table.counts > share * table.truth_sizes[row])
    inside = objects & (table.counts > share * table.predicted_sizes[column])
    merging = _often(column[covers], table.predicted_ids)
    split = _often(row[inside], table.truth_ids)
    missed, invented = table.truth_ids > 0, table.predicted_ids > 0
    missed[row[covers]] = False
    invented[column[covers | inside]] = False
    return ObjectMistakes(
        merging=table.predicted_ids[merging],
        merged=np.unique(table.truth_ids[row[covers & merging[column]]]),
        splitting=np.unique(table.predicted_ids[column[inside & split[row]]]),
        split=table.truth_ids[split],
        missed=table.truth_ids[missed & ~split],
        invented=table.predicted_ids[invented],
    )


def _often(index: NDArray[np.int64], ids: Labels) -> NDArray[np.bool_]:
    """Say for each of `ids` whether it occurs twice or more in `index`."""
    return np.bincount(index, minlength=ids.size) > 1
