"""What recipe `auto` looks at in the data: sizes, objects, classes, and where the labels lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Labels
from overtile.choices import LabelKind
from overtile.data.label_offset import LabelOffset, measure_label_offset
from overtile.data.sample import Annotated

BINNINGS = (1, 2, 4, 8)
"""Sides of bins that are tried, in pixels, the finest first."""

KEPT = 0.9
"""Share of its shape that an object must keep in bins: IoU of what it was, and of the bins that it
fills by more than half."""

FEWEST_ONE_WAY = 5
"""Images that show both classes; fewer may agree by chance."""

_AGREEMENT = 2.0
"""Mean distance of two classes along an axis, in SDs over images, from which they agree."""

_BAND_PX = 1 << 20
_FEW_PERCENTILE = 10.0
_SMALL_PERCENTILE = 1.0
_LARGE_PERCENTILE = 90.0


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What the plan knows of the annotated images."""

    sizes: tuple[tuple[int, int], ...]
    """Height and width of every training image, in pixels."""

    channels: int
    classes: int
    label_kind: LabelKind
    labelled_px: int = 0
    """Pixels that the labels tell of, in all training images together; 0 if nobody counted."""

    labelled_share: float = 1.0
    """Of the pixels of boxes around what is labelled, image by image: 1 where nothing is left out
    within them, little where there are strokes."""

    small_object_px: int = 0
    """Area that 99 in 100 objects reach, in pixels; 0 where no whole objects are labelled."""

    rarest_class: float = 1.0
    """Share of the labelled pixels that the rarest class has; 1 where no classes are labelled."""

    large_object_px: int = 0
    """Diameter of a disk as large as the object, or the region of a class, that 9 in 10 do not
    exceed, in pixels; 0 where no whole ones are labelled."""

    coarsest_binning: int = 1
    """Side in pixels of the largest bins in which labels keep their shapes; 1 if none do."""

    one_way: tuple[bool, bool] = (False, False)
    """Whether, along rows and along columns, a class lies on one side of another in all images."""

    label_offset: LabelOffset | None = None
    """How far labels lie beside what they show; None where they lie on it, or nobody can tell."""


def fingerprint(
    images: Sequence[Annotated], kind: LabelKind, classes: int, *, whole: bool
) -> Fingerprint:
    """Look at all training images.

    Parameters
    ----------
    images : sequence of Annotated
    kind : {"instances", "binary", "classes"}
    classes : int
        Number of classes with background, K.
    whole : bool
        Whether objects are labelled as a whole, and not by strokes.
    """
    regions = class_regions(images) if kind == "classes" else images
    return Fingerprint(
        sizes=tuple(image.labels.shape for image in images),
        channels=len(images[0].pixels),
        classes=classes,
        label_kind=kind,
        labelled_px=sum(image.told_px for image in images),
        labelled_share=labelled_share(images),
        small_object_px=small_object_px(images) if whole and kind != "classes" else 0,
        rarest_class=rarest_class(images, classes) if kind == "classes" else 1.0,
        large_object_px=large_object_px(regions) if whole else 0,
        coarsest_binning=coarsest_binning(regions) if whole else 1,
        one_way=one_way(images, classes) if kind == "classes" else (False, False),
        label_offset=measure_label_offset(images) if whole else None,
    )


def labelled_share(images: Sequence[Annotated]) -> float:
    """Give the share of labelled pixels in the smallest boxes that hold those of each image."""
    told = sum(image.told_px for image in images)
    return told / max(1, sum(_box_px(image) for image in images))


def _box_px(image: Annotated) -> int:
    if image.ignore is None:
        return image.labels.size
    sides = [np.flatnonzero((~image.ignore).any(axis=axis)) for axis in (1, 0)]
    return math.prod(int(side[-1] - side[0] + 1) if side.size else 0 for side in sides)


def rarest_class(images: Sequence[Annotated], classes: int) -> float:
    """Give the share of the labelled pixels that the rarest class has, background apart."""
    counts = np.zeros(classes, np.int64)
    for image in images:
        told = image.labels if image.ignore is None else image.labels[~image.ignore]
        counts += np.bincount(told.ravel(), minlength=classes)
    present = counts[1:][counts[1:] > 0]
    return float(present.min() / counts.sum()) if present.size else 1.0


