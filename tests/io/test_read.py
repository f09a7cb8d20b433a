from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from overtile.arrays import Pixels
from overtile.errors import ImageError, LabelError, OvertileError
from overtile.io import read_image, read_labels
from overtile.io.axes import fold, tidy

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


def test_name_does_not_matter_content_does(tmp_path: Path) -> None:
    path = png(tmp_path, PLANE.astype(np.uint8)).rename(tmp_path / "wrong.tif")
    assert read_image(path).shape == (6, 7)


# Axes


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


def test_given_axes_come_first(tmp_path: Path) -> None:
    path = tiff(tmp_path, STACK.astype(np.uint8), imagej=True, metadata={"axes": "ZYX"})
    image = read_image(path, axes="cxy")
    assert np.array_equal(image.pixels[0], STACK.swapaxes(1, 2))
    assert (image.axes, image.shape) == ("CXY", (5, 6, 7))
    assert image.reading.startswith("axes CXY as given, 1 page of 7x6, 5 channels")


@pytest.mark.parametrize(
    ("axes", "fault"),
    [
        ("YX", "are 2 letters, but the image has shape \\(5, 6, 7\\)"),
        ("QYX", "hold Q; the image has shape \\(5, 6, 7\\)"),
        ("YYX", "name an axis twice; the image has shape \\(5, 6, 7\\)"),
        ("ZTX", "lack Y or X; the image has shape \\(5, 6, 7\\)"),
        ("", "lack Y or X"),
    ],
)
def test_axes_that_do_not_fit_are_refused_with_the_shape(
    tmp_path: Path, axes: str, fault: str
) -> None:
    with pytest.raises(ImageError, match=fault):
        read_image(tiff(tmp_path, STACK.astype(np.uint8)), axes=axes)


def test_several_unnamed_page_axes_fold_into_one() -> None:
    array, axes = tidy(np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6), "QCIYX")
    assert (axes, array.shape) == ("PCYX", (8, 3, 5, 6))
    assert array[1, 2, 0, 0] == 0 * 360 + 2 * 120 + 1 * 30


def test_samples_of_channels_are_channels() -> None:
    values = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    array, axes = tidy(values, "CYXS")
    assert (axes, array.shape) == ("CYX", (6, 4, 5))
    assert np.array_equal(array[4], values[1, :, :, 1])


def test_axes_of_length_one_go_but_rows_and_columns_stay() -> None:
    array, axes = tidy(np.zeros((1, 1, 1, 1)), "TCYX")
    assert (axes, array.shape) == ("YX", (1, 1))
    assert fold(array, axes).shape == (1, 1, 1, 1)


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


# Colours


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
    path = tiff(tmp_path, values, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_image(path, axes="ZYX").pixels[:, 0], values)
    assert read_image(path).channels == 4


@pytest.mark.parametrize(("mode", "channels"), [("LA", 1), ("RGBA", 3), ("RGB", 3), ("L", 1)])
def test_alpha_of_a_png_is_left_out_and_said(tmp_path: Path, mode: str, channels: int) -> None:
    image = read_image(png(tmp_path, PLANE.astype(np.uint8), mode))
    assert image.channels == channels
    assert np.array_equal(image.pixels[0, 0], PLANE)
    assert ("alpha" in image.reading) == mode.endswith("A")


def test_sixteen_bit_png_keeps_all_bits_in_grey_and_colour(tmp_path: Path) -> None:
    import imagecodecs

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
    assert read_image(path).size == (8, 16)


def test_read_pixels_can_be_written_to(tmp_path: Path) -> None:
    for path in (png(tmp_path, PLANE.astype(np.uint8)), tiff(tmp_path, PLANE.astype(np.uint8))):
        assert read_image(path).pixels.flags.writeable


# What is refused


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
    with pytest.raises(ImageError, match="1 of 1 strips or tiles of page 1 are missing"):
        read_image(path)


@pytest.mark.parametrize("format_name", ["png", "jpg"])
def test_a_cut_png_or_jpeg_is_refused(tmp_path: Path, format_name: str) -> None:
    path = tmp_path / f"a.{format_name}"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    Pillow.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageError, match="cannot be decoded"):
        read_image(path)


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="holds complex64 pixels"):
        read_image(tiff(tmp_path, PLANE.astype(np.complex64)))


