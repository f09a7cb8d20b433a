"""Rand scores: are two pixels of one cell together, and two pixels of two cells apart?

Three numbers go by the name of "Rand error" and differ by 0.3 on the same data. Here:

``rand_error_sweep``
    The ISBI 2012 "Rand error", which the U-Net paper reports: 1 − the maximal F-score over
    thresholds, truth background left out, proposal background as one-pixel segments.
``foreground_restricted_rand``
    The same F-score for one given segmentation.
``rand_index_error``
    1 − the classic Rand index over all pairs of pixels, background being one more segment.

scikit-image's ``adapted_rand_error`` takes the proposal's background as *one* segment, and counts
pairs where the challenge sums squares; the two meet only where no background is proposed inside
the truth foreground, up to about one over the mean segment size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.evaluation.contingency import contingency
from overtile.evaluation.isbi2012.foreground import ForegroundOverlaps, foreground_overlaps
from overtile.evaluation.isbi2012.pages import CheckedPage, checked_pages
from overtile.evaluation.isbi2012.rand_sums import rand_sums
from overtile.evaluation.isbi2012.thresholds import THRESHOLDS, best_index


@dataclass(frozen=True, kw_only=True)
class RandScore:
    """Foreground-restricted Rand score and its two parts, each in [0, 1], higher is better."""

    f: float
    """Harmonic mean of `split` and `merge`."""

    split: float
    """Falls where a truth object is split: recall of the pixel pairs that belong together."""

    merge: float
    """Falls where truth objects are merged: precision of the pairs put together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RandSweep:
    """Rand F-score at every threshold, and the best of them."""

    thresholds: NDArray[np.float64]
    """(256,) k/256; a pixel is foreground where its probability exceeds it."""

    f: NDArray[np.float64]
    """(256,) F-score over all pages, in [0, 1], higher is better."""

    best_threshold: float
    """Where `f` is highest; of equals, the one nearest to one half."""

    error: float
    """The ISBI 2012 Rand error: 1 − the maximal F-score, in [0, 1], lower is better."""

    page_errors: NDArray[np.float64]
    """(P,) 1 − the F-score of each page alone, at the common `best_threshold`."""


