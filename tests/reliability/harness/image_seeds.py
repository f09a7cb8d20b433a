"""Small good image files of every kind that is read, to be damaged."""

from __future__ import annotations

import io
import re
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as Pillow

from harness.mutations import Field, Seed, mend_png, png_chunks

_CHANCE = re.compile(rb"(?<=urn:uuid:)[0-9a-f-]{36}")


def image_seeds() -> list[Seed]:
    """Make PNG, JPEG and TIFF files of some 20 x 24 pixels."""
    rng = np.random.default_rng(0)
    grey = np.add.outer(np.arange(20), 5 * np.arange(24)).astype(np.uint8)
    colour = rng.integers(0, 255, (20, 24, 3)).astype(np.uint8)
    deep = grey.astype(np.uint16) * 250
    stack = np.stack([deep] * 3)
    palette = Pillow.fromarray(grey // 40)
    palette.putpalette(rng.bytes(768))
    rgba = np.dstack([colour, grey])
    return [
        _png("grey.png", Pillow.fromarray(grey)),
        _png("deep.png", Pillow.fromarray(deep)),
        _png("palette.png", palette),
        _png("rgba.png", Pillow.fromarray(rgba)),
        _png("deep-colour.png", bytes(imagecodecs.png_encode(colour.astype(np.uint16) * 250))),
        _jpeg("grey.jpg", Pillow.fromarray(grey), quality=80),
        _jpeg("colour.jpg", Pillow.fromarray(colour), quality=70, progressive=True),
        _tiff("raw.tif", deep),
        _tiff("big-endian.tif", deep, byteorder=">"),
        _tiff("deflate.tif", stack, compression="zlib", predictor=True),
        _tiff("lzw.tif", colour, compression="lzw", photometric="rgb", rowsperstrip=7),
        _tiff("jpeg.tif", colour, compression="jpeg", photometric="rgb"),
        _tiff("tiled.tif", deep, tile=(16, 16), compression="zstd"),
        _tiff("bigtiff.tif", stack, bigtiff=True),
        _tiff("ome.tif", stack, ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 0.5}),
        _tiff("imagej.tif", stack, imagej=True, metadata={"axes": "ZYX", "unit": "um"}),
        _tiff("float.tif", grey.astype(np.float32), photometric="minisblack"),
        _tiff("planes.tif", np.moveaxis(colour, 2, 0), planarconfig="separate", photometric="rgb"),
    ]


def _png(name: str, picture: Pillow.Image | bytes) -> Seed:
    if isinstance(picture, bytes):
        content = picture
    else:
        file = io.BytesIO()
        picture.save(file, "PNG")
        content = file.getvalue()
    fields: list[Field] = [(at, 4) for at, _ in png_chunks(content)]
    fields += [(16, 4), (20, 4), (24, 1), (25, 1), (26, 1), (28, 1)]
    return Seed(name=name, content=content, fields=fields, byte_order=">", mend=mend_png)


def _jpeg(name: str, picture: Pillow.Image, **options: Any) -> Seed:  # noqa: ANN401 - of Pillow
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    content = file.getvalue()
    markers = [
        at for at in range(len(content) - 4) if content[at] == 0xFF and content[at + 1] > 0xBF
    ]
    fields: list[Field] = [(at + 2, 2) for at in markers] + [(at + 4, 1) for at in markers]
    fields += [(at + 5, 2) for at in markers] + [(at + 7, 2) for at in markers]
    return Seed(name=name, content=content, fields=fields, byte_order=">")


def _tiff(name: str, pixels: Any, **options: Any) -> Seed:  # noqa: ANN401 - those of tifffile
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **{"photometric": "minisblack", **options})
    content = _CHANCE.sub(b"0" * 36, file.getvalue())
    return Seed(
        name=name,
        content=content,
        fields=_tiff_fields(content),
        byte_order=">" if content.startswith(b"MM") else "<",
    )


def _tiff_fields(content: bytes) -> list[Field]:
    """Find links between pages, and code, type, count and value of every tag."""
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        size = 8 if file.is_bigtiff else 4
        fields: list[Field] = [(8 if file.is_bigtiff else 4, size)]
        for page in file.pages:
            tags = [tag.offset for tag in page.aspage().tags]
            fields += [(at, 2) for at in tags] + [(at + 2, 2) for at in tags]
            fields += [(at + 4, size) for at in tags] + [(at + 4 + size, size) for at in tags]
            fields.append((max(tags) + 4 + 2 * size, size))
        return fields
