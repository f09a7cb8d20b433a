"""Sizes and overlaps of objects inside the truth foreground: what Rand and information sum up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.contingency import contingency, sums_by


@dataclass(frozen=True, kw_only=True, eq=False)
class ForegroundOverlaps:
    """Pixels of truth objects and proposed segments, the truth background being left out.

    Each pixel in `alone` is a proposed segment of its own, and shares one pixel with its object.
    """

    shared: NDArray[np.int64]
    """(pairs,) pixels that a truth object and a proposed segment share, at least 1."""

    truth: NDArray[np.int64]
    """(T,) pixels of each truth object."""

    predicted: NDArray[np.int64]
    """(Q,) pixels of each proposed segment inside the truth foreground; may be 0."""

    alone: int
    """Pixels inside the truth foreground that the proposal calls background."""


def foreground_overlaps(
    truth_labels: NDArray[Any],
    predicted_labels: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> ForegroundOverlaps:
    """Measure objects and segments inside the truth foreground.

    Parameters
    ----------
    truth_labels, predicted_labels : array of int
        Label images of one shape; 0 is background.
    ignore : array of bool, optional
        Pixels to leave out of all sizes, same shape.

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.
    """
    table = contingency(truth_labels, predicted_labels, ignore)
    inside = table.truth_ids[table.truth_index] > 0
    shared, segment = table.counts[inside], table.predicted_index[inside]
    sizes = sums_by(segment, shared, table.predicted_ids.size)
    alone = table.predicted_ids == 0
    return ForegroundOverlaps(
        shared=shared[~alone[segment]],
        truth=table.truth_sizes[table.truth_ids > 0],
        predicted=sizes[~alone],
        alone=int(sizes[alone].sum()),
    )
