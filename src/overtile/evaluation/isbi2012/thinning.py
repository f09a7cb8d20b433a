"""Border thinning: objects grow until one pixel of border is left between them.

Scores after thinning do not depend on how wide a tool draws borders. Only the proposal is thinned:
the border pixels of the truth are left out of the sums anyway, so a thin proposed border costs
nothing as long as it runs inside the true one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Labels
from overtile.errors import LabelError
from overtile.evaluation.checks import checked_labels
from overtile.kernels import kernel

# What a pixel without an object is while objects grow.
_BACKGROUND, _FRAME, _QUEUED = 0, -1, -2


def thin_borders(labels: NDArray[Any]) -> Labels:
    """Grow all objects at the same pace until only a line of background separates them.

    A background pixel joins the object that reaches it first, through one of its four sides. It
    stays background for good if it touches two objects, so objects never touch by a side and
    never merge. Of pixels at the same distance, the first in raster order is reached first. What
    separates nothing is grown over: holes, loose ends of borders, and background at the edge of
    the page. This is the watershed of the distance to the objects, with watershed lines.

    Parameters
    ----------
    labels : (Y, X) array of int
        0 is background; different objects are apart by at least one pixel, but for corners. For a
        foreground, label its 4-connected components.

    Returns
    -------
    thinned : (Y, X) array of uint32
        The same ids. Each pixel of background has two objects at its sides, or none, where lines
        meet. All background if there was no object.

    Raises
    ------
    LabelError
        If `labels` is not (Y, X), or holds anything but ids.

    References
    ----------
    .. [1] Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image segmentation
       algorithms for connectomics", Frontiers in Neuroanatomy 9:142, on border thinning.

    Examples
    --------
    >>> thin_borders(np.array([[1, 0, 0, 0, 0, 2, 0, 0]]))
    array([[1, 1, 1, 0, 2, 2, 2, 2]], dtype=uint32)
    """
    if labels.ndim != 2:
        raise LabelError(
            f"labels of a page must have shape (Y, X), not {labels.shape}",
            remedy="thin the pages of a stack one by one",
        )
    # Signed, to have room for marks beside the ids.
    grown = np.pad(checked_labels(labels, "page").astype(np.int64), 1, constant_values=_FRAME)
    _grow(grown.ravel(), grown.shape[1])
    inside = grown[1:-1, 1:-1]
    return np.where(inside > 0, inside, 0).astype(np.uint32)


@kernel
def _grow(labels: NDArray[np.int64], width: int) -> None:
    """Let objects grow in breadth-first order over raveled, framed `labels`; changes them."""
    queue = np.empty(labels.size, np.int64)
    length = position = 0
    for pixel in range(labels.size):
        if labels[pixel] > 0:
            length = _queue_sides(labels, pixel, width, queue, length)
    while position < length:
        pixel = queue[position]
        position += 1
        object_id = _only_object(labels, pixel, width)
        if object_id > 0:
            labels[pixel] = object_id
            length = _queue_sides(labels, pixel, width, queue, length)


@kernel
def _queue_sides(
    labels: NDArray[np.int64], pixel: int, width: int, queue: NDArray[np.int64], length: int
) -> int:
    """Queue the background at the sides of a pixel, once each; return the new length."""
    for step in (-width, -1, 1, width):
        if labels[pixel + step] == _BACKGROUND:
            labels[pixel + step] = _QUEUED
            queue[length] = pixel + step
            length += 1
    return length


@kernel
def _only_object(labels: NDArray[np.int64], pixel: int, width: int) -> int:
    """Name the object at the sides of a pixel, or 0 if there are two."""
    found = 0
    for step in (-width, -1, 1, width):
        object_id = labels[pixel + step]
        if object_id > 0 and found == 0:
            found = object_id
        elif object_id > 0 and object_id != found:
            return 0
    return found
