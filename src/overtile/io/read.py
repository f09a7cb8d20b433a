"""Read image files and say how they were understood; nothing is guessed in silence."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overtile.arrays import Pixels
from overtile.errors import ImageError, LabelError, OvertileError
from overtile.io.axes import check_axes, fold, tidy
from overtile.io.image import Decoded, Image
from overtile.io.labels import as_labels
from overtile.io.raster import PNG_SIGNATURE, decode_raster
from overtile.io.tiff import TIFF_SIGNATURES, decode_tiff
from overtile.io.zarr_array import decode_zarr, is_zarr
from overtile.wording import counted

for _decoder in ("PIL", "imagecodecs", "tifffile"):
    # Python prints warnings that have no handler, and users can do nothing about odd metadata.
    logging.getLogger(_decoder).addHandler(logging.NullHandler())

_JPEG = b"\xff\xd8\xff"
_EXPORT = "export it as TIFF, for instance with Bio-Formats in ImageJ"
_OTHERS = {
    b"version https://git-lfs": (
        "is a Git-LFS pointer, not the image itself",
        "run `git lfs pull`",
    ),
    b"<": ("is a web page or XML text, not an image", "download the file itself again"),
    b"PK\3\4": ("is a ZIP archive, not an image", "unpack it"),
    b"\x1f\x8b": ("is a gzip archive, not an image", "unpack it"),
    b"%PDF": ("is a PDF, not an image", "export the image itself"),
    b"Iout": ("is a region of ImageJ (ROI), not an image", "draw it into a label image"),
    b"GIF8": ("is a GIF, which is not read", _EXPORT),
    b"BM": ("is a BMP, which is not read", _EXPORT),
    b"RIFF": ("is a WebP or AVI, which is not read", _EXPORT),
    b"\0\0\0\x0cjP": ("is a JPEG 2000, which is not read", _EXPORT),
    b"8BPS": ("is a Photoshop file, which is not read", _EXPORT),
    b"SIMPLE  =": ("is a FITS file, which is not read", _EXPORT),
    b"\x89HDF": ("is an HDF5 file, which is not read", _EXPORT),
    b"\x93NUMPY": ("is a numpy array, which is not read", "save it as TIFF"),
    b"ZISRAWFILE": ("is a CZI of Zeiss, which is not read", _EXPORT),
    b"\xda\xce\xbe\x0a": ("is an ND2 of Nikon, which is not read", _EXPORT),
    b"\x70\0\0\0": ("is a LIF of Leica, which is not read", _EXPORT),
    b"\xd0\xcf\x11\xe0": ("is an OIB, ZVI or office file, which is not read", _EXPORT),
    b"\x5c\1\0\0": ("is a NIfTI volume, which is not read", "convert it to TIFF"),
}


def read_image(path: str | Path, *, axes: str | None = None) -> Image:
    """Read a PNG, JPEG, TIFF or OME-Zarr.

    The content decides what it is, not the name. An alpha channel is left out, a colour table of a
    PNG is applied, EXIF orientation is ignored.

    Parameters
    ----------
    path : str or path
        The file.
    axes : str, optional
        One letter of P Z T C S Y X for every dimension longer than 1, in file order. By default
        what OME or ImageJ metadata tell, else a guess that `Image.reading` calls a guess.

    Returns
    -------
    image : Image
        Pixels (P, C, Y, X) in their native dtype, all finite.

    Raises
    ------
    ImageError
        If the file is missing, damaged, cut short, too large or not an image, `axes` do not fit,
        or pixels are complex, NaN or infinite.
    """
    path = Path(path)
    with decoding(path):
        decoded = _decode(path, keep_palette=False)
        image = _understand(path, decoded, axes)
        refuse_not_finite(image.pixels)
    return image


def read_labels(path: str | Path, *, axes: str | None = None) -> Image:
    """Read a label image: PNG (index of its colour table, if it has one), TIFF or OME-Zarr.

    Parameters
    ----------
    path, axes
        As for `read_image`.

    Returns
    -------
    labels : Image
        Pixels (P, 1, Y, X) of uint32: 0 is background, other values as stored.

    Raises
    ------
    ImageError
        If the file cannot be read.
    LabelError
        If values are colours, negative, fractional, not finite or above 2**32 - 1, or smeared
        by JPEG.
    """
    path = Path(path)
    with decoding(path):
        decoded = _decode(path, keep_palette=True)
        image = _understand(path, decoded, axes)
        labels = as_labels(image.pixels)
        if path.is_file() and _head(path).startswith(_JPEG):
            _refuse_smeared(labels)
    kept = [i for i, letter in enumerate(image.axes) if letter != "C"]
    return replace(
        image,
        pixels=labels,
        axes="".join(image.axes[i] for i in kept),
        shape=tuple(image.shape[i] for i in kept),
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _decode(path: Path, *, keep_palette: bool) -> Decoded:
    """Decode by content."""
    if is_zarr(path):
        return decode_zarr(path)
    head = _head(path)
    if head.startswith(TIFF_SIGNATURES):
        return decode_tiff(path)
    if head.startswith((PNG_SIGNATURE, _JPEG)):
        return decode_raster(path, keep_palette=keep_palette)
    raise _foreign(head)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Make errors of decoders ours, and have all errors name the file."""
    try:
        with warnings.catch_warnings():
            # Decoders warn of odd metadata in lines that are not for users.
            warnings.simplefilter("ignore")
            yield
    except OvertileError as error:
        raise error.at(path) from error.__cause__
    except OSError as error:
        # Pillow and tifffile raise OSError without errno for damaged content.
        if error.errno is None:
            raise _damaged(error).at(path) from error
        raise ImageError(
            f"cannot be read ({error.strerror})",
            remedy="give the path of an image file",
            path=path,
        ) from error
    except Exception as error:  # the decoders raise some sixteen unrelated classes
        raise _damaged(error).at(path) from error


