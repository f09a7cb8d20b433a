"""Grey values on one scale, whatever the microscope: computed once per image, never per tile."""

from __future__ import annotations

import numpy as np

from overtile.arrays import Floats, Pixels

LOW_PERCENTILE = 1.0
HIGH_PERCENTILE = 99.8


def normalise(pixels: Pixels) -> Floats:
    """Map each channel so that its 1st percentile becomes -1 and its 99.8th becomes +1.

    Percentiles, because a single hot pixel moves a maximum and a single bright nucleus moves an SD.
    Statistics of a tile instead of the image would make neighbouring tiles disagree at their seam.

    Parameters
    ----------
    pixels : (C, Y, X) array
        Finite grey values of one image, any real dtype.

    Returns
    -------
    normalised : (C, Y, X) array of float32
        Mostly in [-1, 1]; a channel of one value becomes 0.
    """
    channels = pixels.reshape(pixels.shape[0], -1)
    low, high = np.percentile(channels, [LOW_PERCENTILE, HIGH_PERCENTILE], axis=1)
    # More than 98.8 % of one value: spread over the full range instead, so that the rest still
    # shows.
    flat = high <= low
    low = np.where(flat, channels.min(axis=1), low)
    high = np.where(flat, channels.max(axis=1), high)
    span = np.where(high > low, (high - low) / 2, 1.0)
    centre = (low + high) / 2
    scaled = (pixels.astype(np.float64) - centre[:, None, None]) / span[:, None, None]
    return np.asarray(scaled, dtype=np.float32)
