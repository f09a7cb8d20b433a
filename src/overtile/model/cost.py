"""What a network costs: arithmetic, counted from its shapes, and the least there can be."""

from __future__ import annotations

from fractions import Fraction

from overtile.config import NetworkConfig
from overtile.model.geometry import output_size

_KERNEL = 9  # multiply-adds of a 3×3 convolution for one channel in and one out
_UP_TAPS = 1  # an output pixel of a 2×2 up-convolution of stride 2 sees one pixel below


def multiply_adds(
    config: NetworkConfig, in_channels: int, classes: int, window: tuple[int, int]
) -> int:
    """Count the multiplications of the valid network for one window of legal sides.

    Parameters
    ----------
    config : NetworkConfig
        Of a network for images.
    in_channels, classes : int
    window : (rows, columns)
        Sides of the input in pixels.

    Returns
    -------
    count : int
        Of convolutions and up-convolutions; the rest is below one in a hundred.

    Raises
    ------
    ConfigError
        If a side is not legal.

    Examples
    --------
    >>> round(2 * multiply_adds(NetworkConfig(), 1, 2, (572, 572)) / 1e9)  # GFLOP, figure 1
    301
    """
    for side in window:
        output_size(side, config.depth, config.binning)
    rows, columns = (side // config.binning for side in window)
    count, below = 0, in_channels
    for level in range(config.depth + 1):
        width = config.base_channels << level
        for channels in (below, width):
            rows, columns = rows - 2, columns - 2
            count += _KERNEL * channels * width * rows * columns
        below = width
        if level < config.depth:
            rows, columns = rows // 2, columns // 2
    for level in reversed(range(config.depth)):
        width = config.base_channels << level
        rows, columns = 2 * rows, 2 * columns
        count += _UP_TAPS * 2 * width * width * rows * columns
        for channels in (2 * width, width):
            rows, columns = rows - 2, columns - 2
            count += _KERNEL * channels * width * rows * columns
    return count + config.base_channels * classes * rows * columns


def least_multiply_adds(config: NetworkConfig, in_channels: int, classes: int) -> Fraction:
    """Count the multiplications per output pixel where nothing is computed for context.

    The limit of an image without end: each map has, at its own scale, the sides of the image.

    Examples
    --------
    >>> float(round(2 * least_multiply_adds(NetworkConfig(), 1, 2) / 10**6, 2))  # MFLOP a pixel
    1.47
    """
    count, below = Fraction(0), in_channels
    for level in range(config.depth + 1):
        width = config.base_channels << level
        share = Fraction(1, 4**level)
        count += share * _KERNEL * (below * width + width * width)
        below = width
        if level < config.depth:
            count += share * (_UP_TAPS * 2 * width * width + _KERNEL * 3 * width * width)
    return (count + config.base_channels * classes) / config.binning**2
