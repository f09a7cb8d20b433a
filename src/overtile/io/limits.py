"""What a file may ask for: refused from its header, before memory or time is taken."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from overtile.errors import ConfigError, ImageError

LARGEST_IMAGE_BYTES = 8 << 30
"""Decoded size above which no file is read."""

LARGEST_PAGES = 1 << 16
"""Pages above which no file is read; following their links takes less than a second."""

TRUST_VARIABLE = "OVERTILE_TRUST_IMAGES_GIB"
"""Environment variable: decoded size in GiB up to which a file may be of any size."""

_HARMLESS_BYTES = 256 << 20
_LARGEST_RATIO = 200  # Deflate and LZW reach 1000 on black, images rarely 10.
_LISTS = {273, 279, 324, 325}  # where strips and tiles begin, and how long they are
_LARGEST_LISTS = 1 << 21
_SMALLEST_ITEM_BYTES = 2
_LARGEST_ENTRIES = 4096  # tags of a page; tifffile reads no page with more
_EXPORT = "it may be damaged: export it again"


def check_size(shape: tuple[int, ...], itemsize: int, file_bytes: int) -> None:
    """Refuse an image by its header.

    Parameters
    ----------
    shape : tuple of int
        Length of every axis.
    itemsize : int
        Bytes per value.
    file_bytes : int
        Size of its file, or of all its files.

    Raises
    ------
    ImageError
        If there are no pixels, they take more than `LARGEST_IMAGE_BYTES`, or more than 256 MiB and
        200 times as much as the file, where `TRUST_VARIABLE` does not allow it.
    """
    size = math.prod(shape) * itemsize
    if size == 0:
        raise ImageError(f"holds no pixels: its shape is {shape}", remedy="export it again")
    told = f"would take {size / 2**30:.1f} GiB when decoded: its shape is {shape}"
    if size > LARGEST_IMAGE_BYTES:
        raise ImageError(
            told, remedy=f"crop or split it; at most {LARGEST_IMAGE_BYTES / 2**30:g} GiB are read"
        )
    if size > max(_HARMLESS_BYTES, _LARGEST_RATIO * file_bytes, _trusted_bytes()):
        raise ImageError(
            f"{told}, {size // max(file_bytes, 1)} times as much as the file",
            remedy="if you know where it comes from, save it without compression, or set "
            f"{TRUST_VARIABLE}={math.ceil(size / 2**30)}",
        )


def check_pages(path: Path) -> None:
    """Refuse a TIFF whose pages lead in a circle, are too many or share lists, by its links alone.

    Raises
    ------
    ImageError
        Before any page is read.
    """
    seen: set[int] = set()
    listed, file_bytes = 0, path.stat().st_size
    with path.open("rb") as file:
        for page, parts in _pages(file):
            if page in seen:
                raise ImageError("has pages that lead in a circle", remedy=_EXPORT)
            if len(seen) == LARGEST_PAGES:
                raise ImageError(f"has more than {LARGEST_PAGES} pages", remedy="split it")
            seen.add(page)
            listed += parts
            if parts > _LARGEST_LISTS or listed * _SMALLEST_ITEM_BYTES > file_bytes:
                raise ImageError(
                    f"lists {listed} places of strips or tiles, more than it has room for",
                    remedy=_EXPORT,
                )


def check_ome(path: Path, xml: str) -> None:
    """Refuse OME metadata that claim too many planes, or planes in files elsewhere.

    Parameters
    ----------
    path : path
        The file that holds them.
    xml : str
        The metadata. Those that are no XML pass: they are not used.

    Raises
    ------
    ImageError
        Also if a file beside this one, which holds some of the planes, fails `check_pages`.
    """
    try:
        elements = list(ElementTree.fromstring(xml).iter())
    except ElementTree.ParseError:
        return
    for element in elements:
        name = element.tag.rpartition("}")[2]
        if name == "Pixels":
            _check_planes(math.prod(int(element.get(f"Size{axis}", "1")) for axis in "CZT"))
        elif name == "TiffData":
            _check_planes(*(int(element.get(key, "0")) for key in ("NumPlanes", "PlaneCount")))
        elif name == "UUID" and (other := element.get("FileName")):
            _check_neighbour(path, other)


def _check_planes(*claimed: int) -> None:
    if max(claimed) > LARGEST_PAGES:
        raise ImageError(f"claims {max(claimed)} planes in its OME metadata", remedy=_EXPORT)


def _check_neighbour(path: Path, name: str) -> None:
    if Path(name).name != name or "\\" in name:
        raise ImageError(
            f"wants planes from {name}, outside its folder",
            remedy="export the image into one file",
        )
    neighbour = path.with_name(name)
    if neighbour.is_file():
        check_pages(neighbour)


def _pages(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Follow the links of a TIFF: the offset of each page, and how many list items it claims."""
    head = file.read(16)
    order = "<" if head.startswith(b"II") else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    count_code, entry_code, link_code = ("Q", "HHQQ", "Q") if big else ("H", "HHII", "I")
    link = head[8:] if big else head[4:8]
    entry_bytes = struct.calcsize(order + entry_code)
    # What lies beyond the end of the file, its decoder tells.
    with suppress(struct.error, OSError):
        while page := _unpack(order + link_code, link):
            file.seek(page)
            entries = _unpack(order + count_code, file.read(struct.calcsize(count_code)))
            if entries > _LARGEST_ENTRIES:
                return
            content = file.read(entries * entry_bytes)
            tags = struct.iter_unpack(order + entry_code, content)
            yield page, sum(count for tag, _, count, _ in tags if tag in _LISTS)
            link = file.read(struct.calcsize(link_code))


def _unpack(code: str, content: bytes) -> int:
    return int(struct.unpack(code, content)[0])


def _trusted_bytes() -> float:
    told = os.environ.get(TRUST_VARIABLE, "0")
    try:
        return float(told) * 2**30
    except ValueError as error:
        raise ConfigError(
            f"{TRUST_VARIABLE}={told} is not a number", remedy="give a number of GiB, such as 4"
        ) from error
