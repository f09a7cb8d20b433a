"""Which object overlaps which, in one pass: the table that all object measures derive from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.evaluation.checks import check_pair, checked_labels
from overtile.kernels import kernel

_LARGEST_ID = (1 << 32) - 1


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
    one, other = _ids(truth, "truth").ravel(), _ids(predicted, "prediction").ravel()
    if ignore is not None:
        check_pair(truth, ignore)
        seen = ~ignore.ravel().astype(bool)
        one, other = one[seen], other[seen]
    pairs, counts, all_ids = _count(one, other)
    if not all_ids:
        checked_labels(truth, "truth")
        checked_labels(predicted, "prediction")
    order = np.argsort(pairs)
    pairs, counts = pairs[order], counts[order]
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


def _ids(labels: NDArray[Any], role: str) -> NDArray[np.integer]:
    """Bring labels to one of two types, for each of which the loops below are compiled."""
    if labels.dtype in (np.uint32, np.int64):
        return np.ascontiguousarray(labels)
    return np.ascontiguousarray(checked_labels(labels, role))


@kernel
def _count(truth, predicted):  # type: ignore[no-untyped-def]
    """Count pairs in a table that a pair finds its place in by its bits, or beside that.

    Gives the pairs, truth in the upper 32 bits, how often each occurs, and whether all are ids.
    """
    capacity, filled = 1024, 0
    keys, counts = np.zeros(capacity, np.uint64), np.zeros(capacity, np.int64)
    start, size = 0, truth.size
    while start < size:
        # Labels come in long runs along a row: a run is looked up once.
        one, other = truth[start], predicted[start]
        if not (0 <= one <= _LARGEST_ID and 0 <= other <= _LARGEST_ID):
            return keys[:0], counts[:0], False
        end = start + 1
        while end < size and truth[end] == one and predicted[end] == other:
            end += 1
        place = _place(keys, counts, np.uint64(one) << np.uint64(32) | np.uint64(other))
        filled += counts[place] == 0
        keys[place] = np.uint64(one) << np.uint64(32) | np.uint64(other)
        counts[place] += end - start
        start = end
        if 2 * filled > capacity:
            capacity *= 4
            wider, moved = np.zeros(capacity, np.uint64), np.zeros(capacity, np.int64)
            for old in range(keys.size):
                if counts[old]:
                    place = _place(wider, moved, keys[old])
                    wider[place], moved[place] = keys[old], counts[old]
            keys, counts = wider, moved
    used = np.flatnonzero(counts)
    return keys[used], counts[used], True


@kernel
def _place(keys, counts, key):  # type: ignore[no-untyped-def]
    """Find where a pair is counted, or the free place where it will be."""
    last = np.uint64(keys.size - 1)
    # Times 2⁶⁴ over the golden ratio (Knuth), of which the upper bits depend on both ids.
    place = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(36) & last
    while counts[place] and keys[place] != key:
        place = place + np.uint64(1) & last
    return place
