"""Score class maps by the overlap and the boundaries of each class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.errors import ConfigError
from overtile.evaluation.classes.boundary import BoundaryScores, boundary_scores, check_pixel_size
from overtile.evaluation.classes.overlap import ClassScores, class_scores, confusion_matrix
from overtile.evaluation.scores import (
    Confusion,
    Page,
    Pages,
    Row,
    TaskScores,
    about,
    check_any,
    task_scores,
)

CONVENTION = (
    "dice and iou are computed for each class from the pixels of all images together (per image "
    "from its own), and their means are over the classes but the background, a class that is "
    "neither in truth nor in prediction being left out; pixel_accuracy includes the background; "
    "boundary_f is the F-score of boundary pixels with a partner within 2 px, 0 for a class that "
    "is in truth or prediction only; hausdorff95 is the larger of the 95th percentiles of the "
    "distances from true to predicted boundary and back, left out where either has no boundary; "
    "both are for each class but the background and averaged over the images that have a number, "
    "mean_boundary_f over the classes of an image, then over images; a boundary pixel has a direct "
    "neighbour of another class within the image; areas (volumes of stacks) are added up over "
    "images; confusion counts pixels of all images, rows are the truth."
)


def score_classes(
    pages: Pages, class_names: Sequence[str], pixel_size_um: Sequence[float] | None = None
) -> TaskScores:
    """Score class maps by the overlap and the boundaries of each class.

    Parameters
    ----------
    pages : iterable of (name, truth, predicted) or Page
        Class maps, arrays of int of one shape, values in 0...K−1. Where a page has `ignore`, its
        pixels count nowhere.
    class_names : sequence of str
        One name for each of the K classes, all different, the background first.
    pixel_size_um : sequence of float, optional
        µm along each axis, of all images. Hausdorff distances are then in µm, and areas also in
        µm²; of stacks (Z, Y, X), volumes in µm³.

    Returns
    -------
    scores : TaskScores
        Headline `mean_dice`, higher is better; with `confusion`.

    Raises
    ------
    ImageError, LabelError
        If shapes differ or there is a class without a name; names the image.
    ConfigError
        If two classes bear one name, or `pixel_size_um` is not one positive length for each axis.
    PairError
        If there is no image.
    """
    if len(set(class_names)) < len(class_names):
        raise ConfigError(
            f"`class_names` must differ. Got {list(class_names)}",
            remedy="give every class its own name, the background first",
        )
    names, matrices, boundaries, areas = [], [], [], []
    for name, truth, predicted, ignore in (Page(*page) for page in pages):
        with about(name):
            check_pixel_size(pixel_size_um, truth.ndim)
            matrices.append(confusion_matrix(truth, predicted, len(class_names), ignore))
            compared = boundary_scores(truth, predicted, ignore, pixel_size_um=pixel_size_um)
        names.append(name)
        unit = "px" if pixel_size_um is None else "um"
        boundaries.append(_boundary_numbers(compared, class_names, unit))
        areas.append(_area_numbers(matrices[-1], class_names, truth.ndim, pixel_size_um))
    check_any(matrices)
    together = np.sum(matrices, axis=0)
    summary = (
        _overlap_numbers(class_scores(together), class_names)
        | _by_key(boundaries, np.mean)
        | _by_key(areas, np.sum)
    )
    rows: list[Row] = [
        {"image": name, **_overlap_numbers(class_scores(matrix), class_names), **boundary, **area}
        for name, matrix, boundary, area in zip(names, matrices, boundaries, areas, strict=True)
    ]
    confusion = Confusion(
        class_names=tuple(class_names), pixels=tuple(tuple(row) for row in together.tolist())
    )
    return task_scores(
        "classes", CONVENTION, summary, rows, lower_is_better=False, confusion=confusion
    )


def _overlap_numbers(scores: ClassScores, class_names: Sequence[str]) -> dict[str, float]:
    numbers = {
        "mean_dice": scores.mean_dice,
        "mean_iou": scores.mean_iou,
        "pixel_accuracy": scores.pixel_accuracy,
    }
    numbers |= {f"dice_{class_names[k]}": value for k, value in scores.dice.items()}
    return numbers | {f"iou_{class_names[k]}": value for k, value in scores.iou.items()}


def _boundary_numbers(
    scores: BoundaryScores, class_names: Sequence[str], unit: str
) -> dict[str, float]:
    numbers = {"mean_boundary_f": scores.mean_f}
    numbers |= {f"boundary_f_{class_names[k]}": value for k, value in scores.f.items()}
    return numbers | {
        f"hausdorff95_{unit}_{class_names[k]}": value for k, value in scores.hausdorff.items()
    }


def _area_numbers(
    matrix: NDArray[np.int64],
    class_names: Sequence[str],
    axes: int,
    pixel_size_um: Sequence[float] | None,
) -> dict[str, float]:
    """Size of each class but the background that is in truth or prediction."""
    size = "volume" if axes == 3 else "area"
    units = {"px": 1.0}
    if pixel_size_um is not None:
        units[f"um{axes}"] = float(np.prod(pixel_size_um))
    return {
        f"{side}_{size}_{unit}_{class_names[k]}": float(pixels[k] * worth)
        for k in np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1)).tolist()
        if k > 0
        for side, pixels in (("true", matrix.sum(axis=1)), ("predicted", matrix.sum(axis=0)))
        for unit, worth in units.items()
    }


def _by_key(
    images: Sequence[dict[str, float]], together: Callable[[list[float]], Any]
) -> dict[str, float]:
    """Bring the numbers of one name together, over the images that have it."""
    keys = dict.fromkeys(key for numbers in images for key in numbers)
    return {
        key: float(together([numbers[key] for numbers in images if key in numbers])) for key in keys
    }
