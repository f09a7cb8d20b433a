from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from overtile.arrays import Pixels
from overtile.errors import ImageError, OvertileError
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


def test_plain_tiff_is_one_page_of_one_channel(tmp_path: Path) -> None:
    image = read_image(tiff(tmp_path, PLANE.astype(np.uint16)))
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, PLANE[None, None])
    assert (image.axes, image.shape, image.size, image.is_stack) == ("YX", (6, 7), (6, 7), False)
    assert image.reading == "axes YX of a single plane, 1 page of 6x7, 1 channel, uint16"


def test_name_does_not_matter_content_does(tmp_path: Path) -> None:
    path = png(tmp_path, PLANE.astype(np.uint8)).rename(tmp_path / "wrong.tif")
    assert read_image(path).shape == (6, 7)


def test_read_pixels_can_be_written_to(tmp_path: Path) -> None:
    for path in (png(tmp_path, PLANE.astype(np.uint8)), tiff(tmp_path, PLANE.astype(np.uint8))):
        assert read_image(path).pixels.flags.writeable


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer.*git lfs pull"),
        (b"PK\x03\x04", "is a ZIP archive"),
        (b"name,count\n", "is not a PNG, JPEG or TIFF"),
        (b"II*\0", "cannot be decoded|damaged"),
    ],
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=fault) as caught:
        read_image(path)
    assert caught.value.path == path


def test_missing_file_and_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.tif: cannot be read \(No such file"):
        read_image(tmp_path / "none.tif")
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(tmp_path)


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="holds complex64 pixels"):
        read_image(tiff(tmp_path, PLANE.astype(np.complex64)))


def test_nan_and_infinity_are_counted_with_their_page(tmp_path: Path) -> None:
    values = STACK.astype(np.float32)
    values[2, 0, 0], values[3, 0, 0] = np.nan, np.inf
    with pytest.raises(ImageError, match="holds 2 NaN or infinite pixels, the first on page 2"):
        read_image(tiff(tmp_path, values))


def test_too_large_an_image_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overtile.io.limits.LARGEST_IMAGE_BYTES", 5 * 6 * 7 * 2 - 1)
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=r"its shape is \(5, 6, 7\); crop or split it"):
        read_image(tiff(tmp_path, STACK.astype(np.uint16)))


def test_running_out_of_memory_is_an_image_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", exhausted)
    with pytest.raises(ImageError, match="does not fit into memory"):
        read_image(tiff(tmp_path, PLANE.astype(np.uint8)))


def test_ctrl_c_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_image(tiff(tmp_path, PLANE.astype(np.uint8)))


def seeds() -> list[bytes]:
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 255, (2, 16, 16)).astype(np.uint8)
    files = []
    for format_name in ("PNG", "JPEG"):
        buffer = io.BytesIO()
        Pillow.fromarray(grey[0]).save(buffer, format=format_name)
        files.append(buffer.getvalue())
    options: list[dict[str, Any]] = [
        {"compression": "zlib"},
        {"compression": "lzw", "tile": (16, 16)},
        {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.5}},
        {"imagej": True, "metadata": {"axes": "ZYX", "unit": "micron"}, "resolution": (2, 2)},
    ]
    for option in options:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, grey, photometric="minisblack", **option)
        files.append(buffer.getvalue())
    return files


def damaged_copies(whole: bytes, chance: random.Random) -> Iterator[bytes]:
    for _ in range(40):
        copy = bytearray(whole)
        # The tables of a file stand at its start: most faults come from there.
        end = min(chance.choice((64, 512, len(whole))), len(whole))
        for _ in range(chance.choice((1, 4, 16))):
            copy[chance.randrange(end)] = chance.randrange(256)
        yield bytes(copy)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_bytes_raise_nothing_but_our_errors(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "a.tif"
    refused = []
    for content in damaged_copies(seeds()[seed], random.Random(seed)):
        path.write_bytes(content)
        for read in (read_image, read_labels):
            try:
                read(path)
            except OvertileError as error:
                refused.append(error.path)
    assert set(refused) == {path}
