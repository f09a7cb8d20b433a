"""Small files that ask for much: memory, time, or depth."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

_OME = '<?xml version="1.0"?>{dtd}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
_PIXELS = (
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" '
    'SizeX="16" SizeY="16" SizeC="1" SizeZ="{z}" SizeT="1"><TiffData IFD="0" PlaneCount="{z}">'
    "{inside}</TiffData></Pixels></Image></OME>"
)


def chunk(kind: bytes, content: bytes) -> bytes:
    """Write a chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", _crc(kind, content))


def png(width: int, height: int, *, colour_type: int = 6, before: bytes = b"") -> bytes:
    """Write a black PNG of 8 bits by repeating one compressed row."""
    samples = {0: 1, 2: 3, 6: 4}[colour_type]
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    packer = zlib.compressobj(9)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    row = packer.compress(bytes(1 + width * samples)) + packer.flush(zlib.Z_FULL_FLUSH)
    signature = b"\x89PNG\r\n\x1a\n"
    rows = start + row * height
    return signature + chunk(b"IHDR", header) + before + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff(shape: tuple[int, ...], rows: int, **more: Any) -> bytes:  # noqa: ANN401 - of imwrite
    """Write a black TIFF of 8 bits by repeating one compressed strip."""
    strip = zlib.compress(bytes(rows * shape[-1]), 9)
    strips = int(np.prod(shape[:-2])) * -(-shape[-2] // rows)

    def encoded() -> Iterator[bytes]:
        for _ in range(strips):
            yield strip

    file = io.BytesIO()
    tifffile.imwrite(
        file,
        encoded(),
        shape=shape,
        dtype=np.uint8,
        compression="deflate",
        rowsperstrip=rows,
        photometric="minisblack",
        **more,
    )
    return file.getvalue()


def chain(pages: int, *, back_to: int | None = None, strips: int = 1, xml: bytes = b"") -> bytes:
    """Write a TIFF of pages that are 8 pixels wide and have 8 rows in each strip.

    The last page may lead back to an earlier one, and all pages share one list of strips.
    """
    head, data = b"II*\0", bytes(64) + struct.pack("<I", 64) * (strips if strips > 1 else 0) + xml
    first = 8 + len(data)
    at = 8 if strips == 1 else 72
    sizes = 64 if strips == 1 else 72
    tags = [(256, 4, 1, 8), (257, 4, 1, 8 * strips), (258, 4, 1, 8), (259, 4, 1, 1), (262, 4, 1, 1)]
    if xml:
        tags.append((270, 2, len(xml), first - len(xml)))
    tags += [(273, 4, strips, at), (277, 4, 1, 1), (278, 4, 1, 8), (279, 4, strips, sizes)]
    ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    step = len(ifd) + 4
    links = [first + (page + 1) * step for page in range(pages - 1)]
    links.append(0 if back_to is None else first + back_to * step)
    body = b"".join(ifd + struct.pack("<I", link) for link in links)
    return head + struct.pack("<I", first) + data + body


def many_pages(pages: int) -> bytes:
    """Write a TIFF of pages without a single tag."""
    links = (8 + 6 * (page + 1) for page in range(pages))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(struct.pack("<HI", 0, link) for link in links)


def wrapped(part: bytes, compression: str) -> bytes:
    """Write a TIFF of 64 x 64 pixels whose only strip is the picture `part`."""
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        iter([part]),
        shape=(64, 64),
        dtype=np.uint8,
        compression=compression,
        photometric="minisblack",
    )
    return file.getvalue()


def described(description: str) -> bytes:
    """Write a TIFF of 16 x 16 pixels with a description."""
    file = io.BytesIO()
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tifffile.imwrite(file, pixels, description=description.encode(), metadata=None)
    return file.getvalue()


def ome(*, planes: int = 1, dtd: str = "", inside: str = "", before: str = "") -> bytes:
    """Write an OME-TIFF whose XML holds what it should not."""
    return described(_OME.format(dtd=dtd) + before + _PIXELS.format(z=planes, inside=inside))


def _xml(planes: int) -> bytes:
    text = _OME.format(dtd="") + _PIXELS.format(z=planes, inside="")
    text = text.replace('SizeX="16"', 'SizeX="8"').replace('SizeY="16"', 'SizeY="2000000"')
    return text.encode()


def retagged(content: bytes, **values: int) -> bytes:
    """Change values of tags on the first page of a little TIFF, by the names of tifffile."""
    changed = bytearray(content)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = {tag.name: tag for tag in file.pages.first.tags}
    for name, value in values.items():
        at, _, count = name.partition("_")
        offset = tags[at].offset + (4 if count else 8)
        changed[offset : offset + 4] = struct.pack("<I", value)
    return bytes(changed)


def _laughs() -> str:
    entities = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "laugh">' for n in range(10)
    )
    return f"<!DOCTYPE OME [{entities}]>"


def _small() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((80, 80), np.uint8), photometric="minisblack")
    return file.getvalue()


def _jpeg(side: int) -> bytes:
    """Claim a size in the frame header of a small JPEG."""
    content = bytes(imagecodecs.jpeg8_encode(np.zeros((64, 64), np.uint8)))
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", side, side) + content[at + 4 :]


def _crc(kind: bytes, content: bytes) -> int:
    return zlib.crc32(kind + content)


