"""Information score: how much does one segmentation tell about the other?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from overtile.evaluation.isbi2012.foreground import ForegroundOverlaps, foreground_overlaps

# Below this, an entropy is a rounding error: one pixel apart in 10⁹ already gives 2e-8 nats.
_NOTHING = 1e-12


@dataclass(frozen=True, kw_only=True)
class InformationScore:
    """Foreground-restricted information score and its two parts, each in [0, 1], higher is better.

    ``S`` is the proposal, ``T`` the truth, ``H`` entropy and ``I`` mutual information.
    """

    f: float
    """Harmonic mean of `split` and `merge`: 2 I(S; T) / (H(S) + H(T))."""

    split: float
    """I(S; T) / H(S): falls where a truth object is split, as S then says more than T."""

    merge: float
    """I(S; T) / H(T): falls where truth objects are merged, as S then does not tell them apart."""


def foreground_restricted_information(
    truth_labels: NDArray[Any],
    predicted_labels: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
) -> InformationScore:
    """Score a segmentation by what it tells about the truth, inside the truth foreground.

    Draw a pixel of the truth foreground at random: ``T`` is its object, ``S`` its segment. As in
    `foreground_restricted_rand`, truth background is left out, and a pixel of proposed
    background inside the truth foreground is a segment of its own. Borders are not thinned here.

    Parameters
    ----------
    truth_labels, predicted_labels : array of int
        Label images of one shape; 0 is background. An id names one object, so number the objects
        of a stack of pages throughout.
    ignore : array of bool, optional
        Pixels to leave out of all sums, same shape.

    Returns
    -------
    score : InformationScore
        Where there is one segment only, H(S) = 0 and `split` is 1 by convention: nothing is
        split. Where there is one truth object only, H(T) = 0 and `merge` is 1: nothing is merged.
        If one of them is 0 and the other is not, `f` is 0. All 1 if both are, or if the truth has
        no foreground.

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but ids.

    References
    ----------
    .. [1] Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image segmentation
       algorithms for connectomics", Frontiers in Neuroanatomy 9:142, "Information theoretic
       scoring".

    Examples
    --------
    Two equal cells, one of which is split into halves: I = H(T) = 1 bit, H(S) = 1.5 bit.

    >>> truth, found = np.array([[1, 1, 1, 1, 2, 2, 2, 2]]), np.array([[1, 1, 2, 2, 3, 3, 3, 3]])
    >>> score = foreground_restricted_information(truth, found)
    >>> round(score.f, 3), round(score.split, 3), round(score.merge, 3)
    (0.8, 0.667, 1.0)
    """
    overlaps = foreground_overlaps(truth_labels, predicted_labels, ignore)
    return information_score(entropy_sums(overlaps))


def entropy_sums(overlaps: ForegroundOverlaps) -> NDArray[np.float64]:
    """Sum n ln n over overlaps, over truth objects, over segments; and count the pixels: (4,).

    Those of several pages add up, the objects of different pages being different objects.
    """
    # A pixel alone adds 1 ln 1 = 0.
    sums = [float(xlogy(n, n).sum()) for n in (overlaps.shared, overlaps.truth, overlaps.predicted)]
    return np.array([*sums, overlaps.truth.sum()], np.float64)


def information_score(sums: NDArray[np.float64]) -> InformationScore:
    """Form the score from sums of `entropy_sums`."""
    shared, truth, predicted, pixels = sums.tolist()
    if pixels == 0:
        return InformationScore(f=1.0, split=1.0, merge=1.0)
    # With p = n / N: -sum p ln p = ln N - sum(n ln n) / N.
    whole = float(np.log(pixels))
    truth_entropy, entropy = whole - truth / pixels, whole - predicted / pixels
    mutual = whole + (shared - truth - predicted) / pixels
    return InformationScore(
        f=_share(2 * mutual, truth_entropy + entropy),
        split=_share(mutual, entropy),
        merge=_share(mutual, truth_entropy),
    )


def _share(part: float, whole: float) -> float:
    """Divide, within [0, 1] in spite of rounding; 1 where there is nothing to know."""
    return min(max(part / whole, 0.0), 1.0) if whole > _NOTHING else 1.0
