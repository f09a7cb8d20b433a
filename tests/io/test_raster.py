from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from overtile.arrays import Pixels
from overtile.errors import ImageError
from overtile.io import read_image, read_labels

STACK = np.arange(5 * 6 * 7).reshape(5, 6, 7)
PLANE = STACK[0]


def tiff(folder: Path, array: Pixels, name: str = "a.tif", **options: Any) -> Path:  # noqa: ANN401 - as tifffile has them
    path = folder / name
    tifffile.imwrite(path, array, **{"photometric": "minisblack", **options})
    return path


def png(folder: Path, array: Pixels, mode: str | None = None) -> Path:
    path = folder / "a.png"
    picture = Pillow.fromarray(np.asarray(array))
    (picture.convert(mode) if mode else picture).save(path)
    return path


@pytest.mark.parametrize(("mode", "channels"), [("LA", 1), ("RGBA", 3), ("RGB", 3), ("L", 1)])
def test_alpha_of_a_png_is_left_out_and_said(tmp_path: Path, mode: str, channels: int) -> None:
    image = read_image(png(tmp_path, PLANE.astype(np.uint8), mode))
    assert image.channels == channels
    assert np.array_equal(image.pixels[0, 0], PLANE)
    assert ("alpha" in image.reading) == mode.endswith("A")


def test_sixteen_bit_png_keeps_all_bits_in_grey_and_colour(tmp_path: Path) -> None:
    grey = (PLANE * 1000).astype(np.uint16)
    assert np.array_equal(read_image(png(tmp_path, grey)).pixels[0, 0], grey)
    for samples, channels in [(2, 1), (3, 3), (4, 3)]:
        values = np.stack([grey + i for i in range(samples)], axis=-1)
        path = tmp_path / f"{samples}.png"
        path.write_bytes(imagecodecs.png_encode(values))
        expected = values[..., :channels].transpose(2, 0, 1)
        assert np.array_equal(read_image(path).pixels[0], expected)


def palette_png(folder: Path) -> Path:
    picture = Pillow.fromarray(np.array([[0, 1, 2]], np.uint8))
    picture.putpalette([0, 0, 0, 200, 10, 20, 30, 200, 40])
    path = folder / "palette.png"
    picture.save(path)
    return path


def test_colour_table_is_applied_to_images(tmp_path: Path) -> None:
    image = read_image(palette_png(tmp_path))
    assert image.pixels[0, :, 0].T.tolist() == [[0, 0, 0], [200, 10, 20], [30, 200, 40]]
    assert "colour table was applied" in image.reading


def test_index_of_the_colour_table_is_the_label(tmp_path: Path) -> None:
    assert read_labels(palette_png(tmp_path)).pixels.tolist() == [[[[0, 1, 2]]]]


def test_one_bit_is_zero_and_one(tmp_path: Path) -> None:
    bits = PLANE % 2 == 1
    for path in (png(tmp_path, bits), tiff(tmp_path, bits)):
        image = read_image(path)
        assert image.pixels.dtype == np.uint8
        assert np.array_equal(image.pixels[0, 0], bits.astype(np.uint8))


def test_four_bit_grey_png_keeps_its_stored_values(tmp_path: Path) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", 4, 1, 4, 0, 0, 0, 0)
    row = zlib.compress(bytes([0, 0x01, 0x2F]))
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    )
    assert read_labels(path).pixels[0, 0].tolist() == [[0, 1, 2, 15]]


def test_exif_orientation_is_ignored(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to view
    path = tmp_path / "a.jpg"
    Pillow.fromarray(np.zeros((8, 16), np.uint8)).save(path, exif=exif)
    image = read_image(path)
    assert image.size == (8, 16)
    assert image.notes == ("its EXIF orientation is ignored: rows and columns are as stored",)


@pytest.mark.parametrize("format_name", ["png", "jpg"])
def test_a_cut_png_or_jpeg_is_refused(tmp_path: Path, format_name: str) -> None:
    path = tmp_path / f"a.{format_name}"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    Pillow.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageError, match="cannot be decoded"):
        read_image(path)


def test_what_libpng_dislikes_is_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    content = imagecodecs.png_encode(np.zeros((8, 8, 3), np.uint16))
    profile = b"iCCP" + b"x\0\0too short"
    chunk = struct.pack(">I", len(profile) - 4) + profile + struct.pack(">I", zlib.crc32(profile))
    path.write_bytes(content[:33] + chunk + content[33:])
    # In a process of its own, because pytest hears what is logged before Python prints it.
    told = "import sys, overtile.io as io; print(io.read_image(sys.argv[1]).channels)"
    done = subprocess.run(
        [sys.executable, "-c", told, str(path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_what_pillow_warns_of_is_not_printed(tmp_path: Path) -> None:
    picture = Pillow.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    picture.putpalette(list(range(256)) * 3)
    picture.save(tmp_path / "a.png", transparency=bytes(range(256)))
    with pytest.warns(UserWarning, match="Transparency"), Pillow.open(tmp_path / "a.png") as opened:
        opened.convert("RGB")
    assert read_image(tmp_path / "a.png").channels == 3  # Warnings are errors in tests.


def test_decompression_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overtile.io.limits._HARMLESS_BYTES", 30)
    monkeypatch.setattr("overtile.io.limits._LARGEST_RATIO", 0.1)
    with pytest.raises(ImageError, match=r"would take .* if you know where it comes from"):
        read_image(png(tmp_path, PLANE.astype(np.uint8)))


def test_what_a_picture_holds_is_read_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 10)  # Pillow itself refuses twice as many.
    path = tmp_path / "a.jpg"
    Pillow.fromarray(np.zeros((8, 16), np.uint8)).save(path)
    assert read_image(png(tmp_path, PLANE.astype(np.uint8))).size == PLANE.shape
    assert read_image(path).size == (8, 16)
