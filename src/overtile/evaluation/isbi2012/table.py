"""Score foreground probabilities by the measures of the ISBI 2012 challenge."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtile.errors import ImageError
from overtile.evaluation.checks import check_foreground, checked_probabilities
from overtile.evaluation.isbi2012.pixel import pixels_wrong
from overtile.evaluation.isbi2012.rand import rand_index_error, sweep_of_pages
from overtile.evaluation.isbi2012.rand_sums import rand_sums
from overtile.evaluation.isbi2012.thresholds import HALF, THRESHOLDS, best_index
from overtile.evaluation.scores import Pages, Row, TaskScores, about, check_any, task_scores

CONVENTION = (
    "rand_error is 1 - the maximal foreground-restricted Rand F-score over 256 thresholds "
    "(4-connected components per page, truth background left out, proposal background as "
    "one-pixel segments, sums of squares over all pages, borders not thinned), and per image the "
    "same at the threshold that is best for all; pixel_error is the share of differing pixels at "
    "0.5 and best_pixel_error the lowest over thresholds; rand_index_error is 1 - the classic "
    "Rand index over all pixel pairs at 0.5, background one segment, averaged over pages."
)


class _IsbiPage(NamedTuple):
    """What is kept of a page of the challenge: counts, not pixels."""

    name: str
    pixels: int
    sums: NDArray[np.int64]
    wrong: NDArray[np.int64]
    rand_index_error: float


def score_isbi2012(pages: Pages) -> TaskScores:
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
    return task_scores("isbi2012", CONVENTION, summary, rows, lower_is_better=True)


def _isbi_page(name: str, truth: NDArray[Any], probability: NDArray[Any]) -> _IsbiPage:
    with about(name):
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
            wrong=pixels_wrong(truth, probability)[0],
            rand_index_error=rand_index_error(truth, probability),
        )
