"""Windows of images that are never in memory as a whole, against reading them whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from overtile.errors import ImageError
from overtile.io import find_images, read_image
from overtile.io.region import open_image
from overtile.io.zarr_array import EMPTY_VARIABLE

Write = Callable[[Path, NDArray[Any]], object]


def values(*shape: int, dtype: str = "uint8") -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def tiff(**options: Any) -> Write:  # noqa: ANN401 - as of tifffile
    return lambda path, array: tifffile.imwrite(path, array, **options)


def ome_zarr(path: Path, array: NDArray[Any], axes: str, version: str) -> None:
    """Write what other programs write: one level, chunks of 16 px, 0.5 µm a pixel."""
    old = version == "0.4"
    group = zarr.open_group(path, mode="w", zarr_format=2 if old else 3)
    chunks = tuple(16 if axis in "YX" else 1 for axis in axes)
    level = group.create_array("0", shape=array.shape, chunks=chunks, dtype=array.dtype)
    level[...] = array + 1 - 1
    kinds = {"T": "time", "C": "channel"}
    described = [
        {"name": axis.lower(), "type": kinds.get(axis, "space")}
        | ({"unit": "micrometer"} if axis in "ZYX" else {})
        for axis in axes
    ]
    scale = [0.5 if axis in "YX" else 1.0 for axis in axes]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}]
    images = [{"version": version, "axes": described, "datasets": datasets}]
    told: dict[str, Any] = {"multiscales": images}
    group.attrs.update(told if old else {"ome": told})


LAYOUTS: dict[str, tuple[tuple[int, ...], str, Write]] = {
    "tiles": ((70, 90), "uint8", tiff(tile=(16, 16), compression="zlib")),
    "tiles of 16 bits, big-endian": ((70, 90), "uint16", tiff(tile=(16, 32), byteorder=">")),
    "strips": ((70, 90), "uint16", tiff(rowsperstrip=7, compression="zlib")),
    "single rows": ((70, 90), "uint8", tiff(rowsperstrip=1, compression="lzw")),
    "as it is": ((70, 90), "float32", tiff()),
    "as it is, big-endian": ((70, 90), "uint16", tiff(byteorder=">")),
    "BigTIFF": ((70, 90), "uint8", tiff(bigtiff=True, tile=(32, 32))),
    "RGB": ((70, 90, 3), "uint8", tiff(photometric="rgb", tile=(32, 32))),
    "RGBA": ((70, 90, 4), "uint8", tiff(photometric="rgb", extrasamples=["unassalpha"])),
    "planar": (
        (3, 70, 90),
        "uint8",
        tiff(photometric="rgb", planarconfig="separate", tile=(32, 32)),
    ),
    "ImageJ": ((3, 2, 70, 90), "uint16", tiff(imagej=True, metadata={"axes": "ZCYX"})),
    "OME": (
        (2, 3, 70, 90),
        "uint16",
        tiff(ome=True, tile=(32, 32), metadata={"axes": "TCYX"}, compression="zlib"),
    ),
    "unnamed pages": ((6, 70, 90), "uint8", tiff(tile=(32, 32), photometric="minisblack")),
    "OME-Zarr 0.5": ((2, 3, 70, 90), "uint16", lambda p, a: ome_zarr(p, a, "TCYX", "0.5")),
    "OME-Zarr 0.4": ((4, 70, 90), "uint8", lambda p, a: ome_zarr(p, a, "ZYX", "0.4")),
}


def written(folder: Path, name: str) -> Path:
    shape, dtype, write = LAYOUTS[name]
    path = folder / ("image.zarr" if "Zarr" in name else "image.tif")
    write(path, values(*shape, dtype=dtype))
    return path


@pytest.mark.parametrize("name", LAYOUTS)
def test_windows_are_those_of_the_image_as_a_whole(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    whole = read_image(path)
    with open_image(path) as image:
        assert (image.axes, image.shape, image.size) == (whole.axes, whole.shape, whole.size)
        assert (image.pages, image.channels) == (whole.pages, whole.channels)
        assert (image.dtype, image.is_stack) == (whole.pixels.dtype, whole.is_stack)
        assert (image.pixel_size_um, image.reading) == (whole.pixel_size_um, whole.reading)
        for page in range(image.pages):
            for rows, columns in [((0, 70), (0, 90)), ((13, 41), (5, 77)), ((69, 70), (89, 90))]:
                found = image.read(page, rows, columns)
                assert found.dtype == whole.pixels.dtype
                assert np.array_equal(found, whole.pixels[page, :, slice(*rows), slice(*columns)])


def spans(side: int) -> st.SearchStrategy[tuple[int, int]]:
    """Draw (start, stop) within a side, not empty."""
    ends = st.tuples(st.integers(0, side - 1), st.integers(1, side))
    return ends.map(sorted).filter(lambda two: two[0] < two[1]).map(lambda two: (two[0], two[1]))


@settings(
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_windows_in_any_order_are_right(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "image.tif"
    array = values(300, 90)
    tifffile.imwrite(path, array, tile=(48, 32), compression="zlib")
    with open_image(path) as image:
        for _ in range(5):
            rows, columns = (data.draw(spans(side)) for side in array.shape)
            expected = array[rows[0] : rows[1], columns[0] : columns[1]]
            assert np.array_equal(image.read(0, rows, columns)[0], expected)


@pytest.mark.parametrize("name", ["tiles", "strips", "OME-Zarr 0.5"])
def test_blocks_are_the_page_from_top_to_bottom(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    with open_image(path) as image:
        found = np.concatenate(list(image.blocks(0)), axis=1)
    assert np.array_equal(found, read_image(path).pixels[0])


def test_a_tile_is_decoded_once_where_windows_come_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, values(640, 64), tile=(64, 64), compression="zlib")
    decoded: list[int] = []
    original: Any = vars(tifffile.TiffPage)["decode"]

    def counting(page: Any) -> Any:  # noqa: ANN401 - as of tifffile
        decode = original.__get__(page)

        def once(data: Any, index: int, **more: Any) -> Any:  # noqa: ANN401
            decoded.append(index)
            return decode(data, index, **more)

        return once

    monkeypatch.setattr(tifffile.TiffPage, "decode", property(counting))
    with open_image(path) as image:
        for row in range(0, 632, 8):
            image.read(0, (row, row + 16), (0, 64))
    assert sorted(decoded) == list(range(10))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_pixel_size_of_an_ome_zarr_is_told(tmp_path: Path, version: str) -> None:
    ome_zarr(tmp_path / "image.zarr", values(2, 40, 40), "CYX", version)
    image = read_image(tmp_path / "image.zarr")
    assert image.pixel_size_um == (0.5, 0.5)
    assert image.reading == (
        "axes CYX from OME metadata, 1 page of 40x40, 2 channels, uint8, 0.5 um/px"
    )


def test_a_plain_zarr_array_is_an_image(tmp_path: Path) -> None:
    array = values(3, 40, 50)
    zarr.create_array(tmp_path / "plain.zarr", data=array, chunks=(1, 16, 16))
    assert read_image(tmp_path / "plain.zarr").reading.startswith(
        "axes PYX guessed from unnamed axes, 3 pages of 40x50"
    )
    assert read_image(tmp_path / "plain.zarr", axes="CYX").channels == 3


def test_a_folder_of_zarrs_holds_images(tmp_path: Path) -> None:
    for name in ("b.ome.zarr", "a.zarr"):
        ome_zarr(tmp_path / name, values(20, 20), "YX", "0.5")
    (tmp_path / "other").mkdir()
    tifffile.imwrite(tmp_path / "c.tif", values(9, 9))
    assert [path.name for path in find_images(tmp_path)] == ["a.zarr", "b.ome.zarr", "c.tif"]
    assert find_images(tmp_path / "a.zarr") == [tmp_path / "a.zarr"]


def test_a_chunk_that_is_missing_is_no_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.zarr"
    ome_zarr(path, values(40, 40) + 1, "YX", "0.5")
    (path / "0" / "c" / "1" / "2").unlink()
    told = r"image\.zarr: lacks 1 of its 9 chunks; copy it again; .*OVERTILE_EMPTY_CHUNKS=zero"
    with pytest.raises(ImageError, match=told):
        read_image(path)
    with pytest.raises(ImageError, match=told):
        open_image(path)
    monkeypatch.setenv(EMPTY_VARIABLE, "zero")
    assert (read_image(path).pixels[0, 0, 16:32, 32:] == 0).all()


def test_a_codec_that_could_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.zarr"
    zarr.create_array(path, data=values(20, 20), chunks=(20, 20), zarr_format=2)
    record = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps(record | {"filters": [{"id": "pickle"}]}))
    canary = tmp_path / "canary"
    (path / "0.0").write_bytes(f"cos\nsystem\n(S'touch {canary}'\ntR.".encode())
    with pytest.raises(ImageError, match=r"evil\.zarr: "):
        read_image(path)
    assert not canary.exists()


def test_a_damaged_chunk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "image.zarr"
    ome_zarr(path, values(40, 40), "YX", "0.5")
    (path / "0" / "c" / "0" / "0").write_bytes(b"no chunk")
    with open_image(path) as image, pytest.raises(ImageError, match=r"image\.zarr: cannot be deco"):
        image.read(0, (0, 9), (0, 9))


def test_a_group_without_an_image_says_what_to_name(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "group.zarr", mode="w").create_array(
        "0", shape=(9, 9), dtype="uint8"
    )
    with pytest.raises(ImageError, match=r"group\.zarr: is a Zarr group without .*IMAGE\.zarr/0"):
        read_image(tmp_path / "group.zarr")


def test_pixels_that_are_no_numbers_are_refused_window_by_window(tmp_path: Path) -> None:
    array = values(200, 60, dtype="float32")
    array[150, 3] = np.nan
    tifffile.imwrite(tmp_path / "image.tif", array, tile=(32, 32))
    with open_image(tmp_path / "image.tif") as image:
        image.read(0, (0, 60), (0, 60))
        with pytest.raises(
            ImageError, match=r"holds 1 NaN or infinite pixels, the first on page 0"
        ):
            image.read(0, (130, 160), (0, 60))


def test_one_large_strip_is_refused_above_what_is_allowed(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values(500, 500), rowsperstrip=500, compression="zlib")
    told = r"a\.tif: takes 0\.00025 GB for the least that can be read of it, 500 rows; .*--memory"
    with pytest.raises(ImageError, match=told):
        open_image(tmp_path / "a.tif", largest_bytes=100_000)


PEAK = """
import resource, sys
from overtile.io.region import open_image
with open_image(sys.argv[1]) as image:
    total = sum(int(block.sum()) for block in image.blocks(0))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told in other units elsewhere")
def test_memory_does_not_grow_with_the_height_of_the_image(tmp_path: Path) -> None:
    peaks = []
    for height in (1024, 16_384):
        path = tmp_path / f"{height}.tif"
        array = np.zeros((height, 2048), np.uint8)
        tifffile.imwrite(path, array, tile=(256, 256), compression="zlib")
        ended = subprocess.run(
            [sys.executable, "-c", PEAK, str(path)], check=True, stdout=subprocess.PIPE
        )
        peaks.append(int(ended.stdout))
    assert peaks[1] - peaks[0] < 10  # MB; the taller image has 31 MB more
