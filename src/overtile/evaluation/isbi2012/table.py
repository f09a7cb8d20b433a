"""Score foreground probabilities by the measures of the ISBI 2012 challenge."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtile.errors import ImageError
from overtile.evaluation.isbi2012.information import InformationScore
from overtile.evaluation.isbi2012.mistakes import MISTAKES
from overtile.evaluation.isbi2012.pages import checked_pages
from overtile.evaluation.isbi2012.pixel import best_of_wrong, pixels_wrong
from overtile.evaluation.isbi2012.rand import RandScore, rand_index_error, sweep_of_pages
from overtile.evaluation.isbi2012.rand_sums import rand_sums
from overtile.evaluation.isbi2012.thinned import ThinnedSums, scores_of_thinned, thinned_sums
from overtile.evaluation.isbi2012.thresholds import HALF
from overtile.evaluation.isbi2012.warping import (
    PageWarpings,
    WarpingError,
    page_warpings,
    sweep_of_warpings,
)
from overtile.evaluation.scores import (
    Page,
    Pages,
    Row,
    TaskScores,
    about,
    check_any,
    task_scores,
)

CONVENTION = (
    "rand_error is 1 - the maximal foreground-restricted Rand F-score over 256 thresholds "
    "(4-connected components per page, truth background left out, proposal background as "
    "one-pixel segments, sums of squares over all pages, borders not thinned), and per image the "
    "same at the threshold that is best for all; pixel_error is the share of differing pixels at "
    "0.5 and best_pixel_error the lowest over thresholds; warping_error is the share of pixels "
    "that still differ once the truth is warped by simple points (foreground 4-connected, "
    "farthest from the threshold first), averaged over pages, the lowest over 19 thresholds, and "
    "warping_merges etc. count the connected mistakes left there by what each does to the number "
    "of objects or else of holes; v_rand and v_info are the foreground-restricted Rand and "
    "information F-scores after the borders of the proposal (not of the truth) are thinned to one "
    "pixel, sums over all pages, each the highest over 19 thresholds, split and merge being their "
    "parts; rand_index_error is 1 - the classic Rand index over all pixel pairs at 0.5, "
    "background one segment, averaged over pages; a pixel to be ignored is in no sum and not "
    "warped, but objects are connected through it."
)


class _IsbiPage(NamedTuple):
    """What is kept of a page of the challenge: counts and sums, not pixels."""

    name: str
    pixels: int
    squares: NDArray[np.int64]
    wrong: NDArray[np.int64]
    rand_index_error: float
    warpings: PageWarpings
    thinned: ThinnedSums


def score_isbi2012(pages: Pages) -> TaskScores:
    """Score foreground probabilities by the measures of the ISBI 2012 challenge.

    Parameters
    ----------
    pages : iterable of (name, truth_foreground, foreground_probability[, ignore])
        (Y, X) array of bool and (Y, X) array of float in [0, 1]. Sizes may differ between pages;
        only one page is held at a time. Pixels of `ignore`, (Y, X) array of bool, are in no sum,
        numerator or denominator. Objects are labelled and borders thinned as if there were no
        `ignore`; only warping takes the truth for the proposal there.

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
    kept = [_isbi_page(Page(*page)) for page in pages]
    check_any(kept)
    rand = sweep_of_pages([page.squares for page in kept])
    warping = sweep_of_warpings([page.warpings for page in kept])
    thinned = scores_of_thinned([page.thinned for page in kept])
    wrong, pixels = np.sum([page.wrong for page in kept], axis=0), sum(p.pixels for p in kept)
    best_pixel = best_of_wrong(wrong, pixels)
    summary = {
        "rand_error": rand.error,
        "pixel_error": float(wrong[HALF] / max(pixels, 1)),
        "rand_index_error": float(np.mean([page.rand_index_error for page in kept])),
        **_topology(warping.best, thinned.rand, thinned.information),
        "rand_error_threshold": rand.best_threshold,
        "best_pixel_error": best_pixel.error,
        "best_pixel_threshold": best_pixel.threshold,
        "warping_error_threshold": warping.best_threshold,
        "v_rand_threshold": thinned.rand_threshold,
        "v_info_threshold": thinned.information_threshold,
    }
    alone = zip(warping.pages, thinned.page_rand, thinned.page_information, strict=True)
    rows: list[Row] = [
        {
            "image": page.name,
            "rand_error": float(rand_error),
            "pixel_error": float(page.wrong[HALF] / max(page.pixels, 1)),
            "rand_index_error": page.rand_index_error,
            **_topology(*measures),
        }
        for page, rand_error, measures in zip(kept, rand.page_errors, alone, strict=True)
    ]
    return task_scores("isbi2012", CONVENTION, summary, rows, lower_is_better=True)


def _topology(
    warping: WarpingError, rand: RandScore, information: InformationScore
) -> dict[str, float]:
    """Name what does not depend on the exact place of borders."""
    return {
        "warping_error": warping.error,
        "v_rand": rand.f,
        "v_rand_split": rand.split,
        "v_rand_merge": rand.merge,
        "v_info": information.f,
        "v_info_split": information.split,
        "v_info_merge": information.merge,
    } | {f"warping_{kind}": getattr(warping, kind) for kind in MISTAKES}


def _isbi_page(page: Page) -> _IsbiPage:
    with about(page.name):
        checked = checked_pages(page.truth, page.predicted, page.ignore)[0]
        if page.truth.ndim != 2:
            raise ImageError(
                f"a page must have shape (Y, X), not {page.truth.shape}",
                remedy="give the pages of a stack one by one",
            )
        wrong, pixels = pixels_wrong(*checked)
        return _IsbiPage(
            name=page.name,
            pixels=pixels,
            squares=rand_sums(*checked),
            wrong=wrong,
            rand_index_error=rand_index_error(
                checked.truth, checked.probability, ignore=checked.ignore
            ),
            warpings=page_warpings(checked),
            thinned=thinned_sums(checked),
        )
