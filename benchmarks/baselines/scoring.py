"""Scores of stored probabilities, so that a new measure needs no new training."""

from __future__ import annotations

from typing import Any

import tifffile
from assignment import Assignment
from pages import CLASS_NAMES, final_split, read_pages

from overtile.evaluation import TaskScores, score_classes, score_isbi2012


def score(assignment: Assignment) -> dict[str, Any]:
    """Score the probabilities of an assignment by the measures of ISBI 2012, and as class maps.

    Returns
    -------
    scores : dict
        Summary, convention and one row per page of both; class maps are cut at 0.5.
    """
    pages = final_split(read_pages(assignment.data)).watched
    predicted = tifffile.imread(assignment.foreground)
    pairs = list(zip(pages, predicted, strict=True))
    as_isbi = score_isbi2012((page.name, page.labels > 0, one) for page, one in pairs)
    as_classes = score_classes(
        ((page.name, page.labels, (one > 0.5).astype("uint8")) for page, one in pairs), CLASS_NAMES
    )
    return {**_told(as_isbi, ""), **_told(as_classes, "class_")}


def _told(scores: TaskScores, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}summary": scores.summary,
        f"{prefix}per_image": scores.per_image,
        f"{prefix}convention": scores.convention,
    }
