"""Grey values on one scale, whatever the microscope: computed once per image, never per tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.arrays import Floats, Pixels

LOW_PERCENTILE = 1.0
HIGH_PERCENTILE = 99.8

_DIGIT_BITS = 16
_DIGITS = 1 << _DIGIT_BITS
_CHUNK_PIXELS = 1 << 20

Blocks = Callable[[], Iterable[Pixels]]
"""Gives the (C, y, x) blocks of one image, each pixel once; called once for each pass over it."""


@dataclass(frozen=True, eq=False)
class GreyScale:
    """The scale of one image: what becomes 0, and how many grey values make 1."""

    centre: NDArray[np.float64]
    """(C,) grey values."""

    span: NDArray[np.float64]
    """(C,) grey values, positive."""

    def apply(self, pixels: Pixels) -> Floats:
        """Bring any part (C, y, x) of the image to the scale, as float32."""
        scaled = np.empty(pixels.shape, np.float32)
        rows = max(1, _CHUNK_PIXELS // max(1, pixels.shape[0] * pixels.shape[2]))
        for start in range(0, pixels.shape[1], rows):
            part = slice(start, start + rows)
            # In 64 bits, a few rows at a time: grey values may have more than float32 holds.
            values = pixels[:, part].astype(np.float64)
            values -= self.centre[:, None, None]
            values /= self.span[:, None, None]
            scaled[:, part] = values
        return scaled


def grey_scale(blocks: Blocks, dtype: np.dtype[Any]) -> GreyScale:
    """Find the scale by which each channel's 1st percentile becomes -1 and its 99.8th +1.

    Percentiles, because a single hot pixel moves a maximum and a single bright nucleus moves an SD.
    Statistics of a tile instead of the image would make neighbouring tiles disagree at their seam.

    Percentiles are exact, however the image is cut into blocks, in memory for a few rows: grey
    values are counted by their digits to the base 2^16, one pass over the image for each digit.

    Parameters
    ----------
    blocks : callable
    dtype : dtype
        Of the pixels, any real one.

    Returns
    -------
    scale : GreyScale
        A channel of one value becomes 0.
    """
    channels = [_percentiles(_channel(blocks, 0), dtype)]
    count = len(next(iter(blocks())))
    channels += [_percentiles(_channel(blocks, number), dtype) for number in range(1, count)]
    low, high, least, most = np.array(channels).T
    # More than 98.8 % of one value: spread over the full range instead, so that the rest still
    # shows.
    flat = high <= low
    low = np.where(flat, least, low)
    high = np.where(flat, most, high)
    return GreyScale(centre=(low + high) / 2, span=np.where(high > low, (high - low) / 2, 1.0))


def normalise(pixels: Pixels) -> Floats:
    """Map each channel so that its 1st percentile becomes -1 and its 99.8th becomes +1.

    Parameters
    ----------
    pixels : (C, Y, X) array
        Finite grey values of one image, any real dtype.

    Returns
    -------
    normalised : (C, Y, X) array of float32
        Mostly in [-1, 1]; a channel of one value becomes 0. See `grey_scale`.
    """
    return grey_scale(lambda: (pixels,), pixels.dtype).apply(pixels)


def _channel(blocks: Blocks, number: int) -> Callable[[], Iterable[NDArray[Any]]]:
    """Give the values of one channel in parts of moderate length."""

    def parts() -> Iterable[NDArray[Any]]:
        for block in blocks():
            values = block[number].reshape(-1)
            for start in range(0, values.size, _CHUNK_PIXELS):
                yield values[start : start + _CHUNK_PIXELS]

    return parts


def _percentiles(
    parts: Callable[[], Iterable[NDArray[Any]]], dtype: np.dtype[Any]
) -> tuple[float, float, float, float]:
    """Give both percentiles, the least and the largest value of a channel."""
    digits = _Digits(parts, dtype)
    last = digits.total - 1
    ranks = [share / 100 * last for share in (LOW_PERCENTILE, HIGH_PERCENTILE)]
    low, high = (_between(digits, rank) for rank in ranks)
    if high > low:  # The ends matter only where they do not differ.
        return low, high, low, high
    return low, high, digits.of_rank(0), digits.of_rank(last)


def _between(digits: _Digits, rank: float) -> float:
    """Interpolate between the values that stand around a rank."""
    below = digits.of_rank(int(rank))
    above = digits.of_rank(-int(-rank // 1))
    return below + (above - below) * (rank - int(rank))


class _Digits:
    """The values of a channel, counted by their digits to the base 2^16."""

    def __init__(self, parts: Callable[[], Iterable[NDArray[Any]]], dtype: np.dtype[Any]) -> None:
        self._parts, self._dtype = parts, dtype
        self._width = max(_DIGIT_BITS, 8 * dtype.itemsize)
        self._counted: dict[tuple[int, int], NDArray[np.int64]] = {}
        self.total = int(self._count(self._width - _DIGIT_BITS, 0).sum())

    def of_rank(self, rank: int) -> float:
        """Find the value that `rank` others precede."""
        prefix, shift = 0, self._width
        while shift:
            shift -= _DIGIT_BITS
            sums = np.cumsum(self._count(shift, prefix))
            digit = int(np.searchsorted(sums, rank, side="right"))
            rank -= int(sums[digit - 1]) if digit else 0
            prefix = prefix << _DIGIT_BITS | digit
        return _value(prefix, self._dtype)

    def _count(self, shift: int, prefix: int) -> NDArray[np.int64]:
        """Count the digits above the last `shift` bits of all keys that begin with `prefix`."""
        if (shift, prefix) not in self._counted:
            counts = np.zeros(_DIGITS, np.int64)
            for part in self._parts():
                keys = _keys(part)
                if shift + _DIGIT_BITS < self._width:
                    keys = keys[keys >> (shift + _DIGIT_BITS) == prefix]
                found = keys if self._width == _DIGIT_BITS else keys >> shift & (_DIGITS - 1)
                counts += np.bincount(found, minlength=_DIGITS)
            self._counted[shift, prefix] = counts
        return self._counted[shift, prefix]


def _keys(values: NDArray[Any]) -> NDArray[Any]:
    """Map values to unsigned integers of their width that are ordered as they are."""
    if values.dtype.kind in "ub":
        return values
    keys = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
    top = keys.dtype.type(1 << (8 * values.dtype.itemsize - 1))
    if values.dtype.kind == "i":
        return np.asarray(keys ^ top)
    # Of negative floats, all bits turn; of others, the sign. -0 precedes 0, and equals it.
    return np.where(keys & top != 0, ~keys, keys | top)


def _value(key: int, dtype: np.dtype[Any]) -> float:
    """Give the value of a key."""
    if dtype.kind in "ub":
        return float(key)
    bits = 8 * dtype.itemsize
    top = 1 << (bits - 1)
    if dtype.kind == "i":
        return float(key - top)
    whole = key ^ top if key & top else ~key & ((1 << bits) - 1)
    return float(np.array(whole, f"u{dtype.itemsize}").view(dtype))
