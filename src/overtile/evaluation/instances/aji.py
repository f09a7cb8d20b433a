"""Aggregated Jaccard index: the pixels that objects share, over all pixels they or rivals claim."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.contingency import Contingency, contingency


def aggregated_jaccard_index(
    truth: NDArray[Any], predicted: NDArray[Any], ignore: NDArray[np.bool_] | None = None
) -> float:
    """Score objects by the aggregated Jaccard index (AJI) of [1]_.

    Each truth object takes the predicted object with the highest intersection over union; of
    equals, the one with the lowest id. The intersections of these pairs are added up, and so are
    their unions. A truth object that nothing overlaps adds its size to the union. Every predicted
    object that none took adds its size, too.

    A predicted object may be taken by several truth objects, and then its pixels are in the union
    once for each. [1]_ and the program of the 2018 MoNuSeg challenge do so. An earlier program of
    the same authors let each prediction be taken once, by whichever truth object came first, and
    "AJI+" pairs one to one: those numbers are others.

    Parameters
    ----------
    truth, predicted : array of int
        Label images of one shape; 0 is background.
    ignore : array of bool, optional
        Pixels that count nowhere, same shape. An object wholly inside is gone, and of the others
        only what lies outside is compared.

    Returns
    -------
    index : float
        In [0, 1], higher is better; 1 if there is no object in truth and prediction.

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.

    References
    ----------
    .. [1] Kumar et al. (2017), "A dataset and a technique for generalized nuclear segmentation for
       computational pathology", IEEE Transactions on Medical Imaging 36(7), algorithm 1.

    Examples
    --------
    >>> aggregated_jaccard_index(np.array([[1, 1, 0, 2]]), np.array([[5, 0, 6, 6]]))
    0.5
    """
    return jaccard_of_overlaps(contingency(truth, predicted, ignore))


def jaccard_of_overlaps(table: Contingency) -> float:
    """Do what `aggregated_jaccard_index` does, from overlaps counted once."""
    row, column = table.truth_index, table.predicted_index
    union = table.truth_sizes[row] + table.predicted_sizes[column] - table.counts
    taken = _best_of_each_truth(table, table.counts / union)
    lonely, unused = table.truth_ids > 0, table.predicted_ids > 0
    lonely[row[taken]] = False
    unused[column[taken]] = False
    whole = (
        union[taken].sum() + table.truth_sizes[lonely].sum() + table.predicted_sizes[unused].sum()
    )
    return float(table.counts[taken].sum() / whole) if whole else 1.0


def _best_of_each_truth(table: Contingency, iou: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose for each truth object the pair with the highest `iou`; of equals, the lowest id."""
    row, column = table.truth_index, table.predicted_index
    pairs = np.flatnonzero((table.truth_ids[row] > 0) & (table.predicted_ids[column] > 0))
    pairs = pairs[np.lexsort((column[pairs], -iou[pairs], row[pairs]))]
    # Pairs of one truth object now follow each other, its best first.
    return pairs[np.unique(row[pairs], return_index=True)[1]]
