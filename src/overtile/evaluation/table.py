"""Score a set of images: one function per task, for what is printed, stored and plotted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from overtile.errors import ConfigError, ImageError, OvertileError
from overtile.evaluation.checks import check_foreground, checked_probabilities
from overtile.evaluation.classes import ClassScores, class_scores, confusion_matrix
from overtile.evaluation.contingency import contingency
from overtile.evaluation.conventions import CLASSES, INSTANCES, ISBI2012
from overtile.evaluation.objects import ObjectMatch, match_overlaps
from overtile.evaluation.pixel import pixels_wrong
from overtile.evaluation.rand import rand_index_error, sweep_of_pages
from overtile.evaluation.rand_sums import rand_sums
from overtile.evaluation.scores import Row, TaskScores, check_any, task_scores
from overtile.evaluation.thresholds import HALF, THRESHOLDS, best_index

Page: TypeAlias = tuple[str, NDArray[Any], NDArray[Any]]
"""Name, truth and prediction of one image."""

# Hundredths, not steps of 0.05 added up: 0.6 must be the float nearest to 3/5, as the IoU is.
_IOU_PERCENT = range(50, 100, 5)


class _IsbiPage(NamedTuple):
    """What is kept of a page of the challenge: counts, not pixels."""

    name: str
    pixels: int
    sums: NDArray[np.int64]
    wrong: NDArray[np.int64]
    rand_index_error: float


def score_isbi2012(pages: Iterable[Page]) -> TaskScores:
    """Score foreground probabilities by the measures of the ISBI 2012 challenge.

    Parameters
    ----------
    pages : iterable of (name, truth_foreground, foreground_probability)
        (Y, X) array of bool and (Y, X) array of float in [0, 1]. Sizes may differ between pages;
        only one page is held at a time.

    Returns
    -------
    scores : TaskScores
        Headline `rand_error`, lower is better.

    Raises
    ------
    ImageError
        If shapes differ, are not (Y, X), or a probability is outside [0, 1]; names the image.
    PairError
        If there is no page.
    """
    kept = [_isbi_page(*page) for page in pages]
    check_any(kept)
    sweep = sweep_of_pages([page.sums for page in kept])
    wrong = np.sum([page.wrong for page in kept], axis=0)
    pixels = sum(page.pixels for page in kept)
    best = best_index(-wrong.astype(np.float64))
    summary = {
        "rand_error": sweep.error,
        "pixel_error": float(wrong[HALF] / pixels),
        "rand_index_error": float(np.mean([page.rand_index_error for page in kept])),
        "rand_error_threshold": sweep.best_threshold,
        "best_pixel_error": float(wrong[best] / pixels),
        "best_pixel_threshold": float(THRESHOLDS[best]),
    }
    rows: list[Row] = [
        {
            "image": page.name,
            "rand_error": float(rand_error),
            "pixel_error": float(page.wrong[HALF] / page.pixels),
            "rand_index_error": page.rand_index_error,
        }
        for page, rand_error in zip(kept, sweep.page_errors, strict=True)
    ]
    return task_scores("isbi2012", ISBI2012, summary, rows, lower_is_better=True)


def score_instances(pages: Iterable[Page]) -> TaskScores:
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
    for name, truth, predicted in pages:
        with _about(name):
            table = contingency(truth, predicted)
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
    return task_scores("instances", INSTANCES, summary, per_image, lower_is_better=False)


def score_classes(pages: Iterable[Page], class_names: Sequence[str]) -> TaskScores:
    """Score class maps by the overlap of each class.

    Parameters
    ----------
    pages : iterable of (name, truth, predicted)
        Class maps, arrays of int of one shape, values in 0...K−1.
    class_names : sequence of str
        One name for each of the K classes, all different, the background first.

    Returns
    -------
    scores : TaskScores
        Headline `mean_dice`, higher is better.

    Raises
    ------
    ImageError, LabelError
        If shapes differ or there is a class without a name; names the image.
    ConfigError
        If two classes bear one name.
    PairError
        If there is no image.
    """
    if len(set(class_names)) < len(class_names):
        raise ConfigError(
            f"`class_names` must differ. Got {list(class_names)}",
            remedy="give every class its own name, the background first",
        )
    names, matrices = [], []
    for name, truth, predicted in pages:
        with _about(name):
            matrices.append(confusion_matrix(truth, predicted, len(class_names)))
        names.append(name)
    check_any(matrices)
    summary = _class_numbers(class_scores(np.sum(matrices, axis=0)), class_names)
    rows: list[Row] = [
        {"image": name} | _class_numbers(class_scores(matrix), class_names)
        for name, matrix in zip(names, matrices, strict=True)
    ]
    return task_scores("classes", CLASSES, summary, rows, lower_is_better=False)


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Name the image in any error about its arrays."""
    try:
        yield
    except OvertileError as error:
        raise error.at(name) from None


def _isbi_page(name: str, truth: NDArray[Any], probability: NDArray[Any]) -> _IsbiPage:
    with _about(name):
        check_foreground(truth, probability)
        if truth.ndim != 2:
            raise ImageError(
                f"a page must have shape (Y, X), not {truth.shape}",
                remedy="give the pages of a stack one by one",
            )
        probability = checked_probabilities(probability)
        return _IsbiPage(
            name=name,
            pixels=truth.size,
            sums=rand_sums(truth, probability),
            wrong=pixels_wrong(truth, probability),
            rand_index_error=rand_index_error(truth, probability),
        )


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


def _class_numbers(scores: ClassScores, class_names: Sequence[str]) -> dict[str, float]:
    numbers = {
        "mean_dice": scores.mean_dice,
        "mean_iou": scores.mean_iou,
        "pixel_accuracy": scores.pixel_accuracy,
    }
    numbers |= {f"dice_{class_names[k]}": value for k, value in scores.dice.items()}
    return numbers | {f"iou_{class_names[k]}": value for k, value in scores.iou.items()}
