"""Warping error: what still differs once the truth is bent, but not torn, towards the proposal.

A border that is thicker, thinner or beside its place costs nothing. What costs are changes of
topology: cells merged, split, added or removed, holes added or removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.isbi2012.mistakes import MISTAKES, count_mistakes
from overtile.evaluation.isbi2012.pages import CheckedPage, checked_pages
from overtile.evaluation.isbi2012.thresholds import COARSE, THRESHOLDS, best_index
from overtile.evaluation.isbi2012.topology import (
    around,
    connectivity_number,
    objects_and_backgrounds,
)
from overtile.kernels import kernel


@dataclass(frozen=True, kw_only=True)
class WarpingError:
    """Warping error at one threshold, and the mistakes behind it by kind; lower is better.

    A mistake is a connected set of pixels where the proposal cannot be reached: 8-connected
    pixels of one object of the warped truth that the proposal misses, or 4-connected pixels of
    background that it invents. Flipped as a whole, and alone, it changes the number of objects or
    the number of holes of the warped truth, and this names it. It counts once, whether it merges
    two cells or three; where both numbers change, objects come first.
    """

    error: float
    """Share of pixels that still differ, in [0, 1]."""

    merges: int
    """Invented foreground that makes several objects one."""

    splits: int
    """Missed foreground that makes one object several."""

    objects_added: int
    """Invented foreground that touches no object."""

    objects_removed: int
    """Missed foreground that is a whole object."""

    holes_added: int
    """Missed foreground inside an object, or invented foreground that encloses background."""

    holes_removed: int
    """Invented foreground that fills a hole, or missed foreground that opens one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WarpingSweep:
    """Warping error at 19 thresholds, and the best of them."""

    thresholds: NDArray[np.float64]
    """(19,) the multiples of 1/256 nearest to 0.05, 0.1, ... 0.95."""

    errors: NDArray[np.float64]
    """(19,) mean over pages, in [0, 1], lower is better."""

    best_threshold: float
    """Where `errors` is lowest; of equals, the one nearest to one half."""

    best: WarpingError
    """All pages at `best_threshold`: mean error, mistakes added up."""

    pages: list[WarpingError]
    """Each page alone, at the common `best_threshold`."""


def warping_error(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    threshold: float = 0.5,
    ignore: NDArray[np.bool_] | None = None,
) -> WarpingError:
    """Warp the truth towards a proposal without a change of topology, and see what is left.

    The pixels where truth and proposal differ are visited by falling distance of the probability
    from the threshold, in raster order among equals. A truth pixel is flipped if it is a simple
    point, so that no object (4-connected) and no hole (8-connected) appears, vanishes, merges or
    falls apart. This is repeated until a pass flips nothing. The page has a frame of one
    background pixel, which is never flipped.

    Parameters
    ----------
    truth_foreground : (Y, X) or (P, Y, X) array of bool
        True inside cells, False on their borders.
    foreground_probability : array of float
        In [0, 1], same shape. Its distance from the threshold says which of several ways to warp
        is taken, so a binary proposal can give a slightly different number.
    threshold : float
        A pixel is foreground where its probability exceeds this.
    ignore : array of bool, optional
        Pixels where the proposal is taken to say what the truth says, and that are not counted in
        the denominator either; same shape.

    Returns
    -------
    error : WarpingError
        Averaged over pages, mistakes added up. A page of which all is ignored has error 0.

    Raises
    ------
    ImageError
        If shapes differ, are not pages, or a probability is outside [0, 1].

    References
    ----------
    .. [1] Jain et al. (2010), "Boundary learning by optimization with topological constraints",
       CVPR, Sec. 2 (the definition).
    .. [2] Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image segmentation
       algorithms for connectomics", Frontiers in Neuroanatomy 9:142 (the ISBI 2012 challenge).

    Examples
    --------
    One gap between two cells is closed; a thinner border elsewhere costs nothing.

    >>> truth = np.array([[1, 1, 0, 0, 1], [1, 1, 0, 0, 1], [1, 1, 0, 0, 1]], bool)
    >>> found = np.array([[1, 1, 1, 0, 1], [1, 1, 1, 1, 1], [1, 1, 1, 0, 1]], float)
    >>> warping_error(truth, found)
    WarpingError(error=0.06666666666666667, merges=1, splits=0, objects_added=0,
                 objects_removed=0, holes_added=0, holes_removed=0)
    """
    pages = checked_pages(truth_foreground, foreground_probability, ignore)
    at = np.array([threshold], np.float64)
    return _over_pages([page_warpings(page, at) for page in pages], 0)


