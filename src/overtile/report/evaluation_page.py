"""Lay an evaluation out as one HTML page: scores, every image, and where the worst are wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as label_pieces

from overtile.arrays import Floats, Labels
from overtile.choices import Task
from overtile.evaluation import Page, TaskScores
from overtile.evaluation.scores import Row
from overtile.report import error_map, pictures, words
from overtile.report.error_map import ErrorMap
from overtile.report.layout import Card, fill, score_rows
from overtile.report.pictures import Key

MOST_MAPS = 12
"""Images whose mistakes are drawn; the table has all."""

_MAP_PX = 640
_MOST_COLUMNS = 10  # numbers of an image that a person takes in at a glance


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredImage:
    """One image to draw."""

    page: Page
    """As it was scored: (Y, X) ids or class indices; for `isbi2012` truth of bool, probability."""

    below: Floats | None = None
    """(C, Y, X) grey values, normalised, if they are at hand."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What the page tells."""

    predicted: str
    """Where the predictions are."""

    truth: str
    version: str
    scores: TaskScores
    images: Iterable[ScoredImage]
    """Those to draw, in any order; each is drawn before the next is asked for."""


def render_evaluation(evaluation: Evaluation) -> str:
    """Write the page of an evaluation.

    Returns
    -------
    page : str
        HTML that can be encoded as UTF-8, with pictures and looks inside, the worst image first.
    """
    scores = evaluation.scores
    place = {str(row["image"]): number for number, row in enumerate(scores.per_image)}
    cards: dict[int, Card] = {}
    largest, any_ignored = 0, False
    for image in evaluation.images:
        number = place[image.page.name]
        cards[number] = _card(image, scores, scores.per_image[number])
        largest = max(largest, int(image.page.truth.max()))
        any_ignored |= image.page.ignore is not None and bool(image.page.ignore.any())
    return fill(
        "evaluation.html",
        evaluation=evaluation,
        scores=scores,
        meaning=words.MEANINGS.get(scores.headline, ""),
        score_rows=score_rows(scores),
        columns=_columns(scores),
        cards=[cards[number] for number in sorted(cards)],
        legends=_legends(scores.task, largest, any_ignored=any_ignored),
        threshold=_threshold(scores),
    )


def _card(image: ScoredImage, scores: TaskScores, row: Row) -> Card:
    maps = _maps(image, scores)
    panels = [(_caption(caption, one), one.picture) for caption, one in maps]
    numbers = [
        (words.brief(name), words.score(name, float(row[name])))
        for name in row
        if name != "image" and words.is_principal(name)
    ]
    return Card(name=image.page.name, panels=panels, scores=numbers)


def _maps(image: ScoredImage, scores: TaskScores) -> list[tuple[str, ErrorMap]]:
    page, below = image.page, image.below
    if scores.task == "instances":
        return [("Objects", error_map.object_map(page, below, _MAP_PX))]
    if scores.task == "classes":
        return [("Classes", error_map.class_map(page, below, _MAP_PX))]
    foreground = page.predicted > _threshold(scores)
    # As it is scored: pieces hang together through pixels that count nowhere.
    pieces = page._replace(truth=_pieces(page.truth), predicted=_pieces(foreground))
    return [
        ("Objects", error_map.object_map(pieces, below, _MAP_PX)),
        (
            "Membrane",
            error_map.membrane_map(page._replace(predicted=foreground), below, _MAP_PX),
        ),
    ]


def _pieces(foreground: NDArray[np.bool_]) -> Labels:
    return np.asarray(label_pieces(foreground, connectivity=1)).astype(np.uint32)


def _threshold(scores: TaskScores) -> float:
    """Give the threshold of the headline, for a task that has one."""
    return scores.summary.get("rand_error_threshold", 0.5)


def _caption(what: str, drawn: ErrorMap) -> str:
    return f"{what}: " + ", ".join(f"{kind} {words.count(count)}" for kind, count in drawn.counts)


def _columns(scores: TaskScores) -> list[str]:
    """Choose the numbers of an image that the table shows."""
    names = dict.fromkeys(name for row in scores.per_image for name in row)
    return [name for name in names if name != "image" and words.is_principal(name)][:_MOST_COLUMNS]


def _legends(task: Task, largest: int, *, any_ignored: bool) -> list[tuple[str, list[Key]]]:
    """Explain the colours, map by map; with one map its name goes without saying."""
    unknown = pictures.ignored_keys() if any_ignored else []
    if task == "isbi2012":
        return [
            ("Objects", error_map.object_keys()),
            ("Membrane", error_map.membrane_keys() + unknown),
        ]
    if task == "classes":
        return [("", error_map.class_error_keys(largest) + unknown)]
    return [("", error_map.object_keys() + unknown)]
