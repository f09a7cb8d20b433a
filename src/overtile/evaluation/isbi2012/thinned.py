"""V^Rand and V^Info: the scores that rank the ISBI 2012 challenge since 2015, borders thinned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.evaluation.isbi2012.foreground import foreground_overlaps
from overtile.evaluation.isbi2012.information import (
    InformationScore,
    entropy_sums,
    information_score,
)
from overtile.evaluation.isbi2012.pages import CheckedPage, checked_pages
from overtile.evaluation.isbi2012.rand import RandScore, rand_score, square_sums
from overtile.evaluation.isbi2012.thinning import thin_borders
from overtile.evaluation.isbi2012.thresholds import COARSE, THRESHOLDS, best_index


@dataclass(frozen=True, kw_only=True)
class ThinnedScores:
    """Rand and information score after border thinning, each at the best of 19 thresholds."""

    rand: RandScore
    """V^Rand over all pages."""

    rand_threshold: float
    """Where its `f` is highest; of equals, the one nearest to one half."""

    information: InformationScore
    """V^Info over all pages."""

    information_threshold: float
    """Where its `f` is highest; of equals, the one nearest to one half."""

    page_rand: list[RandScore]
    """Each page alone, at the common `rand_threshold`."""

    page_information: list[InformationScore]
    """Each page alone, at the common `information_threshold`."""


def thinned_scores(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> ThinnedScores:
    """Score pages after border thinning: the challenge's V^Rand and V^Info.

    At each threshold the 4-connected components of the proposal grow until one pixel separates
    them (`thin_borders`). The truth is not thinned. The scores are those of
    `foreground_restricted_rand` and `foreground_restricted_information`, micro-averaged: sums
    over all pages come first, then the score, then the maximum over the thresholds
    (the multiples of 1/256 nearest to 0.05, 0.1, ... 0.95).

    Parameters
    ----------
    truth_foreground : (P, Y, X) or (Y, X) array of bool
        True inside cells, False on their borders.
    foreground_probability : array of float
        In [0, 1], same shape.
    ignore : array of bool, optional
        Pixels to leave out of all sums, same shape. Objects are labelled and borders thinned
        without regard to it, so a cell that it cuts stays one cell.

    Returns
    -------
    scores : ThinnedScores
        All 1 by convention if no page has truth foreground.

    Raises
    ------
    ImageError
        If shapes differ, are not pages, or a probability is outside [0, 1].

    References
    ----------
    .. [1] Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image segmentation
       algorithms for connectomics", Frontiers in Neuroanatomy 9:142.
    """
    pages = checked_pages(truth_foreground, foreground_probability, ignore)
    return scores_of_thinned([thinned_sums(page) for page in pages])


class ThinnedSums(NamedTuple):
    """What is kept of a page: sums at each threshold, which add up over pages."""

    squares: NDArray[np.int64]
    """(19, 3) as by `square_sums`."""

    entropies: NDArray[np.float64]
    """(19, 4) as by `entropy_sums`."""


def thinned_sums(page: CheckedPage) -> ThinnedSums:
    """Threshold, label and thin one page at each of the 19 thresholds, and sum up overlaps."""
    truth = ndi.label(page.truth)[0]
    squares, entropies = [], []
    for threshold in THRESHOLDS[COARSE]:
        segments = thin_borders(ndi.label(page.probability > threshold)[0])
        overlaps = foreground_overlaps(truth, segments, page.ignore)
        squares.append(square_sums(overlaps))
        entropies.append(entropy_sums(overlaps))
    return ThinnedSums(np.stack(squares), np.stack(entropies))


def scores_of_thinned(pages: list[ThinnedSums]) -> ThinnedScores:
    """Combine the sums of each page; pages may differ in size."""
    rand = [rand_score(sums) for sums in np.sum([page.squares for page in pages], axis=0)]
    information = [
        information_score(sums) for sums in np.sum([page.entropies for page in pages], axis=0)
    ]
    best_rand = best_index(np.array([score.f for score in rand]))
    best_information = best_index(np.array([score.f for score in information]))
    return ThinnedScores(
        rand=rand[best_rand],
        rand_threshold=float(THRESHOLDS[COARSE][best_rand]),
        information=information[best_information],
        information_threshold=float(THRESHOLDS[COARSE][best_information]),
        page_rand=[rand_score(page.squares[best_rand]) for page in pages],
        page_information=[information_score(page.entropies[best_information]) for page in pages],
    )
