"""Unusual files that are read; `check` must tell how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as Pillow

from faults.place import (
    PAIRS,
    Array,
    Case,
    Cases,
    Spoil,
    both,
    draw,
    draw_each,
    each,
    grey,
    one,
    pair,
    rgb,
    write,
)


def _dtype(name: str, factor: float = 1) -> Spoil:
    return each("images", lambda a: (a.astype(np.float64) * factor).astype(name))


def _as_palette(array: Array) -> Pillow.Image:
    picture = grey(array)
    picture.putpalette(np.random.default_rng(0).permutation(768).astype(np.uint8).tobytes())
    return picture


def _with_alpha(array: Array) -> Pillow.Image:
    return Pillow.merge("RGBA", (*rgb(array).split(), grey(255 - array)))


def _rotated_in_exif(name: str, **options: Any) -> Spoil:  # noqa: ANN401 - those of Pillow
    exif = Pillow.Exif()
    exif[0x0112] = 6
    return draw(name, grey, exif=exif, **options)


def _deep_colour(place: Path) -> None:
    for number in range(PAIRS):
        path = place / "images" / f"cell{number}.tif"
        path.unlink()
        colour = np.dstack([pair(number)[0].astype(np.uint16) * 250] * 3)
        path.with_suffix(".png").write_bytes(imagecodecs.png_encode(colour))


def _pyramid(place: Path) -> None:
    for number in range(PAIRS):
        pixels = pair(number)[0]
        path = place / "images" / f"cell{number}.tif"
        with tifffile.TiffWriter(path) as file:
            file.write(pixels, subifds=1, photometric="minisblack")
            file.write(pixels[::2, ::2], subfiletype=1, photometric="minisblack")


def _two_series(place: Path) -> None:
    with tifffile.TiffWriter(place / "images" / "cell1.tif") as file:
        file.write(pair(1)[0], photometric="minisblack")
        file.write(np.zeros((9, 9), np.uint8), photometric="minisblack")


def _stacks(axes: str, pages: int, **options: Any) -> Spoil:  # noqa: ANN401 - those of tifffile
    def spoil(place: Path) -> None:
        for number in range(PAIRS):
            pixels, labels = pair(number)
            stack = np.stack([np.roll(pixels, n, 0) for n in range(pages)])
            metadata = {"axes": axes} if axes else None
            write(place / f"images/cell{number}.tif", stack, metadata=metadata, **options)
            ids = np.stack([np.roll(labels, n, 0) for n in range(pages)])
            write(place / f"labels/cell{number}.tif", ids)

    return spoil


def _channels(count: int) -> Any:  # noqa: ANN401 - a function
    return lambda a: np.stack([np.roll(a, n, 0) for n in range(count)])


_SIDES = ("images", "labels")

ODDITIES: Cases = {
    "images of 12 bit in 16": Case(spoil=_dtype("uint16", 16), told=("grey values uint16, ",)),
    "images of 16 bit": Case(spoil=_dtype("uint16", 257), told=("grey values uint16, ",)),
    "images of 32 bit": Case(spoil=_dtype("uint32", 65_537), told=("grey values uint32, ",)),
    "images of signed 8 bit": Case(
        spoil=each("images", lambda a: (a.astype(int) - 128).astype(np.int8)),
        told=("grey values int8, -",),
    ),
    "images of signed 16 bit": Case(spoil=_dtype("int16", 100), told=("grey values int16, ",)),
    "images of signed 32 bit": Case(spoil=_dtype("int32", -9), told=("grey values int32, -",)),
    "images of 64 bit": Case(spoil=_dtype("int64", 99), told=("grey values int64, ",)),
    "images of half precision": Case(spoil=_dtype("float16"), told=("grey values float16, ",)),
    "images of float from 0 to 1": Case(
        spoil=_dtype("float32", 1 / 255), told=("grey values float32, 0",)
    ),
    "images of float up to 65 535": Case(
        spoil=_dtype("float32", 257), told=("grey values float32, ",)
    ),
    "images of double precision": Case(
        spoil=_dtype("float64", 0.1), told=("grey values float64, ",)
    ),
    "images of two depths": Case(
        spoil=one("images/cell1.tif", lambda a: a.astype(np.uint16) * 100),
        told=("grey values uint16/uint8, ", "normalised image by image"),
    ),
    "big-endian files": Case(
        spoil=each("images", lambda a: a.astype(np.uint16), byteorder=">"), told=("uint16",)
    ),
    "BigTIFF": Case(spoil=each("images", lambda a: a, bigtiff=True), told=("axes YX",)),
    "tiles": Case(spoil=each("images", lambda a: a, tile=(16, 16)), told=("48x40 px",)),
    "LZW": Case(spoil=each("images", lambda a: a, compression="lzw"), told=("48x40 px",)),
    "Deflate with a predictor": Case(
        spoil=each("images", lambda a: a, compression="zlib", predictor=True), told=("48x40 px",)
    ),
    "PackBits": Case(spoil=each("labels", lambda a: a, compression="packbits"), told=("ids up",)),
    "Zstandard": Case(spoil=each("images", lambda a: a, compression="zstd"), told=("48x40",)),
    "JPEG in TIFF": Case(spoil=each("images", lambda a: a, compression="jpeg"), told=("48x40 px",)),
    "JPEG 2000 in TIFF": Case(
        spoil=each("images", lambda a: a, compression="jpeg2000"), told=("48x40 px",)
    ),
    "many short strips": Case(spoil=each("images", lambda a: a, rowsperstrip=1), told=("48x40",)),
    "a pyramid": Case(spoil=_pyramid, told=("3 pages in 3 files", "48x40 px")),
    "two series": Case(
        spoil=_two_series,
        told=("1 of the images: the first of 2 series, the others are left out, in cell1.tif",),
    ),
    "white is zero": Case(
        spoil=one("images/cell1.tif", lambda a: a, photometric="miniswhite"),
        told=("1 of the images: declared as white-is-zero, values kept as stored, in cell1.tif",),
    ),
    "a TIFF with a colour table": Case(
        spoil=one(
            "images/cell1.tif",
            lambda a: a,
            photometric="palette",
            colormap=np.zeros((3, 256), np.uint16),
        ),
        told=("1 of the images: its colour table is ignored, in cell1.tif",),
    ),
    "colours in planes": Case(
        spoil=each("images", _channels(3), photometric="rgb", planarconfig="separate"),
        told=("axes CYX from the samples per pixel", "channels 3"),
    ),
    "colours in pixels": Case(
        spoil=each("images", lambda a: np.dstack([a, a, a]), photometric="rgb"),
        told=("axes YXC from the samples per pixel", "channels 3"),
    ),
    "two channels, told by ImageJ": Case(
        spoil=each("images", _channels(2), imagej=True, metadata={"axes": "CYX"}),
        told=("axes CYX from ImageJ metadata", "channels 2"),
    ),
    "four channels, told by OME": Case(
        spoil=each("images", _channels(4), ome=True, metadata={"axes": "CYX"}),
        told=("axes CYX from OME metadata", "channels 4"),
    ),
    "five channels, told by the user": Case(
        spoil=each("images", _channels(5)),
        options=("--axes", "CYX"),
        told=("axes CYX as given", "channels 5"),
    ),
    "channels last, told by the user": Case(
        spoil=each("images", lambda a: np.moveaxis(_channels(2)(a), 0, 2)),
        options=("--axes", "YXC"),
        told=("axes YXC as given", "channels 2"),
    ),
    "columns before rows, told by the user": Case(
        spoil=lambda place: None, options=("--axes", "XY"), told=("axes XY as given", "40x48 px")
    ),
    "axes in small letters": Case(
        spoil=lambda place: None, options=("--axes", "yx"), told=("axes YX as given", "48x40 px")
    ),
    "stacks without metadata": Case(
        spoil=_stacks("", 5), told=("15 pages in 3 files", "axes PYX guessed from unnamed pages")
    ),
    "stacks of few pages": Case(
        spoil=_stacks("", 3),
        told=("3 of the images: --axes CYX reads the pages as channels, in cell0.tif",),
    ),
    "z-stacks of OME": Case(
        spoil=_stacks("ZYX", 4, ome=True), told=("12 pages in 3 files", "axes ZYX from OME")
    ),
    "time series of ImageJ": Case(
        spoil=_stacks("TYX", 4, imagej=True), told=("12 pages in 3 files", "axes TYX from ImageJ")
    ),
    "PNG images": Case(spoil=draw_each("images", ".png", grey), told=("3 pages in 3 files",)),
    "JPEG images": Case(spoil=draw_each("images", ".jpg", grey), told=("3 pages in 3 files",)),
    "PNG of 16 bit": Case(
        spoil=draw_each("images", ".png", lambda a: Pillow.fromarray(a.astype(np.uint16) * 250)),
        told=("grey values uint16",),
    ),
    "PNG of 16-bit colours": Case(spoil=_deep_colour, told=("grey values uint16", "channels 3")),
    "RGB images": Case(
        spoil=draw_each("images", ".png", rgb), told=("axes YXC from RGB samples", "channels 3")
    ),
    "RGBA images": Case(
        spoil=draw_each("images", ".png", _with_alpha),
        told=("channels 3", "3 of the images: its alpha channel is left out, in cell0.png"),
    ),
    "grey images with alpha": Case(
        spoil=draw_each("images", ".png", lambda a: Pillow.merge("LA", (grey(a), grey(255 - a)))),
        told=("channels 1", "3 of the images: its alpha channel is left out"),
    ),
    "images with a colour table": Case(
        spoil=draw_each("images", ".png", _as_palette),
        told=("channels 3", "3 of the images: its colour table was applied, in cell0.png"),
    ),
    "CMYK images": Case(
        spoil=draw_each("images", ".jpg", lambda a: rgb(a).convert("CMYK")),
        told=("channels 3", "3 of the images: converted from CMYK to RGB, in cell0.jpg"),
    ),
    "an image turned in EXIF": Case(
        spoil=_rotated_in_exif("images/cell1.jpg"),
        told=("48x40 px", "1 of the images: its EXIF orientation is ignored"),
    ),
    "an animation": Case(
        spoil=draw(
            "images/cell1.png", grey, save_all=True, append_images=[Pillow.new("L", (40, 48))]
        ),
        told=("1 of the images: the first of 2 frames, the others are left out, in cell1.png",),
    ),
    "a PNG named .tif": Case(
        spoil=lambda place: grey(pair(1)[0]).save(place / "images" / "cell1.tif", "PNG"),
        told=("3 pages in 3 files",),
    ),
    "a TIFF named .png": Case(
        spoil=lambda place: (place / "images" / "cell1.tif").rename(place / "images" / "cell1.png"),
        told=("3 pages in 3 files",),
    ),
    "pixel sizes": Case(
        spoil=each("images", lambda a: a, imagej=True, resolution=(2, 4), metadata={"unit": "um"}),
        told=("pixel size 0.25 x 0.5 um (y, x)",),
    ),
    "one row": Case(
        spoil=both(*(one(f"{side}/cell1.tif", lambda a: a[20:21]) for side in _SIDES)),
        told=("1x40 px, 48x40 px",),
    ),
    "one column": Case(
        spoil=both(*(one(f"{side}/cell1.tif", lambda a: a[:, 20:21]) for side in _SIDES)),
        told=("48x1 px, 48x40 px",),
    ),
}
