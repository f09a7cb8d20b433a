"""A picture for a person: the image with the outline of every object on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.arrays import Labels, Pixels
from overtile.colours import REGION_COLOURS, RGB
from overtile.errors import ImageError
from overtile.storage import write_bytes

MOST_PAGES = 9
"""Pages of a stack that are shown, evenly spaced."""

LONGEST_SIDE_PX = 1024
"""Longest side of one page in the picture."""

_GAP_PX = 4
_DARKEST, _BRIGHTEST = 1.0, 99.8  # percentiles


def write_overlay(
    path: Path, pixels: Pixels, labels: Labels, colours: Sequence[RGB] = REGION_COLOURS
) -> None:
    """Write a PNG of the image with the outlines of its objects, or of its classes.

    Parameters
    ----------
    path : path
        The target; its folder must exist.
    pixels : (P, C, Y, X) array of int or float
        Three channels are shown as RGB, of any other number the first as grey. Contrast is
        stretched per page from the 1st to the 99.8th percentile. Of a stack, up to `MOST_PAGES`
        are shown in a grid.
    labels : (P, Y, X) array of uint32
        Instance ids, or class indices.
    colours : sequence of RGB
        Of ids 1, 2, …; after the last the first comes again.

    Raises
    ------
    ImageError
        If `labels` do not have the shape of `pixels`.
    OutputError
        If the file cannot be written.
    """
    if labels.shape != (pixels.shape[0], *pixels.shape[2:]):
        raise ImageError(
            f"is to show labels of shape {labels.shape} on pixels of shape {pixels.shape}",
            remedy="pass (P, C, Y, X) pixels and (P, Y, X) labels of the same image",
            path=path,
        )
    shown = np.linspace(0, len(pixels) - 1, min(len(pixels), MOST_PAGES)).round().astype(int)
    table = np.array(colours, np.uint8)
    picture = _grid([_page(pixels[page], labels[page], table) for page in shown])
    buffer = BytesIO()
    Pillow.fromarray(picture).save(buffer, format="PNG")
    write_bytes(path, buffer.getvalue())


def outlines(labels: Labels) -> NDArray[np.bool_]:
    """Mark the pixels of objects that touch another label by a side.

    Parameters
    ----------
    labels : (Y, X) array of uint32
        Instance ids, 0 is background.

    Returns
    -------
    outline : (Y, X) array of bool
        One pixel wide, inside the objects.
    """
    outline = np.zeros(labels.shape, bool)
    differs = labels[1:] != labels[:-1]
    outline[1:] |= differs
    outline[:-1] |= differs
    differs = labels[:, 1:] != labels[:, :-1]
    outline[:, 1:] |= differs
    outline[:, :-1] |= differs
    return outline & (labels > 0)


def _page(pixels: Pixels, labels: Labels, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw one page (C, Y, X) with its labels (Y, X) as (Y, X, 3)."""
    channels = pixels if len(pixels) == 3 else pixels[:1]
    grey = np.stack([_stretch(channel) for channel in channels], axis=-1)
    colour = np.repeat(grey, 3 // grey.shape[2], axis=2)
    step = math.ceil(max(labels.shape) / LONGEST_SIDE_PX)
    if step > 1:
        # Outlines are drawn after shrinking, or they would fade away.
        colour = np.array(Pillow.fromarray(colour).reduce(step))
        labels = labels[::step, ::step]
    outline = outlines(labels)
    colour[outline] = table[(labels[outline] - 1) % len(table)]
    return colour


def _stretch(channel: Pixels) -> NDArray[np.uint8]:
    low, high = np.percentile(channel, (_DARKEST, _BRIGHTEST))
    if high <= low:
        return np.full(channel.shape, 127, np.uint8)
    shares = (channel.astype(np.float64) - low) / (high - low)
    stretched: NDArray[np.uint8] = (shares.clip(0, 1) * 255).round().astype(np.uint8)
    return stretched


def _grid(pages: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    columns = math.ceil(math.sqrt(len(pages)))
    rows = math.ceil(len(pages) / columns)
    height, width = (side + _GAP_PX for side in pages[0].shape[:2])
    picture = np.full((rows * height - _GAP_PX, columns * width - _GAP_PX, 3), 255, np.uint8)
    for number, page in enumerate(pages):
        y, x = (number // columns) * height, (number % columns) * width
        picture[y : y + page.shape[0], x : x + page.shape[1]] = page
    return picture
