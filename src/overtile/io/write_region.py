"""Write results that are never in memory as a whole: tiled OME-TIFF, or OME-Zarr with levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from overtile.io.image import Image
from overtile.io.region import RegionImage
from overtile.io.write import ome_metadata, page_axes
from overtile.large_files import whole_file, whole_folder

TILE_PX = 512
"""Side of the tiles of a TIFF and of the chunks of a Zarr."""

_LARGEST_CLASSIC_BYTES = (4 << 30) - (64 << 20)
_COARSEST_PX = 512
_COMPRESSING_THREADS = 2
_BUFFER_BYTES = 16 << 20

ReadResult = Callable[[int, slice, slice], NDArray[Any]]
"""Gives the (K, y, x) values of a page in some rows and columns; tiles are asked for row by row."""


def write_by_region(
    path: Path,
    read: ReadResult,
    *,
    like: Image | RegionImage,
    dtype: np.dtype[Any],
    classes: int,
    identity: str,
) -> None:
    """Write a result tile by tile; tiles are compressed beside the reading of the next ones.

    Parameters
    ----------
    path : path
        The target; its folder must exist. One that ends in ``.zarr`` becomes an OME-Zarr 0.5 with
        levels of half the size each, any other a tiled OME-TIFF, a BigTIFF where it needs be.
    read : callable
        Gives the values of a tile.
    like : RegionImage
        The image they belong to: its pages, page axes and pixel size are kept.
    dtype : dtype
        Of what is written: integers for labels, float32 for probabilities.
    classes : int
        Values of a pixel, K; above 1 they become channels.
    identity : str
        What stands for the content, so that equal results have equal bytes.

    Raises
    ------
    OutputError
        If it cannot be written; an existing result stays then.
    """
    if path.suffix == ".zarr":
        _write_zarr(path, read, like, dtype, classes)
    else:
        _write_tiff(path, read, like, dtype, classes, identity)


def _write_tiff(
    path: Path,
    read: ReadResult,
    like: Image | RegionImage,
    dtype: np.dtype[Any],
    classes: int,
    identity: str,
) -> None:
    axes, lengths = page_axes(like)
    axes += "C" * (classes > 1) + "YX"
    shape = (*lengths, *([classes] * (classes > 1)), *like.size)
    large = math.prod(shape) * dtype.itemsize > _LARGEST_CLASSIC_BYTES
    with (
        whole_file(path) as file,
        tifffile.TiffWriter(file, bigtiff=large, ome=True) as writer,  # type: ignore[arg-type]
    ):
        writer.write(
            _tiles(read, like, dtype, classes),
            shape=shape,
            dtype=dtype,
            tile=(TILE_PX, TILE_PX),
            photometric="minisblack",
            compression="zlib",
            metadata=ome_metadata(axes, like, f"{identity}{axes}{shape}{dtype}"),
            maxworkers=_COMPRESSING_THREADS,
            buffersize=_BUFFER_BYTES,
        )


def _tiles(
    read: ReadResult, like: Image | RegionImage, dtype: np.dtype[Any], classes: int
) -> Iterator[NDArray[Any]]:
    """Give all tiles in the order of the file, those at the border filled up with zeros."""
    for page in range(like.pages):
        for number in range(classes):
            for rows, columns in _grid(like.size):
                values = read(page, rows, columns)[number]
                tile = np.zeros((TILE_PX, TILE_PX), dtype)
                tile[: values.shape[0], : values.shape[1]] = values
                yield tile


def _grid(size: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    for y in range(0, size[0], TILE_PX):
        for x in range(0, size[1], TILE_PX):
            yield slice(y, min(y + TILE_PX, size[0])), slice(x, min(x + TILE_PX, size[1]))


def _write_zarr(
    path: Path, read: ReadResult, like: Image | RegionImage, dtype: np.dtype[Any], classes: int
) -> None:
    import zarr

    axes, lengths = page_axes(like)
    axes += "C" * (classes > 1) + "YX"
    before = (*lengths, *([classes] * (classes > 1)))
    sizes = _level_sizes(like.size)
    with whole_folder(path) as folder:
        group = zarr.open_group(str(folder), mode="w", zarr_format=3)
        levels = [
            group.create_array(
                str(number),
                shape=(*before, *size),
                chunks=(*[1] * len(before), *(min(side, TILE_PX) for side in size)),
                dtype=dtype,
                # A chunk that is not there has been lost: see `overtile.io.zarr_array`.
                config={"write_empty_chunks": True},
            )
            for number, size in enumerate(sizes)
        ]
        for page in range(like.pages):
            place = np.unravel_index(page, lengths) if lengths else ()
            for rows, columns in _grid(like.size):
                values = read(page, rows, columns).astype(dtype)
                key: Any = (*place, *([slice(None)] * (classes > 1)), rows, columns)
                levels[0][key] = values if classes > 1 else values[0]
            for finer, coarser in pairwise(levels):
                _halve(finer, coarser, place, smooth=dtype.kind == "f")
        group.attrs.update(_multiscales(path, like, axes, sizes))


def _halve(finer: Any, coarser: Any, place: tuple[Any, ...], *, smooth: bool) -> None:  # noqa: ANN401
    """Fill a level from the one above: means of 2×2 px, or of labels the upper left."""
    between = [slice(None)] * (finer.ndim - 2 - len(place))
    for rows, columns in _grid(coarser.shape[-2:]):
        above = tuple(
            slice(2 * part.start, min(2 * part.stop, side))
            for part, side in zip((rows, columns), finer.shape[-2:], strict=True)
        )
        values = np.asarray(finer[(*place, *between, *above)])
        if smooth:
            edge = [(0, 0)] * (values.ndim - 2) + [(0, side % 2) for side in values.shape[-2:]]
            even = np.pad(values, edge, mode="edge")
            height, width = even.shape[-2:]
            pairs = even.reshape(*even.shape[:-2], height // 2, 2, width // 2, 2)
            values = pairs.mean(axis=(-3, -1), dtype=np.float32)
        else:
            values = values[..., ::2, ::2]
        coarser[(*place, *between, rows, columns)] = values


def _level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    sizes = [size]
    while max(sizes[-1]) > _COARSEST_PX:
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def _multiscales(
    path: Path, like: Image | RegionImage, axes: str, sizes: list[tuple[int, int]]
) -> dict[str, Any]:
    """Describe the levels as OME-Zarr 0.5 asks."""
    kinds = {"T": "time", "C": "channel"}
    y_um, x_um = like.pixel_size_um or (1.0, 1.0)
    described: list[dict[str, str]] = []
    for axis in axes:
        one = {"name": axis.lower(), "type": kinds.get(axis, "space")}
        measured = axis in "YX" and like.pixel_size_um is not None
        described.append(one | {"unit": "micrometer"} if measured else one)
    datasets = []
    for number in range(len(sizes)):
        steps = {"Y": y_um * 2**number, "X": x_um * 2**number}
        scale = [float(steps.get(axis, 1.0)) for axis in axes]
        transformations = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(number), "coordinateTransformations": transformations})
    image = {"name": path.name.partition(".")[0], "axes": described, "datasets": datasets}
    return {"ome": {"version": "0.5", "multiscales": [image]}}
