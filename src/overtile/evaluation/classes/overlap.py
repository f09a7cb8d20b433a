"""Class maps: confusion matrix, and the Dice and IoU of each class that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.errors import LabelError
from overtile.evaluation.contingency import contingency


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Overlap of each class, all in [0, 1], higher is better.

    A class that is neither in the truth nor in the prediction has no score: it is left out, of
    the means too. Class 0, the background, has a score but does not enter the means.
    """

    dice: dict[int, float]
    """2 |T ∩ P| / (|T| + |P|) of each class."""

    iou: dict[int, float]
    """|T ∩ P| / |T ∪ P| of each class."""

    mean_dice: float
    """Mean over classes but the background; 1 by convention if there is only background."""

    mean_iou: float
    """Mean over classes but the background; 1 by convention if there is only background."""

    pixel_accuracy: float
    """Share of pixels with the right class, background included."""


def confusion_matrix(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    classes: int,
    ignore: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Count pixels by true and predicted class.

    Parameters
    ----------
    truth, predicted : array of int
        Class maps of one shape, values in 0...classes − 1.
    classes : int
        Number of classes K, background included.
    ignore : array of bool, optional
        Pixels to leave out, same shape.

    Returns
    -------
    matrix : (K, K) array of int64
        Rows are the truth, columns the prediction. Matrices of several images add up.

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If there is a class of K or above.

    Examples
    --------
    >>> confusion_matrix(np.array([[0, 1, 1]]), np.array([[0, 1, 0]]), classes=2)
    array([[1, 0],
           [1, 1]])
    """
    table = contingency(truth, predicted, ignore)
    for role, ids in (("truth", table.truth_ids), ("prediction", table.predicted_ids)):
        if ids.size and ids[-1] >= classes:
            raise LabelError(
                f"the {role} holds class {ids[-1]}, but there are only {classes} classes",
                remedy=f"number the classes 0 to {classes - 1}, or name the missing ones",
            )
    matrix = np.zeros((classes, classes), np.int64)
    rows = table.truth_ids[table.truth_index]
    matrix[rows, table.predicted_ids[table.predicted_index]] = table.counts
    return matrix


def class_scores(matrix: NDArray[np.int64]) -> ClassScores:
    """Score each class from a confusion matrix.

    Parameters
    ----------
    matrix : (K, K) array of int64
        From `confusion_matrix`.

    Returns
    -------
    scores : ClassScores

    References
    ----------
    .. [1] Dice (1945), "Measures of the amount of ecologic association between species", Ecology
       26(3).
    .. [2] Long, Shelhamer, Darrell (2015), "Fully convolutional networks for semantic
       segmentation", CVPR, Sec. 5, "Metrics": mean IU, here without the background.

    Examples
    --------
    >>> class_scores(np.array([[1, 0], [1, 1]])).iou
    {0: 0.5, 1: 0.5}
    """
    right = np.diag(matrix)
    sizes = matrix.sum(axis=0) + matrix.sum(axis=1)
    present = [int(k) for k in np.flatnonzero(sizes)]
    dice = {k: float(2 * right[k] / sizes[k]) for k in present}
    iou = {k: float(right[k] / (sizes[k] - right[k])) for k in present}
    return ClassScores(
        dice=dice,
        iou=iou,
        mean_dice=_mean_but_background(dice),
        mean_iou=_mean_but_background(iou),
        pixel_accuracy=float(right.sum() / max(matrix.sum(), 1)),
    )


def _mean_but_background(scores: dict[int, float]) -> float:
    values = [score for k, score in scores.items() if k > 0]
    return float(np.mean(values)) if values else 1.0