BOMBS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "PNG of 169 million RGBA pixels": ("a.png", lambda: png(13_000, 13_000)),
    "PNG of 900 million grey pixels": ("a.png", lambda: png(30_000, 30_000, colour_type=0)),
    "PNG that claims 2**31 - 1 rows and columns": (
        "a.png",
        lambda: png(8, 8)[:16] + struct.pack(">II", (1 << 31) - 1, (1 << 31) - 1) + png(8, 8)[24:],
    ),
    "JPEG that claims 65 500 rows and columns": ("a.jpg", lambda: _jpeg(65_500)),
    "TIFF of 1.6 GB": ("a.tif", lambda: tiff((40_000, 40_000), 400)),
    "TIFF of 3 GB in 3 000 pages": ("a.tif", lambda: tiff((3_000, 1_000, 1_000), 1_000)),
    "BigTIFF of 1.6 GB": ("a.tif", lambda: tiff((40_000, 40_000), 400, bigtiff=True)),
    "ImageJ stack of 1.6 GB": (
        "a.tif",
        lambda: tiff((100, 4_000, 4_000), 4_000, imagej=True),
    ),
    "TIFF of a million pages": ("a.tif", lambda: many_pages(1_000_000)),
    "TIFF whose page leads to itself": ("a.tif", lambda: chain(1, back_to=0)),
    "TIFF whose pages lead in a circle": ("a.tif", lambda: chain(7, back_to=2)),
    "TIFF whose pages lead in a late circle": ("a.tif", lambda: chain(900, back_to=500)),
    "TIFF of pages that share a long list of strips": (
        "a.tif",
        lambda: chain(1_000, strips=250_000),
    ),
    "OME of pages that share a long list of strips": (
        "a.tif",
        lambda: chain(1_000, strips=250_000, xml=_xml(planes=1_000)),
    ),
    "TIFF around a JPEG that claims 65 500 rows": (
        "a.tif",
        lambda: wrapped(_jpeg(65_500), "jpeg"),
    ),
    "TIFF around a JPEG that claims 9 000 rows": ("a.tif", lambda: wrapped(_jpeg(9_000), "jpeg")),
    "TIFF around a PNG of 900 million pixels": (
        "a.tif",
        lambda: wrapped(png(30_000, 30_000, colour_type=0), "png"),
    ),
    "TIFF around a LERC image": (
        "a.tif",
        lambda: wrapped(bytes(imagecodecs.lerc_encode(np.zeros((4_000, 4_000)))), "lerc"),
    ),
    "TIFF of 64 rows around 200 MB of Deflate": (
        "a.tif",
        lambda: retagged(tiff((20_000, 10_000), 20_000), ImageLength=64, RowsPerStrip=64),
    ),
    "TIFF that claims 4 million rows": (
        "a.tif",
        lambda: retagged(_small(), ImageLength=4_194_400, RowsPerStrip=4_194_400),
    ),
    "TIFF that claims 2**32 - 1 rows and columns": (
        "a.tif",
        lambda: retagged(_small(), ImageLength=(1 << 32) - 1, ImageWidth=(1 << 32) - 1),
    ),
    "TIFF that claims 2**32 - 1 strips": (
        "a.tif",
        lambda: retagged(
            _small(), StripOffsets_count=(1 << 32) - 1, StripByteCounts_count=(1 << 32) - 1
        ),
    ),
    "TIFF that claims 4 000 samples a pixel": (
        "a.tif",
        lambda: retagged(_small(), SamplesPerPixel=60_000, ImageLength=8_000),
    ),
    "ImageJ description of a billion images": (
        "a.tif",
        lambda: described("ImageJ=1.54f\nimages=1000000000\nslices=1000000000\n"),
    ),
    "description that claims a huge shape": (
        "a.tif",
        lambda: described('{"shape": [1000000, 1000000, 16, 16]}'),
    ),
    "description of JSON a hundred thousand deep": (
        "a.tif",
        lambda: described('{"shape": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    ),
    "OME that claims a hundred million planes": ("a.tif", lambda: ome(planes=100_000_000)),
    "OME that names a file elsewhere": (
        "a.tif",
        lambda: ome(inside='<UUID FileName="../../../dev/zero">urn:uuid:1</UUID>'),
    ),
}
"""By name: the file's name, and what makes its content. Reading each must end with a refusal."""

HARMLESS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "PNG with a hundred thousand text chunks": (
        "a.png",
        lambda: png(64, 64, before=chunk(b"tEXt", b"a\0b") * 100_000),
    ),
    "OME of a billion laughs": (
        "a.tif",
        lambda: ome(dtd=_laughs(), before="<StructuredAnnotations>&l9;</StructuredAnnotations>"),
    ),
    "OME a hundred thousand deep": (
        "a.tif",
        lambda: ome(before="<a>" * 100_000 + "</a>" * 100_000),
    ),
    "label image of 4 000 x 4 000 that is almost empty": (
        "a.tif",
        lambda: tiff((4_000, 4_000), 4_000),
    ),
}
"""Strange or small for what they hold, and read all the same."""


def write(folder: Path, name: str) -> Path:
    """Write the file of a name in `BOMBS` or `HARMLESS`."""
    file_name, make = {**BOMBS, **HARMLESS}[name]
    path = folder / file_name
    path.write_bytes(make())
    return path
