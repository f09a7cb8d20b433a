"""Calibration: is a network right as often as it is sure?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overtile.errors import ImageError

BINS = 10


class Reliability(NamedTuple):
    """How often pixels are right, by how sure the network is of them."""

    confidence: NDArray[np.float64]
    """(B,) mean probability of the likeliest class in each bin; 0 where no pixel is."""

    accuracy: NDArray[np.float64]
    """(B,) share of its pixels that are right."""

    pixels: NDArray[np.int64]
    """(B,) how many pixels."""

    @property
    def error(self) -> float:
        """Expected calibration error (Guo et al. 2017, eq. 3): mean gap over pixels, in [0, 1]."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((gaps * self.pixels).sum() / max(1, self.pixels.sum()))


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> Reliability:
    """Compare sureness with truth, in bins of equal width.

    Parameters
    ----------
    confidence : (N,) array of float
        Probability of the likeliest class of each pixel, in [0, 1].
    right : (N,) array of bool
        Whether that class is the true one.

    Raises
    ------
    ImageError
        If the arrays differ in length.

    Examples
    --------
    >>> reliability(np.array([0.9, 0.9, 0.6]), np.array([True, False, True])).error.__round__(3)
    0.4
    """
    if confidence.shape != right.shape:
        raise ImageError(
            f"{confidence.shape} probabilities do not belong to {right.shape} pixels",
            remedy="give both for the same pixels",
        )
    places = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    pixels = np.bincount(places, minlength=BINS)
    share = 1 / np.maximum(pixels, 1)
    return Reliability(
        confidence=np.bincount(places, weights=confidence, minlength=BINS) * share,
        accuracy=np.bincount(places, weights=right, minlength=BINS) * share,
        pixels=pixels,
    )
