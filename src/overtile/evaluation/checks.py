"""What every measure demands of the two arrays that it compares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.errors import ImageError, LabelError

_LARGEST_ID = (1 << 32) - 1


def check_pair(truth: NDArray[Any], predicted: NDArray[Any]) -> None:
    """Refuse two arrays that do not show the same pixels.

    Raises
    ------
    ImageError
        If the shapes differ, or there is no pixel at all.
    """
    if truth.shape != predicted.shape:
        raise ImageError(
            f"the truth has shape {truth.shape} but the prediction has {predicted.shape}",
            remedy="compare a truth with the full-size prediction of the same image",
        )
    if truth.size == 0:
        raise ImageError(f"there is no pixel in shape {truth.shape}", remedy="leave this image out")


def check_foreground(truth: NDArray[Any], probability: NDArray[Any]) -> None:
    """Refuse a pair, or a truth that is not a yes or no for each pixel.

    Raises
    ------
    ImageError
        If the truth is not bool, or as for `check_pair`.
    """
    check_pair(truth, probability)
    if truth.dtype != np.bool_:
        raise ImageError(
            f"the truth foreground must be bool, not {truth.dtype}",
            remedy="compare the labels with 0: `labels > 0`",
        )


def checked_labels(labels: NDArray[Any], role: str) -> Labels:
    """Turn any whole-number array into label ids; `role` names it in errors.

    Raises
    ------
    LabelError
        If it holds fractions, negative numbers or ids above 2³² − 1.
    """
    if labels.dtype.kind not in "bui":
        raise LabelError(
            f"the {role} holds {labels.dtype} numbers where ids are whole",
            remedy="give a label image: 0 is background, 1, 2, 3... are objects or classes",
        )
    if labels.size and (labels.min() < 0 or labels.max() > _LARGEST_ID):
        raise LabelError(
            f"the {role} holds ids from {labels.min()} to {labels.max()}",
            remedy=f"number its objects from 1 to at most {_LARGEST_ID}, 0 for background",
        )
    return labels.astype(np.uint32, copy=False)


def checked_probabilities(probability: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """Return `probability` as floats after making sure that it is one.

    Raises
    ------
    ImageError
        If a value is not a number or lies outside [0, 1].
    """
    if probability.dtype.kind != "f":
        probability = probability.astype(np.float64)
    lowest, highest = probability.min(), probability.max()
    # Written so that NaN, which compares false with everything, is refused too.
    if not (lowest >= 0 and highest <= 1):
        raise ImageError(
            f"the foreground probability ranges from {lowest:g} to {highest:g}, not within [0, 1]",
            remedy="divide 8-bit grey values by 255; if it says nan, the network has diverged",
        )
    return probability
