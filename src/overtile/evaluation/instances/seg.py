"""SEG of the Cell Tracking Challenge: how well each true object is covered by the one it got."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.contingency import Contingency, contingency


def seg_score(
    truth: NDArray[Any], predicted: NDArray[Any], ignore: NDArray[np.bool_] | None = None
) -> float:
    """Average the Jaccard index of each truth object with the prediction that covers it.

    The partner of a truth object is the predicted object that covers more than half of it;
    exactly half is not enough, so there is at most one. Without a partner the object scores 0.
    Invented objects cost nothing: read SEG beside a measure that counts them [1]_.

    Table 2 of the U-Net paper reports an "IOU" for two data sets of the challenge of 2015. The
    paper does not define it; SEG is what the challenge itself measures segmentation by.

    Parameters
    ----------
    truth, predicted : array of int
        Label images of one shape; 0 is background.
    ignore : array of bool, optional
        Pixels that count nowhere, same shape. An object wholly inside is gone, and of the others
        only what lies outside is compared.

    Returns
    -------
    score : float
        In [0, 1], higher is better. Without a truth object, 1 if nothing was predicted, else 0: the
        challenge does not define it.

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.

    References
    ----------
    .. [1] Maška et al. (2014), "A benchmark for comparison of cell tracking algorithms",
       Bioinformatics 30(11): measure SEG.

    Examples
    --------
    >>> seg_score(np.array([[1, 1, 1, 1, 0, 2]]), np.array([[5, 5, 5, 0, 0, 0]]))
    0.375
    """
    table = contingency(truth, predicted, ignore)
    return mean_jaccard(seg_jaccards(table), any_predicted=bool(table.predicted_ids.any()))


def seg_jaccards(table: Contingency) -> NDArray[np.float64]:
    """Give the Jaccard index of each truth object, ids ascending; 0 for one without a partner."""
    row, column = table.truth_index, table.predicted_index
    covers = (table.predicted_ids[column] > 0) & (2 * table.counts > table.truth_sizes[row])
    row, column, shared = row[covers], column[covers], table.counts[covers]
    jaccards = np.zeros(table.truth_ids.size)
    jaccards[row] = shared / (table.truth_sizes[row] + table.predicted_sizes[column] - shared)
    return jaccards[table.truth_ids > 0]


def mean_jaccard(jaccards: NDArray[np.float64], *, any_predicted: bool) -> float:
    """Average over truth objects; without any, say whether rightly nothing was predicted."""
    return float(jaccards.mean()) if jaccards.size else float(not any_predicted)
