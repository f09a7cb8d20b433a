"""Files that are no image, or not whole: each must be found by `overtile check`."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import tifffile
from harness import bombs

from faults.place import Case, Cases, both, cut, draw_each, grey, one, put, tif

_IMAGE, _LABELS = "images/cell1.tif", "labels/cell1.tif"
_AGAIN = "copy or download it again"
_TIFF = "give a PNG, JPEG or TIFF"
_EXPORT = "export it as TIFF"


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.roi", b"Iout")
    return file.getvalue()


def _numpy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((48, 40)))
    return file.getvalue()


_FOREIGN: dict[str, tuple[bytes, str, str]] = {
    "empty file": (b"", "is empty", _AGAIN),
    "white space": (b" \n\n ", "is not a PNG, JPEG or TIFF", _TIFF),
    "text": (b"grey values, honestly", "is not a PNG, JPEG or TIFF", _TIFF),
    "table": (b"x,y,area\n1,2,3\n", "is not a PNG, JPEG or TIFF", _TIFF),
    "zeros, as a full disk leaves": (bytes(4_000), "is not a PNG, JPEG or TIFF", _TIFF),
    "random bytes": (
        np.random.default_rng(0).bytes(999),
        "is not a PNG, JPEG or TIFF",
        _TIFF,
    ),
    "web page": (b"<!DOCTYPE html><title>404</title>", "is a web page", "download"),
    "web page after a mark and blanks": (b"\xef\xbb\xbf\n <html>", "is a web page", "download"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is a web page or XML", "download"),
    "Git-LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "is a Git-LFS pointer",
        "git lfs pull",
    ),
    "ZIP of ImageJ regions": (_zip(), "is a ZIP archive", "unpack it"),
    "region of ImageJ": (b"Iout\0\xe4\1\0", "is a region of ImageJ", "label image"),
    "gzip": (b"\x1f\x8b\x08\0\0\0", "is a gzip archive", "unpack it"),
    "PDF": (b"%PDF-1.7", "is a PDF", "export the image itself"),
    "GIF": (b"GIF89a\1\0\1\0", "is a GIF", _EXPORT),
    "BMP": (b"BM\x46\0\0\0", "is a BMP", _EXPORT),
    "WebP": (b"RIFF\0\0\0\0WEBPVP8 ", "is a WebP", _EXPORT),
    "AVIF": (b"\0\0\0\x20ftypavif", "is not a PNG, JPEG or TIFF", _TIFF),
    "DICOM": (bytes(128) + b"DICM", "is not a PNG, JPEG or TIFF", _TIFF),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "is a JPEG 2000", _EXPORT),
    "Photoshop": (b"8BPS\0\1", "is a Photoshop file", _EXPORT),
    "FITS": (b"SIMPLE  =                    T", "is a FITS file", _EXPORT),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "is an HDF5 file", _EXPORT),
    "numpy array": (_numpy(), "is a numpy array", "save it as TIFF"),
    "CZI": (b"ZISRAWFILE" + bytes(54), "is a CZI of Zeiss", _EXPORT),
    "ND2": (b"\xda\xce\xbe\x0a" + bytes(60), "is an ND2 of Nikon", _EXPORT),
    "LIF": (b"\x70\0\0\0" + bytes(60), "is a LIF of Leica", _EXPORT),
    "OIB": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an OIB, ZVI", _EXPORT),
    "NIfTI": (struct.pack("<i", 348) + bytes(344), "is a NIfTI volume", "convert it"),
}


def _no_pixels() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((8, 8), np.uint8), photometric="minisblack")
    return bombs.retagged(file.getvalue(), ImageLength=0)


def _missing_strip() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((48, 40), np.uint8), photometric="minisblack")
    return bombs.retagged(file.getvalue(), StripOffsets=1 << 24)


_RANDOM = np.random.default_rng(1).integers(0, 255, (48, 40)).astype(np.uint8)

FAULTS: Cases = {
    **{
        f"{name} named .tif": Case(spoil=put(_IMAGE, content), told=("cell1.tif: ", what, remedy))
        for name, (content, what, remedy) in _FOREIGN.items()
    },
    "labels that are an empty file": Case(
        spoil=put(_LABELS, b""), told=("labels/cell1.tif: is empty", _AGAIN)
    ),
    "labels that are a web page": Case(
        spoil=put(_LABELS, b"<html>"), told=("labels/cell1.tif: is a web page", "download")
    ),
    "labels that are a numpy array": Case(
        spoil=put(_LABELS, _numpy()), told=("labels/cell1.tif: is a numpy array", "as TIFF")
    ),
    "TIFF cut in its head": Case(
        spoil=cut(_IMAGE, 6), told=("images/cell1.tif: ", "it may be damaged")
    ),
    "TIFF cut in its tags": Case(spoil=cut(_IMAGE, 60), told=("images/cell1.tif: ", "again")),
    "TIFF cut in its pixels": Case(
        spoil=cut(_IMAGE, 1_200), told=("images/cell1.tif: ", "copy or export it again")
    ),
    "TIFF cut by one byte": Case(
        spoil=both(one(_IMAGE, lambda a: a), lambda place: _cut_by_one(place / _IMAGE)),
        told=("images/cell1.tif: ", "copy or export it again"),
    ),
    "labels cut in their pixels": Case(
        spoil=cut(_LABELS, 1_200), told=("labels/cell1.tif: ", "copy or export it again")
    ),
    "TIFF without rows": Case(spoil=put(_IMAGE, _no_pixels()), told=("images/cell1.tif: ",)),
    "TIFF whose strip lies beyond its end": Case(
        spoil=put(_IMAGE, _missing_strip()),
        told=("images/cell1.tif: is cut short: 1 of 1 strips", "copy or export it again"),
    ),
    "TIFF that leads in a circle": Case(
        spoil=put(_IMAGE, bombs.chain(3, back_to=0)), told=("lead in a circle", "export it again")
    ),
    "TIFF that is a bomb": Case(
        spoil=put(_IMAGE, bombs.tiff((40_000, 40_000), 400)),
        told=("images/cell1.tif: would take 1.5 GiB", "OVERTILE_TRUST_IMAGES_GIB=2"),
    ),
    "TIFF compressed in a way that is not read": Case(
        spoil=tif(_IMAGE, _RANDOM, compression="lerc"),
        told=("images/cell1.tif: is compressed by LERC, which is not read", "LZW or Deflate"),
    ),
    "PNG cut in the middle": Case(
        spoil=both(draw_each("images", ".png", grey), cut("images/cell1.png", 700)),
        told=("images/cell1.png: cannot be decoded", "it may be damaged"),
    ),
    "PNG cut in its head": Case(
        spoil=both(draw_each("images", ".png", grey), cut("images/cell1.png", 20)),
        told=("images/cell1.png: cannot be decoded", "it may be damaged"),
    ),
    "JPEG cut in the middle": Case(
        spoil=both(draw_each("images", ".jpg", grey), cut("images/cell1.jpg", 500)),
        told=("images/cell1.jpg: cannot be decoded", "it may be damaged"),
    ),
    "PNG with text in its middle, as a broken transfer leaves": Case(
        spoil=both(
            draw_each("images", ".png", grey),
            lambda place: _break(place / "images" / "cell1.png"),
        ),
        told=("images/cell1.png: cannot be decoded", "it may be damaged"),
    ),
}


def _cut_by_one(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1])


def _break(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:200] + b"connection reset" + content[216:])