def foreground_restricted_rand(
    truth_labels: NDArray[Any],
    predicted_labels: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> RandScore:
    """Score a segmentation by the pixel pairs it puts together, inside the truth foreground.

    With ``c[i, j]`` the pixels shared by truth object ``i`` and proposed segment ``j``::

        split = sum(c**2) / sum(truth sizes**2)
        merge = sum(c**2) / sum(proposed sizes**2)
        f = 2 * sum(c**2) / (sum(truth sizes**2) + sum(proposed sizes**2))

    Pixels of truth background are left out of all sums. A pixel of proposed background inside
    the truth foreground is a segment of its own. Borders are not thinned here.

    Parameters
    ----------
    truth_labels, predicted_labels : array of int
        Label images of one shape; 0 is background. An id names one object, so number the objects
        of a stack of pages throughout.
    ignore : array of bool, optional
        Pixels to leave out of all sums, same shape.

    Returns
    -------
    score : RandScore
        All 1 by convention if the truth has no foreground.

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.

    References
    ----------
    .. [1] Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image segmentation
       algorithms for connectomics", Frontiers in Neuroanatomy 9:142, "Foreground-restricted
       Rand scoring".

    Examples
    --------
    A cell of four pixels is split into two halves: half of the pairs stay together.

    >>> foreground_restricted_rand(np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]]))
    RandScore(f=0.6666666666666666, split=0.5, merge=1.0)
    """
    return rand_score(square_sums(foreground_overlaps(truth_labels, predicted_labels, ignore)))


def square_sums(overlaps: ForegroundOverlaps) -> NDArray[np.int64]:
    """Sum squares over overlaps, over truth objects, over segments: (3,), as in `rand_sums`."""
    return np.array(
        [
            np.square(overlaps.shared).sum() + overlaps.alone,
            np.square(overlaps.truth).sum(),
            np.square(overlaps.predicted).sum() + overlaps.alone,
        ],
        np.int64,
    )


def rand_score(sums: NDArray[np.int64]) -> RandScore:
    """Form the score from the three sums of `square_sums`, of one page or added up."""
    together, truth, predicted = sums.tolist()
    if truth == 0:
        return RandScore(f=1.0, split=1.0, merge=1.0)
    return RandScore(
        f=2 * together / (truth + predicted), split=together / truth, merge=together / predicted
    )


def rand_error_sweep(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> RandSweep:
    """Compute the ISBI 2012 Rand error: 1 − the maximal Rand F-score over 256 thresholds.

    Segments are the 4-connected components of each page, in truth and proposal. The F-score is
    that of `foreground_restricted_rand`, micro-averaged: squares are summed over all pages before
    the score is formed, and the maximum over thresholds is taken last. Borders are not thinned.

    Parameters
    ----------
    truth_foreground : (P, Y, X) or (Y, X) array of bool
        True inside cells, False on their borders.
    foreground_probability : array of float
        In [0, 1], same shape.
    ignore : array of bool, optional
        Pixels to leave out of all sums, same shape. Objects are labelled without regard to it, so a
        cell that it cuts stays one cell.

    Returns
    -------
    sweep : RandSweep
        Error 0 by convention if no page has truth foreground.

    Raises
    ------
    ImageError
        If shapes differ, are not pages, or a probability is outside [0, 1].

    References
    ----------
    .. [1] Ronneberger, Fischer, Brox (2015), "U-Net", MICCAI, Table 1, column "Rand Error".
    .. [2] Arganda-Carreras et al. (2015), Frontiers in Neuroanatomy 9:142.
    """
    pages = checked_pages(truth_foreground, foreground_probability, ignore)
    return sweep_of_pages([rand_sums(*page) for page in pages])


def sweep_of_pages(sums: list[NDArray[np.int64]]) -> RandSweep:
    """Combine the sums of `rand_sums` of each page; pages may differ in size."""
    pages = np.stack(sums)
    f = _f_scores(pages.sum(axis=0))
    best = best_index(f)
    return RandSweep(
        thresholds=THRESHOLDS,
        f=f,
        best_threshold=float(THRESHOLDS[best]),
        error=float(1 - f[best]),
        page_errors=1 - _f_scores(pages[:, best]),
    )


def rand_index_error(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    threshold: float = 0.5,
    ignore: NDArray[np.bool_] | None = None,
) -> float:
    """Share of all pixel pairs that are together in one image and apart in the other.

    This is 1 − the Rand index of [1]_. Segments are 4-connected components of each page, and all
    of a page's background is one segment. Averaged over pages.

    Parameters
    ----------
    truth_foreground : (P, Y, X) or (Y, X) array of bool
        True inside cells.
    foreground_probability : array of float
        In [0, 1], same shape.
    threshold : float
        A pixel is foreground where its probability exceeds this.
    ignore : array of bool, optional
        Pixels to leave out of all sums, same shape. Objects are labelled without regard to it, so a
        cell that it cuts stays one cell.

    Returns
    -------
    error : float
        In [0, 1], lower is better.

    Raises
    ------
    ImageError
        If shapes differ, are not pages, or a probability is outside [0, 1].

    References
    ----------
    .. [1] Rand (1971), "Objective criteria for the evaluation of clustering methods", Journal of
       the American Statistical Association 66(336).
    """
    pages = checked_pages(truth_foreground, foreground_probability, ignore)
    return float(np.mean([_pairs_wrong(page, threshold) for page in pages]))


def _pairs_wrong(page: CheckedPage, threshold: float) -> float:
    segments = ndi.label(page.probability > threshold)[0]
    table = contingency(ndi.label(page.truth)[0], segments, page.ignore)
    pixels = int(table.counts.sum())
    ordered_pairs = pixels * (pixels - 1)
    wrong = (
        np.square(table.truth_sizes).sum()
        + np.square(table.predicted_sizes).sum()
        - 2 * np.square(table.counts).sum()
    )
    return float(wrong / max(ordered_pairs, 1))


def _f_scores(sums: NDArray[np.int64]) -> NDArray[np.float64]:
    """F-scores from (..., 3) sums; 1 where there is no truth foreground and so nothing to err."""
    together, truth, predicted = np.moveaxis(sums, -1, 0)
    f = np.ones(truth.shape)
    np.divide(2 * together, truth + predicted, where=truth > 0, out=f)
    return f
