"""Strips and tiles of a TIFF that are pictures themselves, of a size of their own."""

from __future__ import annotations

import io
import math

import tifffile
from PIL import Image as Pillow

from overtile.errors import ImageError

_COMPRESSION = tifffile.COMPRESSION
_SIZED_BY_THE_PAGE = {
    _COMPRESSION.NONE,
    _COMPRESSION.CCITTRLE,
    _COMPRESSION.CCITT_T4,
    _COMPRESSION.CCITT_T6,
    _COMPRESSION.LZW,
    _COMPRESSION.ADOBE_DEFLATE,
    _COMPRESSION.DEFLATE,
    _COMPRESSION.PACKBITS,
    _COMPRESSION.LZMA,
    _COMPRESSION.ZSTD,
    _COMPRESSION.ZSTD_DEPRECATED,
}
_PICTURES = {
    _COMPRESSION.OJPEG,
    _COMPRESSION.JPEG,
    _COMPRESSION.ALT_JPEG,
    _COMPRESSION.JPEG_LOSSY,
    _COMPRESSION.APERIO_JP2000_YCBC,
    _COMPRESSION.JPEG_2000_LOSSY,
    _COMPRESSION.APERIO_JP2000_RGB,
    _COMPRESSION.JPEG2000,
    _COMPRESSION.PNG,
    _COMPRESSION.WEBP,
    _COMPRESSION.WEBP_DEPRECATED,
}
_FORMATS = ("JPEG", "JPEG2000", "PNG", "WEBP")


def check_parts(page: tifffile.TiffPage | tifffile.TiffFrame) -> None:
    """Refuse strips and tiles that would be decoded to more pixels than their page has room for.

    Their decoders take memory for what the part itself claims, and only then compare.

    Parameters
    ----------
    page : page of tifffile

    Raises
    ------
    ImageError
        If a part is too large, or of a compression whose size cannot be asked beforehand.
    Exception
        Whatever Pillow raises on a damaged part.
    """
    if page.compression in _SIZED_BY_THE_PAGE:
        return
    name = getattr(page.compression, "name", page.compression)
    if page.compression not in _PICTURES:
        raise ImageError(
            f"is compressed by {name}, which is not read",
            remedy="save it without compression, or by LZW or Deflate",
        )
    room = math.prod(page.chunks)
    file = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(offset)
        with Pillow.open(io.BytesIO(file.read(count)), formats=_FORMATS) as part:
            # Parts at the lower border may be whole tiles, where the page has less.
            if part.width * part.height > 2 * room:
                raise ImageError(
                    f"has a {name} part of {part.height}x{part.width} px, more than its page",
                    remedy="it may be damaged: export it again",
                )
