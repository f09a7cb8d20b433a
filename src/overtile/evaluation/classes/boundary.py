"""Boundaries of classes: how far is each drawn from where it should be?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from overtile.arrays import Labels
from overtile.errors import ConfigError
from overtile.evaluation.checks import check_pair, checked_labels

TOLERANCE_PX = 2.0
"""How far a boundary pixel may be off and still be right."""


@dataclass(frozen=True, kw_only=True)
class BoundaryScores:
    """Boundaries of each class of one image; class 0, the background, is left out."""

    f: dict[int, float]
    """Boundary F-score of each class that is in truth or prediction, in [0, 1], higher is better;
    0 for a class that is in one of them only."""

    hausdorff: dict[int, float]
    """Hausdorff distance of each class that has a boundary in truth and prediction, lower is
    better; in px, or in µm if the pixel size was given."""

    mean_f: float
    """Mean of `f`; 1 by convention if there is only background."""


class _Side(NamedTuple):
    """Truth or prediction."""

    labels: Labels
    edges: NDArray[np.bool_]
    """Where the boundary of any class is."""
    classes: set[int]

    def boundary(self, k: int) -> NDArray[np.bool_]:
        boundary: NDArray[np.bool_] = self.edges & (self.labels == k)
        return boundary


def boundary_scores(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    ignore: NDArray[np.bool_] | None = None,
    *,
    tolerance_px: float = TOLERANCE_PX,
    percentile: float = 95.0,
    pixel_size_um: Sequence[float] | None = None,
) -> BoundaryScores:
    """Compare the boundaries of each class but the background.

    A pixel is on the boundary of its class if a direct neighbour (one of 4 in an image, of 6 in a
    stack) is of another class. So the boundary lies inside the class and is one pixel thick.
    Neither the edge of the image nor an ignored neighbour makes a boundary: what is there is not
    known.

    The F-score [1]_ is the harmonic mean of precision, the share of predicted boundary pixels with
    a true one within `tolerance_px` (Euclidean), and of recall, the same with the roles exchanged.
    If a class is in truth and prediction but has a boundary in neither, since it fills the image,
    the score is 1; if it has one in one of them only, 0. In [1]_ the tolerance is 0.75 % of the
    diagonal of the image.

    The Hausdorff distance is the larger of two percentiles: that of the distances from each true
    boundary pixel to the nearest predicted one, and that of the reverse. At 100 it is Hausdorff's
    own. Some programs take one percentile of both lists together, which is seldom as large.

    Parameters
    ----------
    truth, predicted : array of int or bool
        Class maps of one shape, (Y, X) or (Z, Y, X); 0 is background.
    ignore : array of bool, optional
        Pixels that count nowhere, same shape.
    tolerance_px : float
        At least 0; in pixels even if the pixel size is known.
    percentile : float
        Of the Hausdorff distance, in [0, 100]; between two values it is interpolated linearly.
    pixel_size_um : sequence of float, optional
        µm along each axis, (y, x) or (z, y, x).

    Returns
    -------
    scores : BoundaryScores

    Raises
    ------
    ImageError
        If shapes differ.
    LabelError
        If an array holds anything but class indices.
    ConfigError
        If `tolerance_px` or `percentile` is out of range, or `pixel_size_um` is not one positive
        length for each axis.

    References
    ----------
    .. [1] Csurka, Larlus, Perronnin (2013), "What is a good evaluation measure for semantic
       segmentation?", BMVC: measure BF.

    Examples
    --------
    >>> truth = np.array([[0, 1, 1, 1, 1, 1, 1, 1, 0]])
    >>> found = np.array([[0, 1, 1, 1, 1, 0, 0, 0, 0]])
    >>> boundary_scores(truth, found, percentile=100)
    BoundaryScores(f={1: 0.5}, hausdorff={1: 3.0}, mean_f=0.5)
    """
    check_pair(truth, predicted)
    _check_settings(tolerance_px, percentile)
    check_pixel_size(pixel_size_um, truth.ndim)
    visible = np.ones(truth.shape, bool)
    if ignore is not None:
        check_pair(truth, ignore)
        visible = ~ignore.astype(bool)
    true = _side(checked_labels(truth, "truth"), visible)
    found = _side(checked_labels(predicted, "prediction"), visible)
    f = dict.fromkeys(sorted(true.classes | found.classes), 0.0)
    hausdorff: dict[int, float] = {}
    for k in sorted(true.classes & found.classes):
        one, other = true.boundary(k), found.boundary(k)
        if not one.any() or not other.any():
            f[k] = float(one.any() == other.any())
            continue
        in_px = _distances(one, other)
        f[k] = _f_score(in_px, tolerance_px)
        far = in_px if pixel_size_um is None else _distances(one, other, pixel_size_um)
        hausdorff[k] = float(max(np.percentile(one_way, percentile) for one_way in far))
    mean_f = float(np.mean(list(f.values()))) if f else 1.0
    return BoundaryScores(f=f, hausdorff=hausdorff, mean_f=mean_f)


def check_pixel_size(pixel_size_um: Sequence[float] | None, axes: int) -> None:
    """Refuse a pixel size that does not fit an array of so many `axes`.

    Raises
    ------
    ConfigError
        If it is not one positive length for each axis.
    """
    if pixel_size_um is None:
        return
    if len(pixel_size_um) != axes or not all(0 < length < np.inf for length in pixel_size_um):
        raise ConfigError(
            f"`pixel_size_um` must be {axes} positive lengths. Got {tuple(pixel_size_um)}",
            remedy="give µm along each axis, (y, x) of an image or (z, y, x) of a stack, or none",
        )


def _check_settings(tolerance_px: float, percentile: float) -> None:
    if not tolerance_px >= 0:
        raise ConfigError(
            f"`tolerance_px` must be at least 0. Got {tolerance_px}",
            remedy=f"{TOLERANCE_PX:g} is the usual choice",
        )
    if not 0 <= percentile <= 100:
        raise ConfigError(
            f"`percentile` must be within [0, 100]. Got {percentile}",
            remedy="95 is the usual choice, and 100 is the largest distance",
        )


def _side(labels: Labels, visible: NDArray[np.bool_]) -> _Side:
    edges = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        along, seen, edge = (np.moveaxis(array, axis, 0) for array in (labels, visible, edges))
        differ = (along[:-1] != along[1:]) & seen[:-1] & seen[1:]
        edge[:-1] |= differ
        edge[1:] |= differ
    classes = {int(k) for k in np.unique(labels[visible]) if k > 0}
    return _Side(labels=labels, edges=edges, classes=classes)


def _distances(
    one: NDArray[np.bool_], other: NDArray[np.bool_], spacing: Sequence[float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From each pixel of `one` to the nearest of `other`, and back."""
    return _nearest(one, other, spacing), _nearest(other, one, spacing)


def _nearest(
    start: NDArray[np.bool_], goal: NDArray[np.bool_], spacing: Sequence[float] | None
) -> NDArray[np.float64]:
    # Boundaries are few pixels of many: a tree of them is several times faster than a distance
    # transform of the image, and slower by half only if they fill it.
    scale = np.ones(start.ndim) if spacing is None else np.asarray(spacing)
    tree = KDTree(np.argwhere(goal) * scale, compact_nodes=False, balanced_tree=False)
    apart = ~goal[start]
    distances = np.zeros(apart.size)
    distances[apart] = tree.query(np.argwhere(start)[apart] * scale)[0]
    return distances


def _f_score(
    distances: tuple[NDArray[np.float64], NDArray[np.float64]], tolerance_px: float
) -> float:
    recall, precision = (float(np.mean(one_way <= tolerance_px)) for one_way in distances)
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0
