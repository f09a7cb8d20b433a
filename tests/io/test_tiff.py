from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from overtile.arrays import Pixels
from overtile.errors import ImageError
from overtile.io import read_image

STACK = np.arange(5 * 6 * 7).reshape(5, 6, 7)
PLANE = STACK[0]


def tiff(folder: Path, array: Pixels, name: str = "a.tif", **options: Any) -> Path:  # noqa: ANN401 - as tifffile has them
    path = folder / name
    tifffile.imwrite(path, array, **{"photometric": "minisblack", **options})
    return path


@pytest.mark.parametrize(
    "dtype",
    ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">u2", ">i4", ">f4"],
)
def test_every_real_dtype_keeps_its_values_in_native_order(tmp_path: Path, dtype: str) -> None:
    values = (PLANE % 100).astype(dtype)
    image = read_image(tiff(tmp_path, values, byteorder=">" if dtype[0] == ">" else "<"))
    assert image.pixels.dtype == values.dtype.newbyteorder("=")
    assert image.pixels.dtype.isnative
    assert np.array_equal(image.pixels[0, 0], values)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "zstd"},
        {"tile": (16, 16)},
        {"bigtiff": True},
        {"byteorder": ">"},
    ],
    ids=str,
)
def test_tiff_flavours_hold_the_same_pixels(tmp_path: Path, options: dict[str, Any]) -> None:
    assert np.array_equal(
        read_image(tiff(tmp_path, STACK.astype(np.uint16), **options)).pixels[:, 0], STACK
    )


def test_unnamed_pages_are_called_a_guess(tmp_path: Path) -> None:
    image = read_image(tiff(tmp_path, STACK.astype(np.uint8)))
    assert (image.axes, image.pages, image.channels, image.is_stack) == ("PYX", 5, 1, True)
    assert image.reading == (
        "axes PYX guessed from unnamed pages, 5 pages of 6x7, 1 channel, uint8"
    )


def test_few_pages_come_with_advice_for_channels(tmp_path: Path) -> None:
    path = tiff(tmp_path, STACK[:3].astype(np.uint16))
    assert read_image(path).pages == 3
    assert "--axes CYX reads the pages as channels" in read_image(path).reading
    assert read_image(path, axes="CYX").pixels.shape == (1, 3, 6, 7)


def test_pages_saved_one_by_one_are_a_stack(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in STACK.astype(np.uint8):
            writer.write(page, metadata=None, contiguous=False)
    assert np.array_equal(read_image(path).pixels[:, 0], STACK)


def test_imagej_hyperstack_folds_time_and_slices_into_pages(tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 2 * 6 * 7, dtype=np.uint16).reshape(2, 3, 2, 6, 7)
    path = tiff(
        tmp_path,
        values,
        imagej=True,
        metadata={"axes": "TZCYX", "unit": "micron"},
        resolution=(1 / 0.065, 1 / 0.13),
    )
    image = read_image(path)
    assert (image.axes, image.shape) == ("TZCYX", (2, 3, 2, 6, 7))
    assert image.pixel_size_um == (0.13, 0.065)
    assert np.array_equal(image.pixels, values.reshape(6, 2, 6, 7))
    assert image.reading == (
        "axes TZCYX from ImageJ metadata, 6 pages of 6x7, 2 channels, uint16, "
        "0.13 x 0.065 um/px (y, x)"
    )


@pytest.mark.parametrize(("unit", "factor"), [("nm", 1e-3), ("\\u00B5m", 1), ("mm", 1e3)])
def test_imagej_units_become_micrometres(tmp_path: Path, unit: str, factor: float) -> None:
    path = tiff(
        tmp_path,
        PLANE.astype(np.uint8),
        imagej=True,
        metadata={"unit": unit},
        resolution=(0.5, 0.5),
    )
    assert read_image(path).pixel_size_um == (2 * factor, 2 * factor)


@pytest.mark.parametrize("axes", ["ZCYX", "CZYX", "TCYX"])
def test_ome_axes_and_pixel_size_are_believed(tmp_path: Path, axes: str) -> None:
    values = np.arange(3 * 2 * 6 * 7, dtype=np.float32).reshape(3, 2, 6, 7)
    metadata = {"axes": axes, "PhysicalSizeX": 65.0, "PhysicalSizeXUnit": "nm"}
    metadata |= {"PhysicalSizeY": 0.065, "PhysicalSizeYUnit": "µm"}
    image = read_image(tiff(tmp_path, values, ome=True, metadata=metadata))
    expected = values if axes[1] == "C" else values.swapaxes(0, 1)
    assert image.axes == axes
    assert image.pixel_size_um == (0.065, 0.065)
    assert np.array_equal(image.pixels, expected)
    assert image.reading.startswith(f"axes {axes} from OME metadata, ")
    assert image.reading.endswith("float32, 0.065 um/px")


def test_pixels_per_centimetre_are_a_pixel_size(tmp_path: Path) -> None:
    path = tiff(
        tmp_path, PLANE.astype(np.uint8), resolution=(20000, 10000), resolutionunit="CENTIMETER"
    )
    assert read_image(path).pixel_size_um == (1.0, 0.5)


@pytest.mark.parametrize(
    ("resolution", "unit"), [((72, 72), "INCH"), ((28.35, 28.35), "CENTIMETER"), ((1, 1), "NONE")]
)
def test_dots_per_inch_of_a_printer_are_no_pixel_size(
    tmp_path: Path, resolution: tuple[float, float], unit: str
) -> None:
    path = tiff(tmp_path, PLANE.astype(np.uint8), resolution=resolution, resolutionunit=unit)
    assert read_image(path).pixel_size_um is None


def test_first_of_several_series_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PLANE.astype(np.uint8))
        writer.write(np.zeros((9, 9), np.uint8))
    image = read_image(path)
    assert image.shape == (6, 7)
    assert "the first of 2 series, the others are left out" in image.reading


