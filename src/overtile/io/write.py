"""Write results as TIFF that ImageJ opens with the right axes and pixel size."""

from __future__ import annotations

import math
import uuid
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from overtile.arrays import Floats, Labels
from overtile.errors import ImageError
from overtile.io.image import PAGE_AXES, Image
from overtile.io.region import RegionImage
from overtile.storage import write_bytes

# ImageJ reads 32-bit offsets, and the file also holds its header and page tables.
_LARGEST_IMAGEJ_BYTES = (4 << 30) - (64 << 20)
_IMAGEJ_DTYPES = ("uint8", "uint16", "float32")


def write_labels(path: Path, labels: Labels, *, like: Image) -> None:
    """Write instance labels as the smallest unsigned integers that hold them.

    Ids up to 65535 go into an ImageJ TIFF, larger ones into an OME-TIFF, for ImageJ has no 32-bit
    integers. Read again, they have the page axes of `like`, with two exceptions: pages without a
    name become Z (or T beside Z), and three page axes become one.

    Parameters
    ----------
    path : path
        The target; its folder must exist.
    labels : (P, Y, X) array of uint32
        Instance ids, 0 is background.
    like : Image
        The image they belong to: its page axes and pixel size are kept.

    Raises
    ------
    ImageError
        If `labels` do not have the shape of `like`.
    OutputError
        If the file cannot be written.
    """
    largest = int(labels.max(initial=0))
    smallest = np.min_scalar_type(largest)
    dtype = smallest if smallest.itemsize <= 4 else np.dtype(np.uint32)
    # Without a display range, ImageJ shows ids up to 10 as black.
    _write_tiff(
        path, labels.astype(dtype)[:, np.newaxis], like, {"min": 0.0, "max": float(largest)}
    )


def write_probabilities(path: Path, probabilities: Floats, *, like: Image) -> None:
    """Write class probabilities as an ImageJ TIFF whose channels are the classes.

    Parameters
    ----------
    path : path
        The target; its folder must exist.
    probabilities : (P, K, Y, X) array of float32
        In [0, 1].
    like : Image
        The image they belong to: its page axes and pixel size are kept.

    Raises
    ------
    ImageError
        If `probabilities` do not have the pages, rows and columns of `like`.
    OutputError
        If the file cannot be written.
    """
    _write_tiff(path, probabilities.astype(np.float32, copy=False), like, {"min": 0.0, "max": 1.0})


def write_map(path: Path, values: Floats, *, like: Image) -> None:
    """Write one probability for each pixel, a (P, Y, X) array of float32, as an ImageJ TIFF.

    See `write_probabilities` for `path`, `like` and what is raised.
    """
    write_probabilities(path, values[:, np.newaxis], like=like)


def result_path(folder: Path, image_path: Path, kind: str, suffix: str | None = None) -> Path:
    """Name a result after its image.

    Parameters
    ----------
    folder : path
        Where results go.
    image_path : path
        The image; its name without format is kept.
    kind : str
        What the result is, such as ``labels``. An overlay is a PNG, all else a TIFF.
    suffix : str, optional
        End of the name instead of ``_`` and the kind, such as ``_cp_masks``.

    Returns
    -------
    path : path

    Examples
    --------
    >>> result_path(Path("out"), Path("cell1.ome.tif"), "labels").as_posix()
    'out/cell1_labels.tif'
    """
    end = f"_{kind}" if suffix is None else suffix
    file_format = ".png" if kind == "overlay" else ".tif"
    return folder / f"{image_path.stem.removesuffix('.ome')}{end}{file_format}"


def _write_tiff(path: Path, values: NDArray[Any], like: Image, shown: dict[str, float]) -> None:
    """Write (P, K, Y, X) values with the page axes and the pixel size of `like`."""
    if (values.shape[0], *values.shape[2:]) != (like.pages, *like.size):
        raise ImageError(
            f"is to hold {values.shape[0]} pages of {values.shape[2]}x{values.shape[3]}, but the "
            f"image has {like.pages} of {like.size[0]}x{like.size[1]}",
            remedy="write a result of the same image",
            path=path,
        )
    axes, lengths = page_axes(like)
    classes = values.shape[1]
    array = values.reshape(*lengths, *([classes] * (classes > 1)), *values.shape[2:])
    axes += "C" * (classes > 1) + "YX"
    imagej = (
        array.dtype.name in _IMAGEJ_DTYPES
        and array.nbytes < _LARGEST_IMAGEJ_BYTES
        and not axes.startswith("ZT")
        and array.shape[-1] > 1  # tifffile mistakes pages of one column for one page
    )
    options = _imagej(axes, like, shown) if imagej else _ome(axes, like, array)
    buffer = BytesIO()
    tifffile.imwrite(buffer, array, photometric="minisblack", compression="zlib", **options)
    write_bytes(path, buffer.getvalue())


def page_axes(like: Image | RegionImage) -> tuple[str, list[int]]:
    """Name page axes as TIFF programs know them: Z and T only."""
    pages = [(axis, n) for axis, n in zip(like.axes, like.shape, strict=True) if axis in PAGE_AXES]
    letters = "".join(axis for axis, _ in pages)
    lengths = [length for _, length in pages]
    if len(letters) > 2:
        return "Z", [math.prod(lengths)]
    return letters.replace("P", "T" if "Z" in letters else "Z"), lengths


def _imagej(axes: str, like: Image, shown: dict[str, float]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": axes, "mode": "grayscale", **shown}
    if like.pixel_size_um is None:
        return {"imagej": True, "metadata": metadata}
    y_um, x_um = like.pixel_size_um
    return {
        "imagej": True,
        "metadata": {**metadata, "unit": "micron"},
        "resolution": (1 / x_um, 1 / y_um),
    }


def _ome(axes: str, like: Image, array: NDArray[Any]) -> dict[str, Any]:
    return {
        "ome": True,
        "metadata": ome_metadata(axes, like, f"{axes}{array.shape}{zlib.crc32(array.tobytes())}"),
    }


def ome_metadata(axes: str, like: Image | RegionImage, content: str) -> dict[str, Any]:
    """Give what tifffile writes as OME metadata of a result whose content `content` stands for."""
    # From the content: a random identifier would make equal results differ byte by byte.
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, content)
    metadata: dict[str, Any] = {"axes": axes, "UUID": str(identifier)}
    if like.pixel_size_um is not None:
        for axis, size in zip("YX", like.pixel_size_um, strict=True):
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    return metadata
