"""PNG and JPEG: pixels as stored, without alpha, colour management or rotation."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image as Pillow
from PIL import JpegImagePlugin, PngImagePlugin

from overtile.arrays import Pixels
from overtile.io.image import Decoded
from overtile.io.limits import check_size

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112  # tag of EXIF; 1 is upright
_GREY = 0  # colour type in the IHDR chunk of PNG


def decode_raster(path: Path, *, keep_palette: bool) -> Decoded:
    """Decode a PNG or a JPEG.

    Parameters
    ----------
    path : path
        A file that starts as a PNG or a JPEG does. Its EXIF orientation is ignored, for images and
        labels alike, so that the two never turn apart.
    keep_palette : bool
        Return the index into the colour table, which is the label of a label image, not the colour.

    Returns
    -------
    decoded : Decoded
        (Y, X) or (Y, X, C) array of uint8 or uint16.

    Raises
    ------
    ImageError
        If it is too large.
    Exception
        Whatever Pillow and imagecodecs raise on a damaged file.
    """
    bits, colour_type = _png_header(path)
    # Not Pillow's `open`: it refuses 179 million pixels, whatever the file holds and its user says.
    open_as = PngImagePlugin.PngImageFile if bits else JpegImagePlugin.jpeg_factory
    notes: tuple[str, ...] = ()
    with path.open("rb") as file, open_as(file) as picture:
        bands = 3 if picture.mode == "P" and not keep_palette else len(picture.getbands())
        shape = (picture.height, picture.width, bands)
        check_size(shape, 2 if bits == 16 else 1, path.stat().st_size)
        if bits == 16 and colour_type != _GREY:
            # Pillow would keep only the upper 8 bits of each colour.
            array = imagecodecs.png_decode(path.read_bytes())
        else:
            array, notes = _load(picture, keep_palette=keep_palette)
        notes += _frames(picture) + _orientation(picture)
    if bits in (2, 4) and colour_type == _GREY:
        array = array // (255 // ((1 << bits) - 1))  # Pillow stretches them to 0...255.
    array, alpha = _without_alpha(array)
    return Decoded(
        array=array,
        axes="YX" if array.ndim == 2 else "YXS",
        source="of a single plane" if array.ndim == 2 else "from RGB samples",
        notes=notes + alpha,
    )


def _png_header(path: Path) -> tuple[int, int]:
    """Bits per sample and colour type of a PNG; zeros for a JPEG."""
    with path.open("rb") as file:
        head = file.read(26)
    return (head[24], head[25]) if head.startswith(PNG_SIGNATURE) else (0, 0)


def _load(picture: Pillow.Image, *, keep_palette: bool) -> tuple[Pixels, tuple[str, ...]]:
    if picture.mode == "P" and not keep_palette:
        return np.array(picture.convert("RGB")), ("its colour table was applied",)
    if picture.mode in ("CMYK", "YCCK"):
        return np.array(picture.convert("RGB")), ("converted from CMYK to RGB",)
    array = np.array(picture)
    # Pillow holds 1 bit as bool and, depending on its version, 16 bits as int32.
    narrow = {"b": np.uint8, "i": np.uint16}.get(array.dtype.kind)
    return (array if narrow is None else array.astype(narrow)), ()


def _frames(picture: Pillow.Image) -> tuple[str, ...]:
    frames = getattr(picture, "n_frames", 1)
    return (f"the first of {frames} frames, the others are left out",) if frames > 1 else ()


def _orientation(picture: Pillow.Image) -> tuple[str, ...]:
    turned = picture.getexif().get(_ORIENTATION, 1) != 1
    return ("its EXIF orientation is ignored: rows and columns are as stored",) if turned else ()


def _without_alpha(array: Pixels) -> tuple[Pixels, tuple[str, ...]]:
    if array.ndim == 2 or array.shape[2] == 3:
        return array, ()
    colours = array[..., 0] if array.shape[2] == 2 else array[..., :3]
    return colours, ("its alpha channel is left out",)
