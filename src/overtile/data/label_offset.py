"""Whether labels lie beside what they show, as a whole: half a pixel hides in many annotations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import Floats, Labels
from overtile.data.sample import Annotated

LARGEST_PX = 2
"""Larger offsets along an axis are not looked for; they would be seen by eye."""

SMALLEST_PX = 0.3
"""Smaller offsets are not worth telling of: labels are drawn on whole pixels."""

_PATCH_PX = 160
_SMALLEST_PATCH_PX = 48
_MOST_PATCHES = 96
_FEWEST_PATCHES = 4
_AGREEING = 0.9  # share of the patches that must have an answer
_STANDARD_ERRORS = 4.0
_EDGE_SD_PX = 1.0
_ROOM_PX = LARGEST_PX + 1


class LabelOffset(NamedTuple):
    """How far all labels lie beside what they show, in pixels."""

    down_px: float
    right_px: float
    standard_error_px: float
    patches: int


def measure_label_offset(images: Sequence[Annotated]) -> LabelOffset | None:
    """Measure how far the borders of labels lie beside the edges in the images.

    The offset of a patch is where the cross-correlation of two maps is highest, between pixels by a
    parabola: the gradient of the grey values, which is the same on both sides of an object that is
    lit from one side, and the borders between labels. Patches must agree.

    Parameters
    ----------
    images : sequence of Annotated
        Parts that the labels do not tell of are not looked at.

    Returns
    -------
    offset : LabelOffset or None
        The median over patches. None unless it is at least `SMALLEST_PX` long and four standard
        errors away from none.
    """
    patches = [patch for image in images for patch in _patches(image)]
    chosen = patches[:: math.ceil(len(patches) / _MOST_PATCHES)] if patches else []
    if len(chosen) < _FEWEST_PATCHES:
        return None
    peaks = [peak for peak in (_peak(*patch) for patch in chosen) if peak is not None]
    if len(peaks) < _AGREEING * len(chosen):
        return None
    offsets = np.stack(peaks)
    middle = np.median(offsets, axis=0)
    deviation = 1.4826 * np.median(np.abs(offsets - middle), axis=0)
    error = float(np.hypot(*deviation)) * math.sqrt(math.pi / 2 / len(peaks))
    length = float(np.hypot(*middle))
    if length < max(SMALLEST_PX, _STANDARD_ERRORS * error):
        return None
    return LabelOffset(float(middle[0]), float(middle[1]), error, len(peaks))


def _patches(image: Annotated) -> Iterator[tuple[Floats, Labels]]:
    """Cut an image into patches that are labelled as a whole and show a border."""
    windows = [
        [slice(start, start + length // parts) for start in range(0, length, length // parts)]
        for length in image.labels.shape
        if (parts := max(1, round(length / _PATCH_PX)))
    ]
    for rows in windows[0]:
        for columns in windows[1]:
            labels = image.labels[rows, columns]
            told = image.ignore is None or not image.ignore[rows, columns].any()
            if min(labels.shape) >= _SMALLEST_PATCH_PX and told and np.ptp(labels) > 0:
                yield image.pixels[:, rows, columns], labels


def _peak(pixels: Floats, labels: Labels) -> NDArray[np.float64] | None:
    """Give the offset (down, right) of one patch; None where it is beyond what is looked for."""
    inner = (slice(_ROOM_PX, -_ROOM_PX),) * 2
    edges = _edges(pixels)[inner]
    borders = _borders(labels)
    reach = range(-_ROOM_PX, _ROOM_PX + 1)
    match = np.array([[_match(edges, borders, down, right) for right in reach] for down in reach])
    row, column = np.unravel_index(match.argmax(), match.shape)
    if not (0 < row < 2 * _ROOM_PX and 0 < column < 2 * _ROOM_PX):
        return None
    return np.array(
        [
            row - _ROOM_PX + _top(match[row - 1 : row + 2, column]),
            column - _ROOM_PX + _top(match[row, column - 1 : column + 2]),
        ]
    )


def _edges(pixels: Floats) -> NDArray[np.float64]:
    gradients = [
        ndi.gaussian_gradient_magnitude(channel.astype(np.float64), _EDGE_SD_PX)
        for channel in pixels
    ]
    return np.asarray(np.sum(gradients, axis=0))


def _borders(labels: Labels) -> NDArray[np.float64]:
    """Mark the pixels on both sides of every border between labels."""
    borders = np.zeros(labels.shape)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = labels[one] != labels[other]
        borders[one] = np.maximum(borders[one], differ)
        borders[other] = np.maximum(borders[other], differ)
    return ndi.gaussian_filter(borders, _EDGE_SD_PX)


def _match(
    edges: NDArray[np.float64], borders: NDArray[np.float64], down: int, right: int
) -> float:
    rows, columns = (
        slice(_ROOM_PX + shift, _ROOM_PX + shift + length)
        for shift, length in zip((down, right), edges.shape, strict=True)
    )
    moved = borders[rows, columns]
    spread = edges.std() * moved.std()
    return float(((edges - edges.mean()) * moved).mean() / spread) if spread > 0 else 0.0


def _top(three: NDArray[np.float64]) -> float:
    """Give where a parabola through three values is highest, from the middle one."""
    below, middle, above = three
    bend = 2 * middle - below - above
    return float((above - below) / (2 * bend)) if bend > 0 else 0.0
