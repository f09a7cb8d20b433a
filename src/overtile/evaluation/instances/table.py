"""Score label images by the objects found, missed, invented, merged and split."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.contingency import Contingency, contingency
from overtile.evaluation.instances.aji import jaccard_of_overlaps
from overtile.evaluation.instances.matching import (
    IOU_PERCENT,
    ObjectMatch,
    match_levels,
    mean_precision,
    pooled,
)
from overtile.evaluation.instances.mistakes import mistaken_overlaps
from overtile.evaluation.instances.panoptic import panoptic_match, quality_of
from overtile.evaluation.instances.seg import mean_jaccard, seg_jaccards
from overtile.evaluation.scores import Page, Pages, Row, TaskScores, about, check_any, task_scores

CONVENTION = (
    "average_precision_N is TP/(TP+FP+FN) and f1_N is 2TP/(2TP+FP+FN) with objects matched one to "
    "one at an IoU of at least N/100, 1 where truth and prediction are both empty, averaged over "
    "images; mean_average_precision is the mean of average_precision_50, 55 ... 95; "
    "mean_matched_iou_50 is the mean over images of the IoU of matched pairs, 0 where nothing "
    "matched; seg is the mean over the true objects of all images (per image over its own) of the "
    "Jaccard index with the predicted object that covers more than half of it, 0 without one; "
    "panoptic_quality is matched IoU over TP+FP/2+FN/2 at an IoU above one half, averaged over "
    "images; aji lets each true object take the predicted object of highest IoU, several may take "
    "the same, and is averaged over images; merges counts predicted objects that cover more than "
    "half of two or more true objects, splits counts true objects with two or more predicted "
    "objects more than half inside, both added up over images; pooled numbers add up the objects "
    "of all images at IoU 0.5; count_error is predicted minus true objects, absolute_count_error "
    "its size, averaged over images."
)


class _Scored(NamedTuple):
    """What one image adds to the numbers over all images."""

    levels: list[ObjectMatch]
    panoptic: ObjectMatch
    jaccards: NDArray[np.float64]
    any_predicted: bool
    numbers: dict[str, float]
    """Averaged over images."""
    counts: dict[str, int]
    """Added up over images."""


def score_instances(pages: Pages) -> TaskScores:
    """Score label images by the objects found, missed, invented, merged and split.

    Parameters
    ----------
    pages : iterable of (name, truth, predicted) or Page
        Label images, arrays of int of one shape; 0 is background. Where a page has `ignore`, its
        pixels count nowhere: an object wholly inside is gone, of others the rest is compared.

    Returns
    -------
    scores : TaskScores
        Headline `average_precision_50`, higher is better.

    Raises
    ------
    ImageError, LabelError
        If shapes differ or an array holds anything but ids; names the image.
    PairError
        If there is no image.
    """
    names, images = [], []
    for name, truth, predicted, ignore in (Page(*page) for page in pages):
        with about(name):
            images.append(_scored(contingency(truth, predicted, ignore)))
        names.append(name)
    check_any(images)
    per_image: list[Row] = [
        {"image": name} | image.numbers | image.counts | _found(image.levels[0])
        for name, image in zip(names, images, strict=True)
    ]
    return task_scores("instances", CONVENTION, _summary(images), per_image, lower_is_better=False)


def _scored(table: Contingency) -> _Scored:
    levels, panoptic = match_levels(table), panoptic_match(table)
    jaccards, any_predicted = seg_jaccards(table), bool(table.predicted_ids.any())
    mistakes = mistaken_overlaps(table)
    numbers: dict[str, float] = {
        "average_precision_50": levels[0].average_precision,
        "f1_50": levels[0].f1,
        "mean_matched_iou_50": levels[0].mean_matched_iou,
        "mean_average_precision": mean_precision(levels),
        "seg": mean_jaccard(jaccards, any_predicted=any_predicted),
        "panoptic_quality": quality_of(panoptic).panoptic_quality,
        "aji": jaccard_of_overlaps(table),
        "absolute_count_error": abs(levels[0].count_error),
    }
    for percent, match in zip(IOU_PERCENT, levels, strict=True):
        numbers[f"average_precision_{percent}"] = match.average_precision
        numbers[f"f1_{percent}"] = match.f1
    return _Scored(
        levels=levels,
        panoptic=panoptic,
        jaccards=jaccards,
        any_predicted=any_predicted,
        numbers=numbers,
        counts={"merges": mistakes.merging.size, "splits": mistakes.split.size},
    )


def _summary(images: list[_Scored]) -> dict[str, float]:
    first = images[0]
    half = pooled([image.levels[0] for image in images])
    panoptic = pooled([image.panoptic for image in images])
    return (
        {key: float(np.mean([image.numbers[key] for image in images])) for key in first.numbers}
        | {
            "seg": mean_jaccard(
                np.concatenate([image.jaccards for image in images]),
                any_predicted=any(image.any_predicted for image in images),
            )
        }
        | {key: float(sum(image.counts[key] for image in images)) for key in first.counts}
        | {
            "pooled_average_precision_50": half.average_precision,
            "pooled_f1_50": half.f1,
            "pooled_panoptic_quality": quality_of(panoptic).panoptic_quality,
        }
        | {f"pooled_{key}": float(count) for key, count in _found(half).items()}
    )


def _found(match: ObjectMatch) -> dict[str, int]:
    return {
        "true_positives_50": match.true_positives,
        "false_positives_50": match.false_positives,
        "false_negatives_50": match.false_negatives,
        "count_error": match.count_error,
    }
