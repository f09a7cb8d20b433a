"""Panoptic quality: how many objects are recognised, times how well those are outlined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.contingency import Contingency, contingency
from overtile.evaluation.instances.matching import ObjectMatch, match_overlaps

# A match needs an IoU *above* one half: at least the next number that a float can be.
_ABOVE_HALF = float(np.nextafter(0.5, 1.0))


@dataclass(frozen=True, kw_only=True)
class PanopticQuality:
    """Two factors, both in [0, 1], higher is better; 1 if there is no object at all."""

    segmentation_quality: float
    """SQ: mean IoU of the matched pairs; 0 if nothing matched."""

    recognition_quality: float
    """RQ: TP / (TP + FP/2 + FN/2), which is F1."""

    @property
    def panoptic_quality(self) -> float:
        """PQ = SQ · RQ: the IoU of the matched pairs, added up, over TP + FP/2 + FN/2."""
        return self.segmentation_quality * self.recognition_quality


def panoptic_quality(
    truth: NDArray[Any], predicted: NDArray[Any], ignore: NDArray[np.bool_] | None = None
) -> PanopticQuality:
    """Score objects by eq. (1) and (2) of [1]_, all of one class.

    A truth object and a predicted object match if their intersection over union is above one half;
    exactly half is not enough, so no object can match twice.

    Parameters
    ----------
    truth, predicted : array of int
        Label images of one shape; 0 is background.
    ignore : array of bool, optional
        Pixels that count nowhere, same shape. An object wholly inside is gone, and of the others
        only what lies outside is compared. In [1]_ an unmatched prediction is also forgiven if
        most of it is ignored; here what remains of it counts as invented.

    Returns
    -------
    quality : PanopticQuality

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.

    References
    ----------
    .. [1] Kirillov, He, Girshick, Rother, Dollár (2019), "Panoptic segmentation", CVPR, Sec. 4.

    Examples
    --------
    >>> panoptic_quality(np.array([[1, 1, 1, 1, 0]]), np.array([[5, 5, 5, 0, 0]]))
    PanopticQuality(segmentation_quality=0.75, recognition_quality=1.0)
    """
    return quality_of(panoptic_match(contingency(truth, predicted, ignore)))


def panoptic_match(table: Contingency) -> ObjectMatch:
    """Match at an IoU above one half; those of several images add up."""
    return match_overlaps(table, _ABOVE_HALF)


def quality_of(match: ObjectMatch) -> PanopticQuality:
    """Tell both factors from objects matched at an IoU above one half."""
    anything = match.true_positives + match.false_positives + match.false_negatives > 0
    return PanopticQuality(
        segmentation_quality=match.mean_matched_iou if anything else 1.0,
        recognition_quality=match.f1,
    )