def test_nan_and_infinity_are_counted_with_their_page(tmp_path: Path) -> None:
    values = STACK.astype(np.float32)
    values[2, 0, 0], values[3, 0, 0] = np.nan, np.inf
    with pytest.raises(ImageError, match="holds 2 NaN or infinite pixels, the first on page 3"):
        read_image(tiff(tmp_path, values))


def test_too_large_an_image_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overtile.io.image.LARGEST_IMAGE_BYTES", 5 * 6 * 7 * 2 - 1)
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=r"its shape is \(5, 6, 7\); crop or split it"):
        read_image(tiff(tmp_path, STACK.astype(np.uint16)))


def test_decompression_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 30)
    with pytest.raises(ImageError, match="is too large"):
        read_image(png(tmp_path, PLANE.astype(np.uint8)))


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


def test_tifffile_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tiff(tmp_path, STACK.astype(np.uint8), compression="zlib")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ImageError):
        read_image(path)
    assert capfd.readouterr().err == ""


# Labels


def test_labels_are_read_as_stored(tmp_path: Path) -> None:
    labels = read_labels(tiff(tmp_path, (STACK * 300).astype(np.uint32)))
    assert labels.pixels.dtype == np.uint32
    assert np.array_equal(labels.pixels[:, 0], STACK * 300)


def test_whole_numbers_stored_as_float_are_ids(tmp_path: Path) -> None:
    assert read_labels(tiff(tmp_path, PLANE.astype(np.float32))).pixels.max() == 41


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (np.array([[-1, -1, 3]], np.int16), "holds 2 pixels that are negative"),
        (np.array([[0.5, 1, 3]], np.float32), "holds 1 pixels that are fractions"),
        (np.array([[np.nan, 1, np.inf]], np.float32), "holds 2 pixels that are NaN or infinite"),
        (np.array([[2**32, 1]], np.float32), "holds 1 pixels that exceed 4294967295"),
        (np.array([[2**32, 1]], np.int64), "holds 1 pixels that exceed 4294967295"),
    ],
)
def test_values_that_are_no_ids_are_counted(tmp_path: Path, values: Pixels, fault: str) -> None:
    with pytest.raises(LabelError, match=fault) as caught:
        read_labels(tiff(tmp_path, values))
    assert caught.value.remedy


def test_largest_id_passes(tmp_path: Path) -> None:
    assert (
        read_labels(tiff(tmp_path, np.array([[2**32 - 1]], np.uint32))).pixels.item() == 2**32 - 1
    )


def test_coloured_mask_is_refused_with_its_colours(tmp_path: Path) -> None:
    colours = np.zeros((2, 4, 3), np.uint8)
    colours[0, :, 0] = [10, 20, 30, 40]
    colours[1, :, 1] = [10, 20, 30, 40]
    with pytest.raises(LabelError, match="coloured mask with 8 colours") as caught:
        read_labels(png(tmp_path, colours))
    assert "(0, 10, 0), (0, 20, 0)" in caught.value.fault
    assert caught.value.fault.count("(") == 1 + 6
    assert "save one integer per pixel" in caught.value.remedy


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_grey_labels_saved_as_colour_are_grey(tmp_path: Path, mode: str) -> None:
    labels = read_labels(png(tmp_path, PLANE.astype(np.uint8), mode))
    assert np.array_equal(labels.pixels[0, 0], PLANE)
    assert (labels.axes, labels.shape) == ("YX", (6, 7))


def test_labels_of_two_channels_are_refused(tmp_path: Path) -> None:
    path = tiff(tmp_path, STACK[:2].astype(np.uint8))
    with pytest.raises(LabelError, match="has 2 channels where labels have one"):
        read_labels(path, axes="CYX")


def test_jpeg_labels_pass_only_if_two_values_survived(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Pillow.fromarray(np.kron([[0, 1]], np.full((8, 8), 255)).astype(np.uint8)).save(path)
    assert set(read_labels(path).pixels.flat) == {0, 255}
    Pillow.fromarray((STACK[:, 0] * 3).astype(np.uint8)).save(path)
    with pytest.raises(LabelError, match="JPEG alters ids"):
        read_labels(path)


# Damage


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
