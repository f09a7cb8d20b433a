"""Evaluate: score the predictions of any tool against the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from overtile.arrays import Labels
from overtile.choices import Task
from overtile.data.kinds import LARGEST_CLASSES, understand_labels
from overtile.errors import ConfigError, LabelError
from overtile.evaluation import TaskScores, score_classes, score_instances, score_isbi2012
from overtile.io import Pair, pair_predictions, read_image, read_labels
from overtile.io.matching import Matched
from overtile.progress import Progress, Silence
from overtile.workflows.scored_pages import ScoredPages

_KIND_OF_TASK = {"isbi2012": "foreground", "instances": "labels", "classes": "labels"}
_TASK_OF_KIND: dict[str, Task] = {
    "binary": "isbi2012",
    "instances": "instances",
    "classes": "classes",
}
_FILES_TO_JUDGE = 64
"""The kind of the truth shows in so many files, evenly spaced."""


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

    ignore: int | None = None
    """Truth value of pixels that count nowhere."""


def evaluate(request: EvaluateRequest, progress: Progress | None = None) -> TaskScores:
    """Score predictions; files are read one after the other, and not kept.

    Raises
    ------
    ImageError, LabelError, PairError
        If files cannot be read, do not pair, or cannot mean what the task needs.
    ConfigError
        If a page to score does not exist, or the background is to be ignored.
    """
    pages = find_pages(request, progress or Silence())
    if pages.task == "isbi2012":
        return score_isbi2012(pages)
    if pages.task == "instances":
        return score_instances(pages)
    return score_classes(pages, _class_names(pages), _pixel_size_um(pages))


def find_pages(request: EvaluateRequest, progress: Progress) -> ScoredPages:
    """Pair the files of a request, decide the task, and tell both; no prediction is read yet.

    Raises
    ------
    ImageError, LabelError, PairError
        If files do not pair, or a truth is needed for a guess and cannot be read.
    ConfigError
        If the background is to be ignored.
    """
    matched = pair_predictions(
        request.predicted, request.truth, _KIND_OF_TASK[request.task or "instances"]
    )
    task = request.task or _guess_task(matched, request.ignore, progress)
    if task == "isbi2012" and request.task is None:
        matched = pair_predictions(request.predicted, request.truth, _KIND_OF_TASK[task])
    if matched.surplus:
        progress.say(
            f"{len(matched.pairs)} of {len(matched.pairs) + matched.surplus} predicted frames "
            "have a truth and are scored"
        )
    _check_ignore(request.ignore, task)
    return ScoredPages(
        pairs=matched.pairs,
        task=task,
        ignore=request.ignore,
        numbers=request.pages,
        progress=progress,
    )


def _guess_task(matched: Matched, ignore: int | None, progress: Progress) -> Task:
    task: Task = "instances"
    why = "as the files are named as in the Cell Tracking Challenge"
    if not matched.tracking:
        every = -(-len(matched.pairs) // _FILES_TO_JUDGE)
        truth = [page for pair in matched.pairs[::every] for page in _truth_pages(pair, ignore)]
        task = _TASK_OF_KIND[understand_labels(truth).kind]
        why = "because of the truth"
    progress.say(f"task {task}, {why}; --task says otherwise")
    return task


def _truth_pages(pair: Pair, ignore: int | None) -> Iterator[Labels]:
    for (page,) in read_labels(pair.labels).pixels:
        yield page if ignore is None else np.where(page == ignore, np.uint32(0), page)


def _check_ignore(ignore: int | None, task: Task) -> None:
    if ignore is None:
        return
    if ignore < 0 or (ignore == 0 and task != "isbi2012"):
        raise ConfigError(
            f"--ignore {ignore} would leave out the background, not a region without truth"
            if ignore == 0
            else f"--ignore {ignore} is no value that a truth can hold",
            remedy="give the truth a positive value where nothing is known, such as 255",
        )


def _pixel_size_um(pages: ScoredPages) -> tuple[float, float] | None:
    """Give the pixel size that all images share, as truth or prediction tells it; else say so."""
    sizes = {
        read_labels(pair.labels).pixel_size_um or read_image(pair.image).pixel_size_um
        for pair in pages.pairs
    }
    if len(sizes) == 1:
        return sizes.pop()
    pages.progress.say("pixel sizes differ between images: distances and areas are in pixels")
    return None


def _class_names(pages: ScoredPages) -> list[str]:
    """Look at all pages for the highest class, and name those up to it."""
    largest = 0
    for page in replace(pages, progress=Silence()):
        highest = int(max(page.truth.max(), page.predicted.max()))
        if highest >= LARGEST_CLASSES:
            raise LabelError(
                f"the value {highest} is no class index: at most {LARGEST_CLASSES} are told apart",
                remedy="number the classes 0, 1, 2, …, or score objects by --task instances",
                path=page.name,
            )
        largest = max(largest, highest)
    return ["background", *(f"class {number}" for number in range(1, largest + 1))]