def _damaged(error: Exception) -> ImageError:
    if isinstance(error, MemoryError):
        return ImageError("does not fit into memory", remedy="crop or split it")
    return ImageError(
        f"cannot be decoded ({type(error).__name__}: {str(error)[:200]})",
        remedy="it may be damaged: open it in ImageJ and save it again as TIFF",
    )


def _foreign(head: bytes) -> ImageError:
    if not head:
        return ImageError("is empty", remedy="copy or download it again")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, (what, remedy) in _OTHERS.items():
        if text.startswith(start):
            return ImageError(what, remedy=remedy)
    return ImageError("is not a PNG, JPEG or TIFF", remedy="give a PNG, JPEG or TIFF")


def _understand(path: Path, decoded: Decoded, given: str | None) -> Image:
    array, notes = decoded.array, decoded.notes
    if array.dtype.kind not in "buif":
        raise ImageError(
            f"holds {array.dtype} pixels", remedy="save real numbers, not complex ones"
        )
    axes = decoded.axes if given is None else check_axes(given, array.shape)
    alpha = decoded.alpha_axis
    if alpha is not None and axes[alpha] in "CS":
        array = np.delete(array, -1, axis=alpha)
        notes += ("its alpha channel is left out",)
    array, axes = tidy(array, axes)
    pixels = fold(array, axes)
    return Image(
        pixels=pixels,
        axes=axes,
        shape=array.shape,
        pixel_size_um=decoded.pixel_size_um,
        path=path,
        notes=notes,
        reading="; ".join(
            [
                f"axes {axes} {decoded.source if given is None else 'as given'}, "
                + measures(pixels.shape, pixels.dtype, decoded.pixel_size_um),
                *notes,
            ]
        ),
    )


def measures(
    shape: tuple[int, ...], dtype: np.dtype[Any], pixel_size_um: tuple[float, float] | None
) -> str:
    """Say the size (P, C, Y, X), type and pixel size of an image in words."""
    pages, channels, height, width = shape
    parts = [
        f"{counted(pages, 'page')} of {height}x{width}",
        counted(channels, "channel"),
        str(dtype),
    ]
    if pixel_size_um:
        y, x = pixel_size_um
        parts.append(f"{x:g} um/px" if y == x else f"{y:g} x {x:g} um/px (y, x)")
    return ", ".join(parts)


def refuse_not_finite(pixels: Pixels, first_page: int = 0) -> None:
    """Refuse NaN and infinite pixels (P, C, Y, X), naming the page counted from `first_page`.

    Raises
    ------
    ImageError
    """
    if pixels.dtype.kind != "f" or np.isfinite(pixels).all():
        return
    per_page = np.count_nonzero(~np.isfinite(pixels), axis=(1, 2, 3))
    first = first_page + int(np.flatnonzero(per_page)[0])
    raise ImageError(
        f"holds {int(per_page.sum())} NaN or infinite pixels, the first on page {first}",
        remedy="replace them by a grey value",
    )


def _refuse_smeared(labels: Pixels) -> None:
    values = len(np.unique(labels))
    if values > 2:
        raise LabelError(
            f"is a JPEG with {values} different values, and JPEG alters ids near edges",
            remedy="save the labels as PNG or TIFF",
        )