def test_pyramid_levels_are_not_series(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.ones((64, 64), np.uint8), subifds=1, metadata=None)
        writer.write(np.ones((32, 32), np.uint8), subfiletype=1, metadata=None)
    image = read_image(path)
    assert image.shape == (64, 64)
    assert "series" not in image.reading


def test_interleaved_and_planar_rgb_are_three_channels(tmp_path: Path) -> None:
    colours = np.arange(6 * 7 * 3, dtype=np.uint8).reshape(6, 7, 3)
    contiguous = read_image(tiff(tmp_path, colours, "a.tif", photometric="rgb"))
    planar = read_image(
        tiff(
            tmp_path,
            colours.transpose(2, 0, 1),
            "b.tif",
            photometric="rgb",
            planarconfig="separate",
        )
    )
    assert (contiguous.axes, planar.axes) == ("YXC", "CYX")
    assert np.array_equal(contiguous.pixels, colours.transpose(2, 0, 1)[None])
    assert np.array_equal(contiguous.pixels, planar.pixels)
    assert "--axes ZYX reads the planes as pages" in planar.reading


def test_alpha_of_a_tiff_is_left_out_and_said(tmp_path: Path) -> None:
    colours = np.arange(6 * 7 * 4, dtype=np.uint8).reshape(6, 7, 4)
    image = read_image(tiff(tmp_path, colours, photometric="rgb", extrasamples=["unassalpha"]))
    assert np.array_equal(image.pixels[0], colours[..., :3].transpose(2, 0, 1))
    assert "its alpha channel is left out" in image.reading


def test_fourth_sample_of_no_stated_meaning_is_data(tmp_path: Path) -> None:
    values = np.arange(6 * 7 * 4, dtype=np.uint8).reshape(6, 7, 4)
    path = tiff(tmp_path, values, planarconfig="contig", extrasamples=["unspecified"] * 3)
    assert read_image(path).channels == 4


def test_four_planes_that_tifffile_calls_rgba_are_all_kept(tmp_path: Path) -> None:
    values = np.arange(4 * 6 * 7, dtype=np.uint8).reshape(4, 6, 7)
    options: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}
    options["extrasamples"] = ["unassalpha"]
    path = tiff(tmp_path, values, **options)
    assert np.array_equal(read_image(path, axes="ZYX").pixels[:, 0], values)
    assert np.array_equal(read_image(path).pixels[0], values)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
@pytest.mark.parametrize("one_strip", [True, False])
def test_a_tiff_cut_anywhere_is_refused(
    tmp_path: Path, compression: str | None, one_strip: bool
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (6, 64, 64)).astype(np.uint8)
    rows = 64 if one_strip else 8
    path = tiff(tmp_path, noise, compression=compression, rowsperstrip=rows)
    whole = path.read_bytes()
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ImageError):
            read_image(path)


def test_strips_that_were_never_written_are_refused(tmp_path: Path) -> None:
    path = tiff(tmp_path, PLANE.astype(np.uint8), compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["StripByteCounts"].overwrite([0])
    with pytest.raises(ImageError, match="1 of 1 strips or tiles of page 0 are missing"):
        read_image(path)


def test_tifffile_is_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tiff(tmp_path, STACK.astype(np.uint8), compression="zlib")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ImageError):
        read_image(path)
    assert caplog.records == []
