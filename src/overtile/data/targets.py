"""From label images to what the network is asked for: objects, gaps between them, classes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import ClassMap, Floats, Labels
from overtile.choices import LabelKind

_NO_ID = np.iinfo(np.uint32).max

# Half of the eight neighbours; the other half is met from the other pixel's side.
_HALF_NEIGHBOURHOOD = ((0, 1), (1, -1), (1, 0), (1, 1))


def object_ids(labels: Labels, kind: LabelKind) -> Labels:
    """Give every object an id of its own.

    Parameters
    ----------
    labels : (Y, X) array of uint32
        Label image of any kind.
    kind : {"instances", "binary", "classes"}
        How `labels` is meant. Binary foreground is cut into its 4-connected pieces; instances and
        class indices are returned as they are.

    Returns
    -------
    ids : (Y, X) array of uint32
        0 is background.
    """
    if kind != "binary":
        return labels
    pieces, _ = ndi.label(labels > 0)
    return np.asarray(pieces, dtype=np.uint32)


def separate_touching(ids: Labels, gap_px: int = 1) -> Labels:
    """Turn pixels into background until no two objects touch, not even diagonally.

    Where two objects meet, the one with the larger id gives way by one pixel (Ronneberger 2015,
    Sec. 3, asks for a separation border and leaves its width open).

    Parameters
    ----------
    ids : (Y, X) array of uint32
        Instance ids; 0 is background.
    gap_px : int
        Width of the gap: 1, or an even number, of which each of the two objects gives half.

    Returns
    -------
    separated : (Y, X) array of uint32
        A copy with at least `gap_px` background pixels between objects that touched.

    Examples
    --------
    >>> separate_touching(np.array([[1, 1, 2, 2]], np.uint32))
    array([[1, 1, 0, 2]], dtype=uint32)
    """
    if gap_px > 1:
        side = gap_px + 1
        # Background must not count as the lowest id.
        lowest = ndi.minimum_filter(np.where(ids > 0, ids, _NO_ID), size=side, mode="nearest")
        highest = ndi.maximum_filter(ids, size=side, mode="nearest")
        return np.where((lowest == ids) & (highest == ids), ids, np.uint32(0))
    gap = np.zeros(ids.shape, bool)
    for rows, columns in _HALF_NEIGHBOURHOOD:
        one, other = _shifted(rows, columns), _shifted(-rows, -columns)
        touching = (ids[one] != ids[other]) & (ids[one] > 0) & (ids[other] > 0)
        gap[one] |= touching & (ids[one] > ids[other])
        gap[other] |= touching & (ids[other] > ids[one])
    return np.where(gap, np.uint32(0), ids)


def count_touching_pairs(ids: Labels) -> int:
    """Count the pairs of objects that touch, diagonally or straight."""
    pairs: list[NDArray[np.uint32]] = []
    for rows, columns in _HALF_NEIGHBOURHOOD:
        one, other = ids[_shifted(rows, columns)], ids[_shifted(-rows, -columns)]
        touching = (one != other) & (one > 0) & (other > 0)
        pairs.append(np.sort(np.stack([one[touching], other[touching]], axis=1), axis=1))
    return len(np.unique(np.concatenate(pairs), axis=0))


def class_map(ids: Labels, kind: LabelKind) -> ClassMap:
    """Turn separated ids into classes: 1 inside any object, or the class index as it stands."""
    return (ids if kind == "classes" else ids > 0).astype(np.uint8)


def class_balance(maps: Iterable[ClassMap], classes: int, exponent: float) -> Floats:
    """Weigh classes by their rarity in the whole training set: w_c of eq. (2).

    Parameters
    ----------
    maps : iterable of arrays of uint8
        Classes of the labelled pixels of the training set, image by image, of any shape.
    classes : int
        Number of classes, K.
    exponent : float
        1 gives every class the same total weight, 0 every pixel the same weight.

    Returns
    -------
    weights : (K,) array of float32
        Positive, with mean 1 over the pixels of the training set. A class that never occurs gets
        the weight of the rarest one that does.
    """
    counts = np.zeros(classes)
    for one_map in maps:
        counts += np.bincount(one_map.ravel(), minlength=classes)[:classes]
    frequency = counts / counts.sum()
    frequency = np.where(frequency > 0, frequency, frequency[frequency > 0].min())
    weights = frequency**-exponent
    balanced = weights / (weights * counts).sum() * counts.sum()
    return np.asarray(balanced, dtype=np.float32)


def _shifted(rows: int, columns: int) -> tuple[slice, slice]:
    """Select the pixels whose neighbour at (+rows, +columns) exists."""
    return (
        slice(max(0, -rows), -rows if rows > 0 else None),
        slice(max(0, -columns), -columns if columns > 0 else None),
    )


def consecutive(ids: Labels) -> bool:
    """Say whether the ids are 1…n without gaps; gaps are legal and only notable."""
    present = np.unique(ids[ids > 0])
    return all(after - before == 1 for before, after in pairwise([0, *present.tolist()]))
