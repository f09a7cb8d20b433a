"""Pixel error: the share of pixels on the wrong side of a threshold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.checks import check_foreground, checked_probabilities
from overtile.evaluation.isbi2012.thresholds import THRESHOLDS, best_index, thresholds_below


class BestPixelError(NamedTuple):
    """The lowest pixel error and where it is reached."""

    error: float
    """Share of differing pixels, in [0, 1], lower is better."""

    threshold: float
    """Of equally good thresholds, the one nearest to one half."""


def pixel_error(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    threshold: float = 0.5,
) -> float:
    """Share of pixels that are foreground in one image and background in the other.

    Parameters
    ----------
    truth_foreground : (Y, X) or (P, Y, X) array of bool
        True inside cells.
    foreground_probability : array of float
        In [0, 1], same shape.
    threshold : float
        A pixel is foreground where its probability exceeds this.

    Returns
    -------
    error : float
        In [0, 1], lower is better. Over all pixels of all pages.

    Raises
    ------
    ImageError
        If shapes differ, or a probability is outside [0, 1].

    References
    ----------
    .. [1] Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image segmentation
       algorithms for connectomics", Frontiers in Neuroanatomy 9:142 (the ISBI 2012 challenge).

    Examples
    --------
    >>> pixel_error(np.array([[True, True, False, False]]), np.array([[0.9, 0.4, 0.6, 0.1]]))
    0.5
    """
    check_foreground(truth_foreground, foreground_probability)
    foreground = checked_probabilities(foreground_probability) > threshold
    return float(np.mean(foreground != truth_foreground))


def best_pixel_error(
    truth_foreground: NDArray[np.bool_], foreground_probability: NDArray[Any]
) -> BestPixelError:
    """Lowest pixel error over the 256 thresholds k/256; arguments as in `pixel_error`."""
    wrong = pixels_wrong(truth_foreground, foreground_probability)
    best = best_index(-wrong.astype(np.float64))
    return BestPixelError(float(wrong[best] / truth_foreground.size), float(THRESHOLDS[best]))


def pixels_wrong(
    truth_foreground: NDArray[np.bool_], foreground_probability: NDArray[Any]
) -> NDArray[np.int64]:
    """Count differing pixels at every threshold by two histograms, without 256 comparisons.

    Parameters
    ----------
    truth_foreground, foreground_probability : array
        As in `pixel_error`.

    Returns
    -------
    wrong : (256,) array of int64
        Number of differing pixels at each of `THRESHOLDS`. Counts of several images add up.
    """
    check_foreground(truth_foreground, foreground_probability)
    exceeded = thresholds_below(checked_probabilities(foreground_probability))
    inside = np.bincount(exceeded[truth_foreground], minlength=257)
    outside = np.bincount(exceeded[~truth_foreground], minlength=257)
    missed = np.cumsum(inside)[:256]
    invented = outside.sum() - np.cumsum(outside)[:256]
    wrong: NDArray[np.int64] = missed + invented
    return wrong