def one_way(images: Sequence[Annotated], classes: int) -> tuple[bool, bool]:
    """Find axes along which a class lies on the same side of another in nearly all images.

    Layers of a tissue and parts of an organ do, where images are taken upright. A network that
    learns from turned ones could not tell such classes by where they lie.

    Parameters
    ----------
    images : sequence of Annotated
        With labels of kind `classes`.
    classes : int

    Returns
    -------
    rows, columns : bool
    """
    middles = np.full((len(images), classes, 2), np.nan)
    for middle, image in zip(middles, images, strict=True):
        for value in np.unique(image.labels[image.labels > 0]):
            middle[value] = _middle(image.labels == value)
    found = np.zeros(2, bool)
    for one, other in combinations(range(1, classes), 2):
        apart = middles[:, one] - middles[:, other]
        apart = apart[np.isfinite(apart).all(axis=1)]
        if len(apart) >= FEWEST_ONE_WAY:
            # A pixel is as near as nothing: classes around one another have the same middle.
            spread = np.maximum(apart.std(axis=0), 1.0)
            found |= np.abs(apart.mean(axis=0)) > _AGREEMENT * spread
    return bool(found[0]), bool(found[1])


def _middle(mask: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = (np.count_nonzero(mask, axis=axis) for axis in (1, 0))
    return np.average(np.arange(rows.size), weights=rows), np.average(
        np.arange(columns.size), weights=columns
    )


def small_object_px(images: Sequence[Annotated]) -> int:
    """Give the area in pixels that 99 in 100 annotated objects reach; 0 if there are none."""
    areas = _areas(images)
    return int(np.percentile(areas, _SMALL_PERCENTILE)) if areas.size else 0


def large_object_px(images: Sequence[Annotated]) -> int:
    """Give the diameter that 9 in 10 annotated objects do not exceed, as if they were disks."""
    areas = _areas(images)
    if not areas.size:
        return 0
    return math.ceil(2 * math.sqrt(np.percentile(areas, _LARGE_PERCENTILE) / math.pi))


def coarsest_binning(images: Sequence[Annotated]) -> int:
    """Give the side in pixels of the largest bins in which 9 in 10 objects keep their shapes.

    The background counts as an object, so that thin gaps and lines are kept as well.
    """
    coarsest = 1
    for binning in BINNINGS[1:]:
        kept = [shapes_kept(image.labels, binning) for image in images]
        objects = np.concatenate([np.zeros(0), *(one[1:] for one in kept)])
        background = min((float(one[0]) for one in kept if one.size), default=0.0)
        if not objects.size or min(background, np.percentile(objects, _FEW_PERCENTILE)) < KEPT:
            break
        coarsest = binning
    return coarsest


def shapes_kept(labels: Labels, binning: int) -> NDArray[np.float64]:
    """Give how much of each shape is left where labels are told bin by bin.

    Parameters
    ----------
    labels : (Y, X) array of uint32
        Ids; 0 is background.
    binning : int
        Side of a bin in pixels. What is left over at the right and at the bottom is not looked at.

    Returns
    -------
    kept : (N,) array of float64
        IoU of each id, in their order, and of the bins of which it fills more than half.

    Examples
    --------
    >>> shapes_kept(np.array([[1, 1, 0, 0], [1, 0, 0, 0]], np.uint32), 2)
    array([0.8 , 0.75])
    """
    rows, columns = (side // binning for side in labels.shape)
    inside = labels[: rows * binning, : columns * binning]
    if not inside.size:
        return np.zeros(0)
    ids = np.unique(inside)
    counts = np.zeros((3, ids.size))
    step = binning * max(1, _BAND_PX // inside.shape[1])
    for start in range(0, len(inside), step):  # A large image is not laid out more than once.
        counts += _bins_filled(
            np.searchsorted(ids, inside[start : start + step]), binning, ids.size
        )
    area, both, of_bins = counts
    return np.asarray(both / (area + of_bins - both))


def _bins_filled(place: NDArray[np.intp], binning: int, ids: int) -> NDArray[np.float64]:
    """Count pixels of each id, those in bins that it fills by more than half, and all of these."""
    down, right = np.indices(place.shape, np.int32) // binning
    columns = place.shape[1] // binning
    parts, filled = np.unique_counts((down * columns + right) * np.int64(ids) + place)
    mine, won = parts % ids, 2 * filled > binning**2
    weights = (filled, filled * won, binning**2 * won)
    return np.array([np.bincount(mine, weight, ids) for weight in weights], np.float64)


def class_regions(images: Sequence[Annotated]) -> list[Annotated]:
    """Give every 4-connected region of a class an id of its own."""
    return [
        Annotated(name=image.name, pixels=image.pixels, labels=_regions(image.labels))
        for image in images
    ]


def _regions(classes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    regions = np.zeros_like(classes)
    for value in np.unique(classes[classes > 0]):
        pieces, _ = ndi.label(classes == value)
        regions = np.where(pieces > 0, regions.max() + pieces.astype(np.uint32), regions)
    return regions


def _areas(images: Sequence[Annotated]) -> NDArray[np.float64]:
    areas = [np.unique_counts(image.labels[image.labels > 0]).counts for image in images]
    return np.concatenate([np.zeros(0), *areas])
