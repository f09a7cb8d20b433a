"""Zarr arrays and OME-Zarr: what may be opened, and what its metadata tell."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overtile.errors import ImageError
from overtile.io.image import Decoded
from overtile.io.limits import check_size

if TYPE_CHECKING:
    import zarr

EMPTY_VARIABLE = "OVERTILE_EMPTY_CHUNKS"
"""Environment variable: ``zero`` reads chunks that are not there as zeros."""

_METADATA = ("zarr.json", ".zarray", ".zgroup")
_CODECS = {
    *("bytes", "blosc", "crc32c", "gzip", "sharding_indexed", "transpose", "zstd"),
    *("zlib", "lz4", "bz2", "lzma", "delta", "shuffle", "adler32"),
}
"""Names of codecs that only compute. One that unpickles would run what a file says."""

_MICROMETRES = {"micrometer": 1.0, "micron": 1.0, "nanometer": 1e-3, "millimeter": 1e3}


@dataclass(frozen=True, kw_only=True)
class ZarrImage:
    """An array, and what the metadata around it say."""

    array: zarr.Array[Any]
    axes: str | None
    """Letters of its axes, if they are told."""

    source: str
    """Where `axes` come from, such as ``from OME metadata``."""

    pixel_size_um: tuple[float, float] | None


def is_zarr(path: Path) -> bool:
    """Say whether a folder is a Zarr array or group."""
    return path.is_dir() and any((path / name).is_file() for name in _METADATA)


def open_zarr(path: Path) -> ZarrImage:
    """Open a Zarr array, or the largest level of the first image of an OME-Zarr 0.4 or 0.5.

    No pixel is read.

    Raises
    ------
    ImageError
        If it holds no image, would run code, or lacks chunks.
    Exception
        Whatever zarr raises on damaged metadata.
    """
    import zarr

    found = zarr.open(str(path), mode="r")
    axes, pixel_size = None, None
    source = "guessed from unnamed axes"
    if isinstance(found, zarr.Group):
        found, axes, pixel_size = _first_image(found)
        source = "from OME metadata"
    elif names := getattr(found.metadata, "dimension_names", None):
        axes = "".join(str(name or "q")[:1].upper() for name in names)
        source = "from the names of its dimensions"
    _refuse_codecs(found)
    _refuse_missing(found)
    return ZarrImage(array=found, axes=axes, source=source, pixel_size_um=pixel_size)


def decode_zarr(path: Path) -> Decoded:
    """Decode a Zarr array as a whole.

    Raises
    ------
    ImageError
        As for `open_zarr`, and if it asks for too much.
    Exception
        Whatever zarr and its codecs raise on a damaged file.
    """
    found = open_zarr(path)
    stored = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    check_size(found.array.shape, found.array.dtype.itemsize, stored)
    array = np.asarray(found.array[...])
    return Decoded(
        array=array.astype(np.uint8) if array.dtype == bool else array,
        axes=found.axes or "Q" * (array.ndim - 2) + "YX",
        source=found.source,
        pixel_size_um=found.pixel_size_um,
    )


def _first_image(
    group: zarr.Group,
) -> tuple[zarr.Array[Any], str, tuple[float, float] | None]:
    import zarr

    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    images = ome.get("multiscales") if isinstance(ome, dict) else None
    if not images:
        raise ImageError(
            "is a Zarr group without a multiscale image",
            remedy="name the array in it, such as IMAGE.zarr/0",
        )
    level = images[0]["datasets"][0]
    array = group[str(level["path"])]
    if not isinstance(array, zarr.Array):
        raise ImageError("has no array where its metadata say", remedy="export it again")
    axes = images[0].get("axes")
    if not axes:  # OME-Zarr 0.3 and before: always these.
        return array, "TCZYX"[-array.ndim :], None
    letters = "".join(str(axis["name"])[:1].upper() for axis in axes)
    return array, letters, _pixel_size_um(level, axes)


def _pixel_size_um(level: dict[str, Any], axes: list[dict[str, Any]]) -> tuple[float, float] | None:
    scales = [
        step["scale"]
        for step in level.get("coordinateTransformations", [])
        if step.get("type") == "scale"
    ]
    if not scales:
        return None
    sizes = {}
    for axis, scale in zip(axes, scales[0], strict=True):
        if axis["name"] in ("y", "x") and axis.get("unit") in _MICROMETRES:
            sizes[axis["name"]] = float(scale) * _MICROMETRES[axis["unit"]]
    fit = len(sizes) == 2 and all(0 < size < math.inf for size in sizes.values())
    return (sizes["y"], sizes["x"]) if fit else None


def _refuse_codecs(array: zarr.Array[Any]) -> None:
    """Refuse codecs that are not known to be harmless, before anything is decoded."""
    if array.dtype.kind not in "buif":
        raise ImageError(f"holds {array.dtype} pixels", remedy="save real numbers")
    for name in _codec_names(array.metadata.to_dict()):
        if name.removeprefix("numcodecs.") not in _CODECS:
            raise ImageError(
                f"is encoded by {name[:40]!r}, which is not read",
                remedy="write it with zstd, blosc or gzip",
            )


def _codec_names(metadata: object) -> list[str]:
    """Find the names of all codecs in metadata, however deep they lie."""
    names: list[str] = []
    if isinstance(metadata, dict):
        for key in ("codecs", "index_codecs", "filters", "compressor"):
            found = metadata.get(key)
            for codec in found if isinstance(found, (list, tuple)) else [found]:
                if isinstance(codec, dict):
                    names.append(str(codec.get("name", codec.get("id"))))
                    names += _codec_names(codec.get("configuration"))
    return names


def _refuse_missing(array: zarr.Array[Any]) -> None:
    """Refuse an array of which chunks are not there: they would be read as zeros.

    Zarr leaves out chunks that hold the fill value only, so that a lost one cannot be told from an
    empty one.
    """
    if os.environ.get(EMPTY_VARIABLE) == "zero":
        return
    there = array.nchunks_initialized
    if there < array.nchunks:
        raise ImageError(
            f"lacks {array.nchunks - there} of its {array.nchunks} chunks",
            remedy="copy it again; or, if these are empty and were left out, set "
            f"{EMPTY_VARIABLE}=zero",
        )
