"""Arrays to PNG and JPEG inside the page."""

from __future__ import annotations

import base64
import math
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.arrays import Floats

Colour: TypeAlias = tuple[int, int, int, int]
"""Red, green, blue, opacity, each 0...255."""

Indices: TypeAlias = NDArray[np.uint8]
"""(Y, X) positions in a palette."""

SMALLEST_LINE_ART_PX = 480
"""Outlines are drawn on at least about so many pixels, lest they hide small objects."""

JPEG_QUALITY = 85


def fit(array: NDArray[Any], longest_px: int) -> NDArray[Any]:
    """Shrink a (Y, X) array of ids or values to `longest_px` a side by leaving pixels out."""
    height, width = fitted_shape(array.shape, longest_px)
    rows = (np.arange(height) + 0.5) * array.shape[0] / height
    columns = (np.arange(width) + 0.5) * array.shape[1] / width
    return array[np.ix_(rows.astype(int), columns.astype(int))]


def fitted_shape(shape: tuple[int, ...], longest_px: int) -> tuple[int, int]:
    """Give rows and columns of an image whose longest side is to be at most `longest_px`."""
    share = min(1.0, longest_px / max(shape))
    return max(1, round(shape[0] * share)), max(1, round(shape[1] * share))


def enlarge(array: NDArray[Any]) -> NDArray[Any]:
    """Repeat the pixels of a small (Y, X) array up to four times, for outlines drawn on it."""
    times = min(4, max(1, math.ceil(SMALLEST_LINE_ART_PX / max(array.shape))))
    return array.repeat(times, axis=0).repeat(times, axis=1)


def grey_values(pixels: Floats, longest_px: int) -> NDArray[np.uint8]:
    """Turn normalised pixels into something to look at.

    Parameters
    ----------
    pixels : (C, Y, X) array of float32
        Mostly in [-1, 1]. Three channels are shown as RGB, of any other number the first as grey.
    longest_px : int
        Longest side of the picture.

    Returns
    -------
    shown : (Y, X) or (Y, X, 3) array of uint8
    """
    channels = pixels if len(pixels) == 3 else pixels[:1]
    shares = (np.nan_to_num(channels) + 1) / 2
    bytes_ = (shares.clip(0, 1) * 255).round().astype(np.uint8)
    shown = np.ascontiguousarray(
        bytes_.transpose(1, 2, 0).squeeze(2) if len(bytes_) == 1 else bytes_.transpose(1, 2, 0)
    )
    height, width = fitted_shape(shown.shape[:2], longest_px)
    if (height, width) == shown.shape[:2]:
        return shown
    return np.array(Pillow.fromarray(shown).resize((width, height), Pillow.Resampling.BOX))


def jpeg(shown: NDArray[np.uint8]) -> str:
    """Write grey (Y, X) or RGB (Y, X, 3) values as a data URI."""
    buffer = BytesIO()
    Pillow.fromarray(shown).save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return _data_uri(buffer, "jpeg")


def png(indices: Indices, palette: list[Colour]) -> str:
    """Write flat colours, transparent ones too, as a data URI.

    Parameters
    ----------
    indices : (Y, X) array of uint8
        Positions in `palette`.
    palette : list of (red, green, blue, opacity)
        At most 256.
    """
    picture = Pillow.fromarray(indices)
    picture.putpalette([part for colour in palette for part in colour[:3]])
    buffer = BytesIO()
    opacity = bytes(colour[3] for colour in palette)
    picture.save(buffer, format="PNG", transparency=opacity)
    return _data_uri(buffer, "png")


def _data_uri(buffer: BytesIO, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
