"""Score class maps by the overlap of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overtile.errors import ConfigError
from overtile.evaluation.classes.overlap import ClassScores, class_scores, confusion_matrix
from overtile.evaluation.scores import Page, Pages, Row, TaskScores, about, check_any, task_scores

CONVENTION = (
    "dice and iou are computed for each class from the pixels of all images together (per image "
    "from its own), and their means are over the classes but the background, a class that is "
    "neither in truth nor in prediction being left out; pixel_accuracy includes the background."
)


def score_classes(pages: Pages, class_names: Sequence[str]) -> TaskScores:
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
    for name, truth, predicted, ignore in (Page(*page) for page in pages):
        with about(name):
            matrices.append(confusion_matrix(truth, predicted, len(class_names), ignore))
        names.append(name)
    check_any(matrices)
    summary = _class_numbers(class_scores(np.sum(matrices, axis=0)), class_names)
    rows: list[Row] = [
        {"image": name} | _class_numbers(class_scores(matrix), class_names)
        for name, matrix in zip(names, matrices, strict=True)
    ]
    return task_scores("classes", CONVENTION, summary, rows, lower_is_better=False)


def _class_numbers(scores: ClassScores, class_names: Sequence[str]) -> dict[str, float]:
    numbers = {
        "mean_dice": scores.mean_dice,
        "mean_iou": scores.mean_iou,
        "pixel_accuracy": scores.pixel_accuracy,
    }
    numbers |= {f"dice_{class_names[k]}": value for k, value in scores.dice.items()}
    return numbers | {f"iou_{class_names[k]}": value for k, value in scores.iou.items()}
