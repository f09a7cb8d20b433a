"""Matching objects: how many were found, missed and invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from overtile.errors import ConfigError
from overtile.evaluation.contingency import Contingency, contingency

IOU_PERCENT = range(50, 100, 5)
"""The ten thresholds of the 2018 Data Science Bowl, in hundredths: steps of 0.05, added up, would
miss the float nearest to 3/5, which an IoU of 3/5 is."""


@dataclass(frozen=True, kw_only=True)
class ObjectMatch:
    """Objects found, invented and missed at one IoU threshold."""

    true_positives: int
    """Pairs of a truth object and a predicted object that match."""

    false_positives: int
    """Predicted objects without a partner."""

    false_negatives: int
    """Truth objects without a partner."""

    mean_matched_iou: float
    """Mean IoU of the matched pairs, in [0, 1]; 0 if nothing matched."""

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN), in [0, 1]; 1 if there is no object in truth and prediction."""
        objects = self.true_positives + self.false_positives + self.false_negatives
        return self.true_positives / objects if objects else 1.0

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), in [0, 1]; 1 if there is no object in truth and prediction."""
        objects = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / objects if objects else 1.0

    @property
    def count_error(self) -> int:
        """Predicted objects minus truth objects: above 0 if too many."""
        return self.false_positives - self.false_negatives


def match_objects(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    iou: float = 0.5,
    ignore: NDArray[np.bool_] | None = None,
) -> ObjectMatch:
    """Pair truth objects with predicted objects that overlap enough, each at most once.

    A pair may match if its intersection over union is at least `iou`. Of all one-to-one pairings
    that with the most matches is taken, and of equals that with the highest total IoU, as in
    [1]_ and [2]_. Above an IoU of one half no object can have two candidates.

    Parameters
    ----------
    truth, predicted : array of int
        Label images of one shape; 0 is background.
    iou : float
        In (0, 1].
    ignore : array of bool, optional
        Pixels that count nowhere, same shape. An object wholly inside is gone, and of the others
        only what lies outside is compared.

    Returns
    -------
    match : ObjectMatch

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.
    ConfigError
        If `iou` is outside (0, 1].

    References
    ----------
    .. [1] Schmidt, Weigert, Broaddus, Myers (2018), "Cell Detection with Star-Convex Polygons",
       MICCAI, Sec. 3, "Evaluation metric".
    .. [2] Caicedo et al. (2019), "Nucleus segmentation across imaging experiments: the 2018 Data
       Science Bowl", Nature Methods 16.

    Examples
    --------
    >>> match_objects(np.array([[1, 1, 0, 2]]), np.array([[5, 0, 0, 0]]))
    ObjectMatch(true_positives=1, false_positives=0, false_negatives=1, mean_matched_iou=0.5)
    """
    return match_overlaps(contingency(truth, predicted, ignore), iou)


def match_overlaps(table: Contingency, iou: float = 0.5) -> ObjectMatch:
    """Do what `match_objects` does, from overlaps counted once for several thresholds."""
    if not 0 < iou <= 1:
        raise ConfigError(
            f"`iou` must be above 0 and at most 1. Got {iou}", remedy="0.5 is the usual choice"
        )
    truth_index, predicted_index, overlap = _candidates(table, iou)
    matched = _best_pairing(truth_index, predicted_index, overlap)
    return ObjectMatch(
        true_positives=matched.size,
        false_positives=int(np.count_nonzero(table.predicted_ids)) - matched.size,
        false_negatives=int(np.count_nonzero(table.truth_ids)) - matched.size,
        mean_matched_iou=float(matched.mean()) if matched.size else 0.0,
    )


def match_levels(table: Contingency) -> list[ObjectMatch]:
    """Match at each threshold of `IOU_PERCENT`."""
    return [match_overlaps(table, percent / 100) for percent in IOU_PERCENT]


def mean_average_precision(
    truth: NDArray[Any], predicted: NDArray[Any], ignore: NDArray[np.bool_] | None = None
) -> float:
    """Average TP / (TP + FP + FN) over the IoU thresholds 0.5, 0.55 … 0.95, as in [1]_.

    Parameters
    ----------
    truth, predicted : array of int
        Label images of one shape; 0 is background.
    ignore : array of bool, optional
        As for `match_objects`.

    Returns
    -------
    mean : float
        In [0, 1], higher is better; 1 if there is no object in truth and prediction. This is not
        the area under a precision-recall curve that detectors are ranked by.

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.

    References
    ----------
    .. [1] Caicedo et al. (2019), "Nucleus segmentation across imaging experiments: the 2018 Data
       Science Bowl", Nature Methods 16.

    Examples
    --------
    >>> mean_average_precision(np.array([[1, 1, 1, 1, 1]]), np.array([[1, 1, 1, 0, 0]]))
    0.3
    """
    return mean_precision(match_levels(contingency(truth, predicted, ignore)))


def mean_precision(levels: Sequence[ObjectMatch]) -> float:
    """Average the average precision over the thresholds of one image."""
    return float(np.mean([match.average_precision for match in levels]))


def pooled(matches: Sequence[ObjectMatch]) -> ObjectMatch:
    """Put the objects of several images, matched at one threshold, together."""
    found = sum(match.true_positives for match in matches)
    total_iou = sum(match.true_positives * match.mean_matched_iou for match in matches)
    return ObjectMatch(
        true_positives=found,
        false_positives=sum(match.false_positives for match in matches),
        false_negatives=sum(match.false_negatives for match in matches),
        mean_matched_iou=total_iou / found if found else 0.0,
    )


def _candidates(
    table: Contingency, iou: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Find the pairs of objects whose IoU is at least `iou`: two indices and the IoU of each."""
    row, column = table.truth_index, table.predicted_index
    union = table.truth_sizes[row] + table.predicted_sizes[column] - table.counts
    overlap = table.counts / union
    objects = (table.truth_ids[row] > 0) & (table.predicted_ids[column] > 0)
    keep = objects & (overlap >= iou)
    return row[keep], column[keep], overlap[keep]


def _best_pairing(
    row: NDArray[np.int64], column: NDArray[np.int64], overlap: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Choose candidates so that no row or column occurs twice; return the IoU of those chosen."""
    # Nearly always each object has one candidate, which needs no search.
    only = (np.bincount(row)[row] == 1) & (np.bincount(column)[column] == 1)
    if only.all():
        return overlap
    rows, row = np.unique(row[~only], return_inverse=True)
    columns, column = np.unique(column[~only], return_inverse=True)
    searched = np.zeros((rows.size, columns.size))
    searched[row, column] = overlap[~only]
    # A match is worth more than all IoU together could be: first their number, then their sum.
    worth = (searched > 0) + searched / (2 * min(searched.shape))
    chosen = searched[linear_sum_assignment(worth, maximize=True)]
    return np.concatenate([overlap[only], chosen[chosen > 0]])
