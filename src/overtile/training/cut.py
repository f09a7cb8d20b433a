"""Validation regions cut out of the images, where these are too few to hold out whole ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from overtile.config import Settings
from overtile.data.partial import shows
from overtile.data.sample import Annotated

LARGEST_SET = 4
"""More images than this are held out whole."""

_LARGEST_LOSS = 0.5


class Cut(Settings):
    """How every image is cut across its longer side: learn, then a gap, then judge."""

    share: float
    """Of the longer side, at its end, that judges."""

    gap_px: int
    """Width of what is neither learnt nor judged: as much as the network sees around a pixel."""


def plan_cut(images: Sequence[Annotated], share: float, gap_px: int) -> Cut | None:
    """Decide whether images are cut, by what training loses.

    Of two images, or three or four large ones, regions with their gaps take less than a whole image
    would, and show a part of each.

    Parameters
    ----------
    images : sequence of Annotated
    share : float
        Of each image to judge by.
    gap_px : int

    Returns
    -------
    cut : Cut or None
        None if whole images are to be held out, or the images are too small to lose half.
    """
    if not images or len(images) > LARGEST_SET or share <= 0:
        return None
    shortest = min(max(image.labels.shape) for image in images)
    loss = share + gap_px / shortest
    if loss > _LARGEST_LOSS or (len(images) > 2 and loss > 1 / len(images)):
        return None
    cut = Cut(share=share, gap_px=gap_px)
    parts = [cut_image(image, cut) for image in images]
    # Both sides must show something, and of a part also background: strokes may all lie at one end.
    partial = any(image.ignore is not None for image in images)
    for side in (0, 1):
        told = [shows(part[side].labels, part[side].ignore) for part in parts]
        if not any(fore for fore, _ in told) or (partial and not any(back for _, back in told)):
            return None
    return cut


def cut_images(images: Sequence[Annotated], cut: Cut) -> tuple[list[Annotated], list[Annotated]]:
    """Cut all images; a part of which the labels tell nothing is left out.

    Returns
    -------
    training, validation : lists of Annotated
        See `cut_image`.
    """
    parts = [cut_image(image, cut) for image in images]
    training, validation = ([part[side] for part in parts if part[side].told_px] for side in (0, 1))
    return training, validation


def cut_image(image: Annotated, cut: Cut) -> tuple[Annotated, Annotated]:
    """Cut one image.

    Returns
    -------
    training : Annotated
        What is learnt.
    validation : Annotated
        What is judged, with the gap before it: its pixels are seen, and count nowhere.
    """
    axis = int(np.argmax(image.labels.shape))
    length = image.labels.shape[axis]
    first = length - max(1, round(cut.share * length))
    begin = max(1, first - cut.gap_px)
    line = ("row", "column")[axis]
    judged = _part(image, axis, slice(begin, None), f"from {line} {first}")
    ignore = np.zeros(judged.labels.shape, bool) if judged.ignore is None else judged.ignore.copy()
    gap = [slice(None), slice(None)]
    gap[axis] = slice(0, first - begin)
    ignore[tuple(gap)] = True
    judged = replace(judged, ignore=ignore, labels=np.where(ignore, np.uint32(0), judged.labels))
    return _part(image, axis, slice(0, begin), f"up to {line} {begin}"), judged


def _part(image: Annotated, axis: int, span: slice, where: str) -> Annotated:
    taken = (span, slice(None)) if axis == 0 else (slice(None), span)
    return Annotated(
        name=f"{image.name} {where}",
        pixels=image.pixels[:, *taken],
        labels=image.labels[taken],
        ignore=None if image.ignore is None else image.ignore[taken],
    )
