"""What to annotate next: regions that stand for what the images show, each for something else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats
from overtile.inference.predict import Predictor
from overtile.inference.region_labels import Region
from overtile.inference.views import views

_LEAST = 1e-12
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_SERVED = 2000
"""As many regions, evenly drawn, say what all look like, so that memory grows as their number."""


def disagreement(predictor: Predictor, pixels: Floats) -> tuple[Floats, Floats]:
    """Tell where predictions of the turned and flipped image contradict each other.

    The mutual information between the class of a pixel and the way the image lies: the entropy of
    the mean prediction, less the mean entropy of each (Houlsby et al. 2011, eq. 2). A pixel of
    which all eight are equally unsure, such as one on a border that nobody can tell to a pixel,
    counts nothing.

    Parameters
    ----------
    predictor : Predictor
        Its own test-time augmentation is not used.
    pixels : (C, Y, X) array of float32
        Normalised.

    Returns
    -------
    disagreement : (Y, X) array of float32
        In bits, from 0.
    probabilities : (K, Y, X) array of float32
        Mean over the eight.
    """
    mean, entropy = np.zeros((0,)), np.zeros((0,))
    seen = views("flips8", pixels.shape[1:], predictor.label_offset_px)
    for view in seen:
        found = view.back(predictor.probabilities(np.ascontiguousarray(view.there(pixels))))
        mean = found.astype(np.float64) if mean.size == 0 else mean + found
        entropy = _entropy(found) if entropy.size == 0 else entropy + _entropy(found)
    mean /= len(seen)
    return (
        np.asarray(np.maximum(_entropy(mean) - entropy / len(seen), 0), np.float32),
        np.asarray(mean, np.float32),
    )


def cut_regions(size: tuple[int, int], side_px: int) -> list[Region]:
    """Cut an image into regions of about one side each, that cover it without overlap.

    Examples
    --------
    >>> [(region.rows, region.columns) for region in cut_regions((100, 250), 100)]
    [(slice(0, 100, None), slice(0, 125, None)), (slice(0, 100, None), slice(125, 250, None))]
    """
    rows, columns = (_spans(length, side_px) for length in size)
    return [Region(down, right) for down in rows for right in columns]


def looks(pixels: Floats, probabilities: Floats) -> NDArray[np.float64]:
    """Describe how a region looks: grey values and their steps by quantiles, and its classes.

    Parameters
    ----------
    pixels : (C, y, x) array of float32
    probabilities : (K, y, x) array of float32
    """
    steps = np.abs(np.diff(pixels, axis=2))
    parts = [np.quantile(pixels, _QUANTILES, axis=(1, 2)).ravel()]
    if steps.size:
        parts.append(np.quantile(steps, _QUANTILES[2:], axis=(1, 2)).ravel())
    return np.concatenate([*parts, probabilities.mean(axis=(1, 2))])


def rank(
    described: Sequence[NDArray[np.float64]],
    count: int,
    known: Sequence[NDArray[np.float64]] = (),
) -> list[int]:
    """Choose regions one by one: each time that which stands for most that nothing stands for yet.

    A region stands for another as far as the two look alike: by exp(-d² / (D / 4)), where d is
    their distance in D standardised `looks`. Each choice adds most to the sum over all regions of
    the best that stands for them, which is facility location (Krause and Golovin 2014,
    section 1.2): regions of a kind that is frequent come first, one of each kind before a second.

    Parameters
    ----------
    described : sequence of arrays
        `looks` of each region.
    count : int
        How many to choose, at most.
    known : sequence of arrays
        `looks` of regions that are annotated already.

    Returns
    -------
    chosen : list of int
        Numbers of regions, the first to annotate first.
    """
    regions = len(described)
    table = np.array([*described, *known], np.float64).reshape(regions + len(known), -1)
    spread = table.std(axis=0)
    table = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1)
    served = table[: regions : math.ceil(max(regions, 1) / _MOST_SERVED)]
    alike = np.exp(-_squared_distances(served, table) / (table.shape[1] / 4))
    best = alike[:, regions:].max(axis=1, initial=0)
    left = np.ones(regions, bool)
    chosen: list[int] = []
    while left.any() and len(chosen) < count:
        gain = np.maximum(alike[:, :regions] - best[:, None], 0).sum(axis=0)
        chosen.append(int(np.argmax(np.where(left, gain, -1))))
        left[chosen[-1]] = False
        best = np.maximum(best, alike[:, chosen[-1]])
    return chosen


def _entropy(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Give the entropy of each pixel in bits."""
    likely = np.maximum(probabilities, _LEAST).astype(np.float64)
    return np.asarray(-(likely * np.log2(likely)).sum(axis=0))


def _squared_distances(
    rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give those of all pairs, without a difference of each: those would not fit into memory."""
    squares = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * rows @ columns.T, 0))


def _spans(length: int, side_px: int) -> list[slice]:
    parts = max(1, round(length / side_px))
    edges = [length * part // parts for part in range(parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
