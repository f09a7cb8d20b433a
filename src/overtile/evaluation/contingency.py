"""Which object overlaps which, in one pass: the table that all object measures derive from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.evaluation.checks import check_pair, checked_labels


@dataclass(frozen=True, kw_only=True, eq=False)
class Contingency:
    """Sparse table of the overlaps of two label images, background (id 0) included.

    Pair ``n`` says that truth ``truth_ids[truth_index[n]]`` and prediction
    ``predicted_ids[predicted_index[n]]`` share ``counts[n]`` pixels. Pairs that share none are
    not listed.
    """

    truth_ids: Labels
    """(T,) ids in the truth, ascending; 0 only if there is background."""

    predicted_ids: Labels
    """(Q,) ids in the prediction, ascending; 0 only if there is background."""

    truth_index: NDArray[np.int64]
    """(pairs,) index into `truth_ids`."""

    predicted_index: NDArray[np.int64]
    """(pairs,) index into `predicted_ids`."""

    counts: NDArray[np.int64]
    """(pairs,) shared pixels, at least 1."""

    truth_sizes: NDArray[np.int64]
    """(T,) pixels of each truth id."""

    predicted_sizes: NDArray[np.int64]
    """(Q,) pixels of each predicted id."""


def contingency(
    truth: NDArray[Any], predicted: NDArray[Any], ignore: NDArray[np.bool_] | None = None
) -> Contingency:
    """Count the pixels that each pair of labels shares.

    Parameters
    ----------
    truth, predicted : array of int
        Label images of one shape, (Y, X) or more axes; ids in 0...2³² − 1.
    ignore : array of bool, optional
        Pixels to leave out, same shape.

    Returns
    -------
    table : Contingency

    Raises
    ------
    ImageError
        If shapes differ, or there is no pixel.
    LabelError
        If an array holds anything but ids.

    Examples
    --------
    >>> table = contingency(np.array([[1, 1, 0]]), np.array([[7, 0, 0]]))
    >>> table.truth_ids[table.truth_index], table.predicted_ids[table.predicted_index]
    (array([0, 1, 1], dtype=uint32), array([0, 0, 7], dtype=uint32))
    >>> table.counts
    array([1, 1, 1])
    """
    check_pair(truth, predicted)
    one = checked_labels(truth, "truth").ravel()
    other = checked_labels(predicted, "prediction").ravel()
    if ignore is not None:
        check_pair(truth, ignore)
        seen = ~ignore.ravel().astype(bool)
        one, other = one[seen], other[seen]
    pairs, counts = _count_runs(one, other)
    truth_ids, truth_index = np.unique(pairs >> np.uint64(32), return_inverse=True)
    predicted_ids, predicted_index = np.unique(pairs & np.uint64(0xFFFFFFFF), return_inverse=True)
    return Contingency(
        truth_ids=truth_ids.astype(np.uint32),
        predicted_ids=predicted_ids.astype(np.uint32),
        truth_index=truth_index,
        predicted_index=predicted_index,
        counts=counts,
        truth_sizes=sums_by(truth_index, counts, truth_ids.size),
        predicted_sizes=sums_by(predicted_index, counts, predicted_ids.size),
    )


def sums_by(index: NDArray[np.int64], counts: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Add up the `counts` that have the same `index`; exact, as pixel counts are below 2⁵³."""
    return np.bincount(index, weights=counts, minlength=length).astype(np.int64)


def _count_runs(truth: Labels, predicted: Labels) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Find the distinct pairs, truth in the upper 32 bits, ascending, and how often each occurs."""
    # Labels come in long runs along a row: sorting runs, not pixels, is several times faster.
    changes = truth[1:] != truth[:-1]
    changes |= predicted[1:] != predicted[:-1]
    begins = np.flatnonzero(np.concatenate(([True], changes))[: truth.size])
    lengths = np.diff(begins, append=truth.size)
    keys = truth[begins].astype(np.uint64) << np.uint64(32) | predicted[begins]
    distinct, index = np.unique(keys, return_inverse=True)
    return distinct, sums_by(index, lengths, distinct.size)
