"""Images too large for memory: opened by their header, read window by window."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import tifffile

from overtile.arrays import Pixels
from overtile.errors import ImageError
from overtile.io.axes import check_axes
from overtile.io.image import PAGE_AXES
from overtile.io.layout import Layout, Sliced, lay_out
from overtile.io.limits import LARGEST_IMAGE_BYTES
from overtile.io.read import decoding, measures, read_image, refuse_not_finite
from overtile.io.tiff import is_tiff, open_tiff
from overtile.io.zarr_array import is_zarr, open_zarr

_CACHED_BANDS = 2
_LEAST_BAND_ROWS = 64
"""Thin strips of a file are read some at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionImage:
    """One image file, its axes said, of which windows are read; a context that closes the file."""

    path: Path
    axes: str
    """The file's own axes without those of length 1, such as ``YX``, ``ZYX`` or ``YXC``."""

    shape: tuple[int, ...]
    """Length of each of `axes`."""

    dtype: np.dtype[Any]
    pixel_size_um: tuple[float, float] | None
    """Pixel size (y, x) in µm, if the file tells it."""

    reading: str
    """One sentence for the user: how the axes were understood, and from where."""

    _layout: Layout
    _source: Sliced
    _chunk_rows: int
    _open: ExitStack
    _bands: OrderedDict[tuple[int, int, int, int], Pixels] = field(default_factory=OrderedDict)

    @property
    def pages(self) -> int:
        """Number of pages, 1 for a plain image."""
        return int(self._layout.places.shape[0])

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self._layout.places.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        sides = dict(zip(self.axes, self.shape, strict=True))
        return sides["Y"], sides["X"]

    @property
    def is_stack(self) -> bool:
        """Whether the file has a page axis."""
        return any(letter in PAGE_AXES for letter in self.axes)

    def read(self, page: int, rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
        """Read a window that lies inside the image.

        Strips and tiles of the file that neighbouring windows share are decoded once where windows
        come from top to bottom.

        Parameters
        ----------
        page : int
        rows, columns : (start, stop)

        Returns
        -------
        pixels : (C, stop - start, stop - start) array
            In native type and byte order, all finite.

        Raises
        ------
        ImageError
            If that part of the file is damaged, or holds NaN or infinite pixels.
        """
        bands = range(rows[0] // self._chunk_rows, -(-rows[1] // self._chunk_rows))
        parts = [self._band(page, band, columns) for band in bands]
        first = bands[0] * self._chunk_rows
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return whole[:, rows[0] - first : rows[1] - first]

    def blocks(self, page: int) -> Iterator[Pixels]:
        """Read a page from top to bottom, as (C, y, X) arrays of a few rows."""
        height, width = self.size
        for start in range(0, height, self._chunk_rows):
            yield self.read(page, (start, min(start + self._chunk_rows, height)), (0, width))

    def _band(self, page: int, band: int, columns: tuple[int, int]) -> Pixels:
        key = (page, band, *columns)
        if key in self._bands:
            return self._bands[key]
        start = band * self._chunk_rows
        rows = (start, min(start + self._chunk_rows, self.size[0]))
        with decoding(self.path):
            found = self._layout.read(self._source, page, rows, columns)
            found = np.ascontiguousarray(found, dtype=self.dtype)
            refuse_not_finite(found[None], first_page=page)
        self._bands[key] = found
        while len(self._bands) > _CACHED_BANDS:
            self._bands.popitem(last=False)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()


def can_open_by_region(path: Path) -> bool:
    """Say whether `open_image` reads windows of a file without decoding all of it."""
    try:
        return is_zarr(path) or is_tiff(path)
    except OSError:  # Reading it will tell what is wrong.
        return False


def open_image(
    path: str | Path, *, axes: str | None = None, largest_bytes: int = LARGEST_IMAGE_BYTES
) -> RegionImage:
    """Open an image to read windows of it.

    Parameters
    ----------
    path : str or path
        A TIFF of strips or tiles, an OME-TIFF, an OME-Zarr or a Zarr array; anything else that
        `read_image` reads is decoded as a whole.
    axes : str, optional
        As for `read_image`.
    largest_bytes : int
        What may be decoded at once.

    Returns
    -------
    image : RegionImage
        To be used as a context.

    Raises
    ------
    ImageError
        As for `read_image`, and if more than `largest_bytes` would have to be decoded at once.
    """
    path = Path(path)
    with ExitStack() as stack, decoding(path):
        if is_zarr(path):
            image = _open_zarr(path, axes, stack)
        elif is_tiff(path):
            image = _open_tiff(path, axes, stack)
        else:
            image = _in_memory(path, axes, stack)
        _refuse_large_parts(image, largest_bytes)
    return image


def _open_tiff(path: Path, axes: str | None, stack: ExitStack) -> RegionImage:
    header = open_tiff(path, stack)
    series = header.series
    source, chunk_rows = _tiff_source(path, series, stack)
    return _make(
        path,
        source,
        axes or series.axes,
        header.source if axes is None else "as given",
        alpha_axis=header.alpha_axis,
        notes=header.notes,
        pixel_size_um=header.pixel_size_um,
        chunk_rows=chunk_rows,
        stack=stack,
    )


def _tiff_source(
    path: Path, series: tifffile.TiffPageSeries, stack: ExitStack
) -> tuple[Sliced, int]:
    if series.dataoffset is not None and len({page.parent for page in series if page}) == 1:
        dtype = series.dtype.newbyteorder(series.keyframe.parent.byteorder)
        return _Uncompressed(path, series.dataoffset, series.shape, dtype), _LEAST_BAND_ROWS
    import zarr

    array = zarr.open_array(stack.enter_context(series.aszarr(level=0)), mode="r")
    return array, array.chunks[series.axes.index("Y")]


@dataclass(frozen=True)
class _Uncompressed:
    """Pixels as they are, one after the other: the file itself is the array."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, key: Any) -> Pixels:  # noqa: ANN401 - as of numpy
        # Mapped for a moment: pages of a file that stays mapped would count as memory.
        with self.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            array = np.ndarray(self.shape, self.dtype, content, self.offset)
            found = np.array(array[key])
            del array
        return found


def _open_zarr(path: Path, axes: str | None, stack: ExitStack) -> RegionImage:
    found = open_zarr(path)
    array = found.array
    letters = axes or found.axes or "Q" * (array.ndim - 2) + "YX"
    chunks = array.shards or array.chunks
    return _make(
        path,
        array,
        letters,
        found.source if axes is None else "as given",
        pixel_size_um=found.pixel_size_um,
        chunk_rows=chunks[letters.index("Y")] if "Y" in letters else 1,
        stack=stack,
    )


def _in_memory(path: Path, axes: str | None, stack: ExitStack) -> RegionImage:
    image = read_image(path, axes=axes)
    layout = lay_out(image.pixels.shape, "PCYX")
    return RegionImage(
        path=path,
        axes=image.axes,
        shape=image.shape,
        dtype=image.pixels.dtype,
        pixel_size_um=image.pixel_size_um,
        reading=image.reading,
        _layout=layout,
        _source=image.pixels,
        _chunk_rows=_LEAST_BAND_ROWS,
        _open=stack.pop_all(),
    )


def _make(
    path: Path,
    source: Sliced,
    axes: str,
    said: str,
    *,
    stack: ExitStack,
    chunk_rows: int,
    notes: tuple[str, ...] = (),
    alpha_axis: int | None = None,
    pixel_size_um: tuple[float, float] | None = None,
) -> RegionImage:
    dtype: np.dtype[Any] = np.dtype(source.dtype).newbyteorder("=")  # type: ignore[attr-defined]
    if dtype.kind == "b":
        dtype = np.dtype(np.uint8)
    if said == "as given":
        axes = check_axes(axes, source.shape)
    if alpha_axis is not None and axes[alpha_axis] in "CS":
        notes += ("its alpha channel is left out",)
    else:
        alpha_axis = None
    layout = lay_out(source.shape, axes, alpha_axis)
    sides = dict(zip(layout.axes, layout.shape, strict=True))
    shape = (*layout.places.shape[:2], sides["Y"], sides["X"])
    told = f"axes {layout.axes} {said}, {measures(shape, dtype, pixel_size_um)}"
    rows = -(-_LEAST_BAND_ROWS // chunk_rows) * chunk_rows
    return RegionImage(
        path=path,
        axes=layout.axes,
        shape=layout.shape,
        dtype=dtype,
        pixel_size_um=pixel_size_um,
        reading="; ".join([told, *notes]),
        _layout=layout,
        _source=source,
        _chunk_rows=rows,
        _open=stack.pop_all(),
    )


def _refuse_large_parts(image: RegionImage, largest_bytes: int) -> None:
    """Refuse a file whose strips or tiles are so large that reading a window takes too much."""
    rows = min(image._chunk_rows, image.size[0])
    part = rows * image.size[1] * image.channels * image.dtype.itemsize
    if part > largest_bytes:
        image._open.close()
        raise ImageError(
            f"takes {part / 1e9:.2g} GB for the least that can be read of it, {rows} rows",
            remedy="save it as a TIFF of tiles or as OME-Zarr, or allow more by --memory",
        )
    assert math.prod(image.size) > 0