def warping_error_sweep(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> WarpingSweep:
    """Compute the warping error at 19 thresholds; arguments as in `warping_error`."""
    pages = checked_pages(truth_foreground, foreground_probability, ignore)
    return sweep_of_warpings([page_warpings(page) for page in pages])


@dataclass(frozen=True, eq=False)
class PageWarpings:
    """What is kept of a page: counts, not pixels."""

    pixels: int
    """Pixels that are not ignored."""

    counts: NDArray[np.int64]
    """(thresholds, 7) pixels that still differ, then the mistakes in the order of `MISTAKES`."""


def page_warpings(
    page: CheckedPage, thresholds: NDArray[np.float64] = THRESHOLDS[COARSE]
) -> PageWarpings:
    """Warp one page towards its proposal at each of the `thresholds`."""
    pieces = objects_and_backgrounds(page.truth)
    width = pieces.shape[1]
    counted = np.ones_like(page.truth) if page.ignore is None else ~page.ignore
    # Sorted once for all thresholds: truth foreground that is farthest below any threshold first,
    # truth background that is farthest above it first.
    missed, missed_grey = _sorted(page.probability, page.truth & counted, 1)
    invented, invented_grey = _sorted(page.probability, ~page.truth & counted, -1)
    counts = np.empty((thresholds.size, 7), np.int64)
    for row, threshold in zip(counts, thresholds, strict=True):
        below = threshold - missed_grey[: np.searchsorted(missed_grey, threshold, "right")]
        above = invented_grey[: np.searchsorted(-invented_grey, -threshold)] - threshold
        warped = pieces.ravel().copy()
        wrong = _warp(warped, _merge(missed, below, invented, above), width)
        row[0] = wrong.size
        row[1:] = count_mistakes(warped, wrong, width)
    return PageWarpings(int(np.count_nonzero(counted)), counts)


def _sorted(
    probability: NDArray[np.floating[Any]], pixels: NDArray[np.bool_], sign: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sort pixels by rising or falling grey value, raster order among equals; index with frame."""
    grey = probability[pixels].astype(np.float64)
    order = np.argsort(sign * grey, kind="stable")
    return np.flatnonzero(np.pad(pixels, 1))[order], grey[order]


def sweep_of_warpings(pages: list[PageWarpings]) -> WarpingSweep:
    """Combine the warpings of each page at the 19 thresholds; pages may differ in size."""
    errors = np.mean([page.counts[:, 0] / max(page.pixels, 1) for page in pages], axis=0)
    best = best_index(-errors)
    return WarpingSweep(
        thresholds=THRESHOLDS[COARSE],
        errors=errors,
        best_threshold=float(THRESHOLDS[COARSE][best]),
        best=_over_pages(pages, best),
        pages=[_over_pages([page], best) for page in pages],
    )


def _over_pages(pages: list[PageWarpings], index: int) -> WarpingError:
    """Average the error over pages and add up the mistakes, at the threshold `index`."""
    errors = [page.counts[index, 0] / max(page.pixels, 1) for page in pages]
    mistakes = np.sum([page.counts[index, 1:] for page in pages], axis=0).tolist()
    return WarpingError(error=float(np.mean(errors)), **dict(zip(MISTAKES, mistakes, strict=True)))


@kernel
def _merge(
    missed: NDArray[np.int64],
    below: NDArray[np.float64],
    invented: NDArray[np.int64],
    above: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Merge two rows of pixels, sorted by falling distance and then raster order, into one."""
    merged = np.empty(below.size + above.size, np.int64)
    first = second = 0
    for position in range(merged.size):
        if second == above.size or (
            first < below.size
            and (
                below[first] > above[second]
                or (below[first] == above[second] and missed[first] < invented[second])
            )
        ):
            merged[position] = missed[first]
            first += 1
        else:
            merged[position] = invented[second]
            second += 1
    return merged


@kernel
def _warp(pieces: NDArray[np.int32], visits: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Flip simple points of `visits` in order, until none is left; return what cannot be."""
    left = visits.size
    while True:
        kept = 0
        for index in range(left):
            pixel = visits[index]
            if connectivity_number(pieces, pixel, width) == 1:
                _flip(pieces, pixel, width)
            else:
                visits[kept] = pixel
                kept += 1
        if kept == left:
            return visits[:left]
        left = kept


@kernel
def _flip(pieces: NDArray[np.int32], pixel: int, width: int) -> None:
    """Give a simple point to the one piece of the other sort that it touches."""
    # Objects are joined by their sides, background also by its corners.
    missing = pieces[pixel] > 0
    for side in range(0, 8, 1 if missing else 2):
        piece = pieces[pixel + around(width)[side]]
        if (piece > 0) != missing:
            pieces[pixel] = piece
            return
