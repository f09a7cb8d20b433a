"""From class probabilities to one id per object, or one class per pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats, Labels
from overtile.choices import LabelKind
from overtile.config import PredictionConfig
from overtile.inference.grow import grow


def label_instances(foreground: Floats, config: PredictionConfig | None = None) -> Labels:
    """Give each 4-connected piece of likely foreground an id, then let the pieces grow.

    Diagonal contact does not connect: training keeps objects apart by one pixel of background, and
    a diagonal gap is one. With one threshold and no growth, these are the connected components of
    Ronneberger 2015. A higher threshold of the cores parts objects that touch, and growth gives
    back their rims.

    Parameters
    ----------
    foreground : (Y, X) array of float32
        Probability of being inside an object, [0, 1].
    config : PredictionConfig, optional
        Thresholds, growth and the smallest core to keep, in pixels.

    Returns
    -------
    labels : (Y, X) array of uint32
        0 is background; ids are 1…n without gaps.
    """
    config = config or PredictionConfig()
    cores = label_cores(foreground, config)
    return grow(cores, foreground > config.threshold, config.grow_px)


def label_cores(foreground: Floats, config: PredictionConfig) -> Labels:
    """Give each piece above the threshold of cores an id, but for those that are too small."""
    pieces, count = label_pieces(foreground > config.core)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    kept = sizes >= max(1, config.smallest_object_px)
    kept[0] = False
    ids = np.where(kept, np.cumsum(kept), 0).astype(np.uint32)
    return np.asarray(ids[pieces])


def label_pieces(mask: NDArray[np.bool_]) -> tuple[Labels, int]:
    """Give each 4-connected piece of a (Y, X) mask a number, in the order of first pixels.

    Returns
    -------
    pieces : (Y, X) array of uint32
        0 is background.
    count : int
    """
    pieces = np.empty(mask.shape, np.uint32)
    return pieces, int(ndi.label(mask, output=pieces))  # type: ignore[arg-type]


def foreground(probabilities: Floats) -> Floats:
    """Give the (Y, X) probability of being anything but background, from (K, Y, X)."""
    return np.asarray(np.clip(1 - probabilities[0], 0, 1))


def objects(probabilities: Floats, kind: LabelKind, config: PredictionConfig) -> Labels:
    """Turn (K, Y, X) probabilities into (Y, X) labels of the kind that was trained on.

    Objects get ids, for labels of kind ``instances`` and ``binary``; for ``classes`` each pixel
    gets the index of its likeliest class.
    """
    if kind == "classes":
        return np.asarray(probabilities.argmax(axis=0), dtype=np.uint32)
    return label_instances(foreground(probabilities), config)
