"""How an image is cut for prediction: as few strips as the memory allows, so the least arithmetic.

The overlap-tile strategy of figure 2 with tiles as tall as the image: a strip of columns runs
through the network row by row (`overtile.inference.stream`), so that only neighbouring strips
share context.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from overtile.choices import InferencePrecision
from overtile.config import NetworkConfig
from overtile.errors import ConfigError
from overtile.model.cost import least_multiply_adds, multiply_adds
from overtile.model.geometry import context_px, pooling_factor, smallest_input

DEFAULT_MEMORY_BYTES = 1 << 30
"""What the maps of a network may take where nobody says more; more hardly makes it faster."""

_BLOCK_BYTES = 12 << 20
"""Of one map at the finest level: what a block of rows may take, to stay in the cache."""

_LARGEST_BLOCK_ROWS = 256

_ROWS_PER_BLOCK_ROW = 22
_ROWS_WAITING = 250
"""Rows of the finest level that all maps together take: so many for each row of a block, and those
that wait or are kept. Measured by `benchmarks/speed/memory.py`, with some to spare."""

_LOGITS_HELD = 3
"""Where bins are interpolated: logits as they come, cropped, and as probabilities."""

_BYTES: dict[InferencePrecision, int] = {"fp32": 4, "bf16": 2}

_WINDOW_OUTPUT = 832
"""Largest side of what one window decides, where rows are not kept: larger ones are not faster."""

_WINDOW_BYTES = 8
_PACKED_BYTES = 4 * 9 * 8
_LIBRARY_BYTES = 160 << 20
"""In 8-bit integers: for each pixel of a window and channel of the first level, for each pair of
channels of the bottom, whose weights are held twice, and for OpenVINO itself, which keeps its
memory while results are written; some to spare."""


@dataclass(frozen=True)
class Strip:
    """Columns of an image that run through the network together, in pixels of the image."""

    read: tuple[int, int]
    """(start, stop) of the columns to feed to the network; may reach beyond the image."""

    keep: slice
    """Columns that this strip, and no other, decides."""


@dataclass(frozen=True, kw_only=True)
class PredictionPlan:
    """How one image is predicted, and what that takes."""

    size: tuple[int, int]
    """Height and width of the image in pixels."""

    strips: tuple[Strip, ...]
    """From left to right. All have input sides of the same length."""

    block_rows: int
    """Rows of a strip that are computed together."""

    streams: bool
    """Whether blocks of a strip share what they have in common; otherwise each is computed from a
    window with context of its own."""

    memory_bytes: int
    """What the maps of the network take at most, beside the image and what is made of it."""

    multiply_adds: int
    """All multiplications."""

    redundancy: float
    """All multiplications over the fewest that an image of this size can take, at least 1."""


def strips(width: int, strip_output: int, depth: int, binning: int = 1) -> tuple[Strip, ...]:
    """Cover the columns of an image so that each is decided once.

    Strips start at multiples of the pooling grid, so that all of them pool over the same one and
    the result is that of the whole image in one pass, to rounding. They share the width evenly.

    Parameters
    ----------
    width : int
        Of the image in pixels, at least 1.
    strip_output : int
        Largest number of columns that a strip decides; less than the grid counts as that.
    depth, binning : int
        Poolings of the network, and the side of its bins in pixels.
    """
    factor, rim = pooling_factor(depth, binning), context_px(depth, binning)
    count = -(-width // max(strip_output - strip_output % factor, factor))
    step = -(-width // (count * factor)) * factor
    side = smallest_input(step, depth, binning)
    return tuple(
        Strip((start - rim, start - rim + side), slice(start, min(start + step, width)))
        for start in range(0, width, step)
    )


def plan_prediction(
    size: tuple[int, int],
    config: NetworkConfig,
    in_channels: int,
    classes: int,
    precision: InferencePrecision,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
) -> PredictionPlan:
    """Find the cut of least arithmetic whose maps fit into `memory_bytes`.

    Parameters
    ----------
    size : (Y, X)
        Of the image in pixels.
    config : NetworkConfig
    in_channels, classes : int
    precision : InferencePrecision
    memory_bytes : int
        For the maps of the network alone.

    Raises
    ------
    ConfigError
        If the narrowest strip does not fit.
    """
    if precision == "int8":
        return _plan_windows(size, config, in_channels, classes, memory_bytes)
    height, width = size
    grid = (config.depth, config.binning)
    factor = pooling_factor(*grid)
    for count in range(1, -(-width // factor) + 1):
        # Even shares, in steps of the pooling grid.
        output = -(-width // (count * factor)) * factor
        columns = smallest_input(output, *grid)
        row = _row_bytes(columns, config, in_channels, classes, precision)
        rows = _block_rows(row, pooling_factor(config.depth), memory_bytes)
        if rows is None:
            continue
        found = strips(width, output, *grid)
        window = (smallest_input(height, *grid), columns)
        each = multiply_adds(config, in_channels, classes, window)
        least = least_multiply_adds(config, in_channels, classes) * height * width
        return PredictionPlan(
            size=size,
            strips=found,
            block_rows=rows * config.binning,
            streams=True,
            memory_bytes=row.of_block(rows),
            multiply_adds=len(found) * each,
            redundancy=float(len(found) * each / least),
        )
    narrowest = _row_bytes(smallest_input(factor, *grid), config, in_channels, classes, precision)
    raise _too_little(memory_bytes, narrowest.of_block(pooling_factor(config.depth)))


def _plan_windows(
    size: tuple[int, int], config: NetworkConfig, in_channels: int, classes: int, memory_bytes: int
) -> PredictionPlan:
    """Cut an image into as few alike windows as their largest side and the memory allow."""
    grid = (config.depth, config.binning)
    factor = pooling_factor(*grid)
    largest = _WINDOW_OUTPUT * config.binning
    bottom = config.base_channels << config.depth
    fixed = _LIBRARY_BYTES + _PACKED_BYTES * bottom**2
    while True:
        # Even shares of each side, in steps of the pooling grid.
        outputs = [-(-side // (-(-side // largest) * factor)) * factor for side in size]
        window = (
            smallest_input(outputs[0], *grid),
            smallest_input(outputs[1], *grid),
        )
        bins = math.prod(window) // config.binning**2
        taken = fixed + bins * config.base_channels * _WINDOW_BYTES
        taken += math.prod(window) * _pixel_bytes(config, in_channels, classes)
        if taken <= memory_bytes:
            break
        if largest <= factor:
            raise _too_little(memory_bytes, taken)
        largest -= factor
    found = strips(size[1], outputs[1], *grid)
    count = len(found) * -(-size[0] // outputs[0])
    work = count * multiply_adds(config, in_channels, classes, window)
    least = least_multiply_adds(config, in_channels, classes) * size[0] * size[1]
    return PredictionPlan(
        size=size,
        strips=found,
        block_rows=outputs[0],
        streams=False,
        memory_bytes=taken,
        multiply_adds=work,
        redundancy=float(work / least),
    )


def _too_little(memory_bytes: int, least_bytes: int) -> ConfigError:
    return ConfigError(
        f"the memory left to the network, {megabytes(memory_bytes)}, is below that of the "
        f"narrowest strip, {megabytes(least_bytes)}",
        remedy="allow more by --memory",
    )


@dataclass(frozen=True)
class _RowBytes:
    """What one row of the finest map takes."""

    in_map: int
    in_pixels: int
    """Rows of the image and of its logits that belong to a row of bins; nothing without bins,
    where the map has far more channels than they have."""

    def of_block(self, rows: int) -> int:
        """Give what all maps take where so many rows are computed together."""
        return self.in_map * (_ROWS_PER_BLOCK_ROW * rows + _ROWS_WAITING) + self.in_pixels * rows


def _row_bytes(
    columns: int,
    config: NetworkConfig,
    in_channels: int,
    classes: int,
    precision: InferencePrecision,
) -> _RowBytes:
    return _RowBytes(
        in_map=columns // config.binning * config.base_channels * _BYTES[precision],
        in_pixels=columns * config.binning * _pixel_bytes(config, in_channels, classes),
    )


def _pixel_bytes(config: NetworkConfig, in_channels: int, classes: int) -> int:
    return 0 if config.binning == 1 else 4 * (in_channels + _LOGITS_HELD * classes)


def _block_rows(row: _RowBytes, factor: int, memory_bytes: int) -> int | None:
    """Give how many rows to compute at a time; None if not even one step of the grid fits."""
    cached = min(_BLOCK_BYTES // row.in_map, _LARGEST_BLOCK_ROWS)
    rows = max(cached - cached % factor, factor)
    while row.of_block(rows) > memory_bytes:
        rows -= factor
        if rows < factor:
            return None
    return rows


def megabytes(count: float) -> str:
    """Say bytes for a person.

    Examples
    --------
    >>> megabytes(1.5e9), megabytes(25e6)
    ('1.5 GB', '25 MB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{math.ceil(count / 1e6)} MB"
