"""How much memory prediction may take, and what an image takes that is predicted in one piece."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from overtile.errors import ConfigError

_SHARE_OF_FREE = 0.7
_UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_STATISTICS = Path("/proc/self/statm")
_MEMORY = Path("/proc/meminfo")

_WIDEST_STRIP_PX, _REGION_ROWS = 8192, 512
_BUFFER_BYTES = 100_000_000
"""Compressed tiles that wait to be written, and what the parts of memory between them waste."""

_BYTES_PER_PIXEL = 20
"""Of a page beside its grey values and probabilities: labels, their pieces, and a picture."""


def parse_memory(text: str) -> int:
    """Read an amount such as ``2GB``, ``800 MB`` or ``1.5GiB``, in bytes.

    Raises
    ------
    ConfigError
        If it is none.

    Examples
    --------
    >>> parse_memory("1.5GB")
    1500000000
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", text.upper())
    if match is None or match[2] not in _UNITS:
        raise ConfigError(f"--memory {text} is no amount of memory", remedy="give one, such as 2GB")
    return int(float(match[1]) * _UNITS[match[2]])


def memory_allowed(asked: int | None) -> int:
    """Give the bytes that the whole process may take: those asked for, or most of what is free."""
    return asked if asked is not None else taken_bytes() + int(_SHARE_OF_FREE * _free_bytes())


def taken_bytes() -> int:
    """Give the bytes that this process takes now; 0 where the system does not tell."""
    if not _STATISTICS.exists():
        return 0
    return int(_STATISTICS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def image_bytes(shape: tuple[int, int, int, int], itemsize: int, classes: int, views: int) -> int:
    """Give what an image takes that is predicted in one piece, beside the maps of the network.

    Parameters
    ----------
    shape : (P, C, Y, X)
    itemsize : int
        Bytes of a grey value as stored.
    classes : int
    views : int
        Versions that are averaged.
    """
    pages, channels, *size = shape
    # Of all pages, what is written is kept until it is; the rest is of one page at a time.
    kept = channels * itemsize + 4 * classes + 4
    at_hand = 4 * channels + 4 * classes * min(views, 3) + _BYTES_PER_PIXEL
    return math.prod(size) * (pages * kept + at_hand)


def region_bytes(size: tuple[int, int], channels: int, classes: int) -> int:
    """Give what prediction region by region takes, beside the maps of the network.

    Parameters
    ----------
    size : (Y, X)
    channels, classes : int
    """
    a_strip = min(size[1], _WIDEST_STRIP_PX) * _REGION_ROWS * (12 * classes + 16 * channels + 12)
    a_band = size[1] * _REGION_ROWS * (8 * classes + 8)
    return max(a_strip, a_band) + _BUFFER_BYTES


def _free_bytes() -> int:
    if _MEMORY.exists():
        found = re.search(r"^MemAvailable:\s*(\d+) kB", _MEMORY.read_text(), re.MULTILINE)
        if found:
            return 1024 * int(found[1])
    pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
