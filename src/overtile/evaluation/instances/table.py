"""Score label images by the objects found, missed and invented."""

from __future__ import annotations

import numpy as np

from overtile.evaluation.contingency import contingency
from overtile.evaluation.instances.matching import ObjectMatch, match_overlaps
from overtile.evaluation.scores import Page, Pages, Row, TaskScores, about, check_any, task_scores

CONVENTION = (
    "average_precision_N is TP/(TP+FP+FN) and f1_N is 2TP/(2TP+FP+FN) with objects matched one to "
    "one at an IoU of at least N/100, 1 where truth and prediction are both empty, averaged over "
    "images; mean_matched_iou_50 is the mean over images of the IoU of matched pairs, 0 where "
    "nothing matched; pooled numbers add up the objects of all images at IoU 0.5; count_error is "
    "predicted minus true objects."
)

# Hundredths, not steps of 0.05 added up: 0.6 must be the float nearest to 3/5, as the IoU is.
_IOU_PERCENT = range(50, 100, 5)


def score_instances(pages: Pages) -> TaskScores:
    """Score label images by the objects found, missed and invented.

    Parameters
    ----------
    pages : iterable of (name, truth, predicted)
        Label images, arrays of int of one shape; 0 is background.

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
    names, matches = [], []
    for name, truth, predicted, ignore in (Page(*page) for page in pages):
        with about(name):
            table = contingency(truth, predicted, ignore)
        names.append(name)
        matches.append([match_overlaps(table, percent / 100) for percent in _IOU_PERCENT])
    check_any(matches)
    rows = [_instance_numbers(levels) for levels in matches]
    summary = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    summary |= _pooled([levels[0] for levels in matches])
    per_image: list[Row] = [
        {"image": name} | row | _counts(levels[0])
        for name, row, levels in zip(names, rows, matches, strict=True)
    ]
    return task_scores("instances", CONVENTION, summary, per_image, lower_is_better=False)


def _instance_numbers(levels: list[ObjectMatch]) -> dict[str, float]:
    half = levels[0]
    numbers = {
        "average_precision_50": half.average_precision,
        "f1_50": half.f1,
        "mean_matched_iou_50": half.mean_matched_iou,
    }
    for percent, match in zip(_IOU_PERCENT, levels, strict=True):
        numbers[f"average_precision_{percent}"] = match.average_precision
        numbers[f"f1_{percent}"] = match.f1
    return numbers


def _counts(match: ObjectMatch) -> dict[str, int]:
    return {
        "true_positives_50": match.true_positives,
        "false_positives_50": match.false_positives,
        "false_negatives_50": match.false_negatives,
        "count_error": match.count_error,
    }


def _pooled(matches: list[ObjectMatch]) -> dict[str, float]:
    everything = ObjectMatch(
        true_positives=sum(match.true_positives for match in matches),
        false_positives=sum(match.false_positives for match in matches),
        false_negatives=sum(match.false_negatives for match in matches),
        mean_matched_iou=0.0,
    )
    return {
        "pooled_average_precision_50": everything.average_precision,
        "pooled_f1_50": everything.f1,
    } | {f"pooled_{key}": float(count) for key, count in _counts(everything).items()}
