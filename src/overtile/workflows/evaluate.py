"""Evaluate: score the predictions of any tool against the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overtile.arrays import Floats, Pixels
from overtile.choices import Task
from overtile.data.kinds import LARGEST_CLASSES, understand_labels
from overtile.errors import ConfigError, ImageError, LabelError, PairError
from overtile.evaluation import TaskScores, score_classes, score_instances, score_isbi2012
from overtile.io import Image, Pair, pair_predictions, read_image, read_labels
from overtile.io.pairs import LABEL_SUFFIXES
from overtile.progress import Progress, Silence
from overtile.workflows.annotated import page_names

_KIND_OF_TASK = {"isbi2012": "foreground", "instances": "labels", "classes": "labels"}
_TASK_OF_KIND: dict[str, Task] = {
    "binary": "isbi2012",
    "instances": "instances",
    "classes": "classes",
}


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """What to score."""

    predicted: str
    """Files, a folder or a pattern: labels, or foreground probabilities for `isbi2012`."""

    truth: str
    task: Task | None = None
    """What the truth suggests, by default."""

    pages: tuple[int, ...] | None = None
    """Pages to score, over all files, from 0; all by default."""


def evaluate(request: EvaluateRequest, progress: Progress | None = None) -> TaskScores:
    """Score predictions.

    Raises
    ------
    ImageError, LabelError, PairError
        If files cannot be read, do not pair, or cannot mean what the task needs.
    ConfigError
        If a page to score does not exist.
    """
    progress = progress or Silence()
    task = request.task or _guess_task(request, progress)
    pairs = pair_predictions(request.predicted, request.truth, _KIND_OF_TASK[task])
    pages = list(_pages(pairs, task, progress))
    if request.pages is not None:
        pages = _chosen(pages, request.pages)
    if task == "isbi2012":
        return score_isbi2012((name, truth > 0, predicted) for name, predicted, truth in pages)
    swapped = [(name, truth, predicted) for name, predicted, truth in pages]
    if task == "instances":
        return score_instances(swapped)
    return score_classes(swapped, _class_names(swapped))


_Page = tuple[str, Pixels, Pixels]
"""Name, prediction and truth, both (Y, X)."""


def _class_names(pages: list[_Page]) -> list[str]:
    largest = 0
    for name, *both in pages:
        highest = int(max(array.max() for array in both))
        if highest >= LARGEST_CLASSES:
            raise LabelError(
                f"the value {highest} is no class index: at most {LARGEST_CLASSES} are told apart",
                remedy="number the classes 0, 1, 2, …, or score objects by --task instances",
                path=name,
            )
        largest = max(largest, highest)
    return ["background", *(f"class {number}" for number in range(1, largest + 1))]


def _guess_task(request: EvaluateRequest, progress: Progress) -> Task:
    pairs = pair_predictions(request.predicted, request.truth, "labels")
    truth = [page[0] for pair in pairs for page in read_labels(pair.labels).pixels]
    task = _TASK_OF_KIND[understand_labels(truth).kind]
    progress.say(f"task {task}, because of the truth; --task says otherwise")
    return task


def _pages(pairs: list[Pair], task: Task, progress: Progress) -> Iterator[_Page]:
    for pair in pairs:
        truth = read_labels(pair.labels)
        if task == "isbi2012":
            predicted, how = _foreground(pair.image)
            progress.say(f"{pair.image.name}: {how}")
        else:
            predicted = _whole_numbers(pair.image)
        if predicted.shape[:2] != (truth.pages, 1):
            raise PairError(
                f"has {predicted.shape[0]} pages of {predicted.shape[1]} channels, its truth "
                f"{pair.labels.name} has {truth.pages} pages",
                remedy="compare a prediction with the truth of the same image",
                path=pair.image,
            )
        names = page_names(pair.image, truth.pages)
        for name, one, other in zip(names, predicted, truth.pixels, strict=True):
            yield name, one[0], other[0]


def _whole_numbers(path: Path) -> Pixels:
    try:
        return read_labels(path).pixels
    except LabelError as error:
        raise LabelError(
            error.fault,
            remedy="give label images; probabilities are scored by --task isbi2012",
            path=path,
        ) from error


def _foreground(path: Path) -> tuple[Floats, str]:
    """Read a probability of foreground, and say how it was understood."""
    image = read_image(path)
    pixels = image.pixels
    if pixels.dtype.kind == "f":
        _refuse_outside(image)
        return pixels.astype(np.float32), "probability of foreground"
    if path.stem.endswith(LABEL_SUFFIXES) or np.unique(pixels).size <= 2:
        return (pixels > 0).astype(np.float32), "foreground where it is not 0"
    full = np.iinfo(pixels.dtype).max
    return (pixels / full).astype(np.float32), f"grey values, {full} is a probability of 1"


def _refuse_outside(image: Image) -> None:
    low, high = float(image.pixels.min()), float(image.pixels.max())
    if low < 0 or high > 1:
        raise ImageError(
            f"holds values from {low:g} to {high:g}, not probabilities within [0, 1]",
            remedy="give the probability of being inside an object as float, or as 8-bit grey",
            path=image.path,
        )


def _chosen(pages: list[_Page], numbers: tuple[int, ...]) -> list[_Page]:
    for number in numbers:
        if not 0 <= number < len(pages):
            raise ConfigError(
                f"--pages names page {number}, and there are pages 0…{len(pages) - 1}",
                remedy="pages count from 0, over all files",
            )
    return [pages[number] for number in sorted(set(numbers))]
