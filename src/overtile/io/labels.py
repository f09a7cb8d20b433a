"""From stored values to instance ids: only what can be an id passes."""

from __future__ import annotations

import numpy as np

from overtile.arrays import Labels, Pixels
from overtile.errors import LabelError

_LARGEST_ID = np.iinfo(np.uint32).max
_ONE_INTEGER = "save one integer per pixel: 0 for background, 1...n for objects"


def as_labels(pixels: Pixels) -> Labels:
    """Turn stored values into instance ids.

    Parameters
    ----------
    pixels : (P, C, Y, X) array of bool, int or float
        One channel, or three equal ones.

    Returns
    -------
    labels : (P, 1, Y, X) array of uint32
        The same values, never clipped or renumbered.

    Raises
    ------
    LabelError
        If the values are colours, negative, fractional, not finite or above 2**32 - 1.
    """
    grey = _one_channel(pixels)
    if grey.dtype.kind == "f":
        _refuse(~np.isfinite(grey), "are NaN or infinite", "replace them by 0")
        _refuse(grey != np.floor(grey), "are fractions", _ONE_INTEGER)
    if grey.dtype.kind in "fi":
        _refuse(grey < 0, "are negative", "use 0 for background and positive ids for objects")
    if grey.dtype.itemsize >= 4:
        # Compared as the next power of two: float32 cannot hold 2**32 - 1.
        _refuse(
            grey >= np.float64(_LARGEST_ID + 1) if grey.dtype.kind == "f" else grey > _LARGEST_ID,
            f"exceed {_LARGEST_ID}",
            "renumber the objects from 1",
        )
    return grey.astype(np.uint32)


def _one_channel(pixels: Pixels) -> Pixels:
    channels = pixels.shape[1]
    if channels == 1:
        return pixels
    if channels != 3:
        raise LabelError(
            f"has {channels} channels where labels have one",
            remedy=f"{_ONE_INTEGER}; if these are pages, say so with --axes ZYX",
        )
    if (pixels == pixels[:, :1]).all():
        return pixels[:, :1]
    colours = np.unique(np.moveaxis(pixels, 1, -1).reshape(-1, 3), axis=0)
    named = ", ".join(str(tuple(colour)) for colour in colours[:6].tolist())
    more = ", ..." if len(colours) > 6 else ""
    raise LabelError(
        f"is a coloured mask with {len(colours)} colours ({named}{more})",
        remedy=f"{_ONE_INTEGER}; if these are pages, say so with --axes ZYX",
    )


def _refuse(wrong: Pixels, what: str, remedy: str) -> None:
    count = int(np.count_nonzero(wrong))
    if count:
        raise LabelError(f"holds {count} pixels that {what}", remedy=remedy)
