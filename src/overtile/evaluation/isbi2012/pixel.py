"""Pixel error: the share of pixels on the wrong side of a threshold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtile.evaluation.checks import check_foreground, check_pair, checked_probabilities
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
    ignore: NDArray[np.bool_] | None = None,
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
    ignore : array of bool, optional
        Pixels that count neither as differing nor among all pixels, same shape.

    Returns
    -------
    error : float
        In [0, 1], lower is better. Over all pixels of all pages; 0 if all are ignored.

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
    truth, probability = _counted(truth_foreground, foreground_probability, ignore)
    wrong = np.count_nonzero((probability > threshold) != truth)
    return float(wrong / max(truth.size, 1))


def best_pixel_error(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> BestPixelError:
    """Lowest pixel error over the 256 thresholds k/256; arguments as in `pixel_error`."""
    return best_of_wrong(*pixels_wrong(truth_foreground, foreground_probability, ignore))


def pixels_wrong(
    truth_foreground: NDArray[np.bool_],
    foreground_probability: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], int]:
    """Count differing pixels at every threshold by two histograms, without 256 comparisons.

    Parameters
    ----------
    truth_foreground, foreground_probability, ignore : array
        As in `pixel_error`.

    Returns
    -------
    wrong : (256,) array of int64
        Number of differing pixels at each of `THRESHOLDS`. Counts of several images add up.
    pixels : int
        Number of pixels that are not ignored.
    """
    truth, probability = _counted(truth_foreground, foreground_probability, ignore)
    exceeded = thresholds_below(probability)
    inside = np.bincount(exceeded[truth], minlength=257)
    outside = np.bincount(exceeded[~truth], minlength=257)
    missed = np.cumsum(inside)[:256]
    invented = outside.sum() - np.cumsum(outside)[:256]
    return missed + invented, truth.size


def best_of_wrong(wrong: NDArray[np.int64], pixels: int) -> BestPixelError:
    """Find the threshold with the fewest differing pixels, from `pixels_wrong` of all images."""
    best = best_index(-wrong.astype(np.float64))
    return BestPixelError(float(wrong[best] / max(pixels, 1)), float(THRESHOLDS[best]))


def _counted(
    truth: NDArray[np.bool_], probability: NDArray[Any], ignore: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.floating[Any]]]:
    """Check a pair and list the pixels that are not ignored."""
    check_foreground(truth, probability)
    probability = checked_probabilities(probability)
    if ignore is None:
        return truth.ravel(), probability.ravel()
    check_pair(truth, ignore)
    counted = ~ignore.astype(bool, copy=False)
    return truth[counted], probability[counted]
