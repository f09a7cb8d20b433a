from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overtile.arrays import Labels
from overtile.errors import ImageError, OutputError
from overtile.io import (
    Image,
    read_image,
    read_labels,
    result_path,
    write_labels,
    write_map,
    write_probabilities,
)


def image(
    axes: str = "YX",
    shape: tuple[int, ...] = (6, 7),
    pixel_size_um: tuple[float, float] | None = (0.13, 0.065),
) -> Image:
    pages = int(np.prod([n for axis, n in zip(axes, shape, strict=True) if axis in "PZT"]))
    return Image(
        pixels=np.zeros((pages, 1, *shape[-2:]), np.uint8),
        axes=axes,
        shape=shape,
        pixel_size_um=pixel_size_um,
        path=Path("a.tif"),
        reading="",
    )


def numbered(like: Image, step: int = 1) -> Labels:
    count = like.pages * like.size[0] * like.size[1]
    return (np.arange(count, dtype=np.uint32) * step).reshape(like.pages, *like.size)


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [(0, "u1"), (255, "u1"), (256, "u2"), (65535, "u2"), (65536, "u4"), (2**32 - 1, "u4")],
)
def test_labels_are_stored_in_the_smallest_type_that_holds_them(
    tmp_path: Path, largest: int, dtype: str
) -> None:
    labels = np.zeros((1, 6, 7), np.uint32)
    labels[0, 2, 3] = largest
    path = tmp_path / "a.tif"
    write_labels(path, labels, like=image())
    with tifffile.TiffFile(path) as file:
        assert (file.series[0].dtype, file.series[0].axes) == (np.dtype(dtype), "YX")
        assert file.is_imagej == (dtype != "u4")
        assert file.is_ome == (dtype == "u4")
    again = read_labels(path)
    assert np.array_equal(again.pixels[:, 0], labels)
    assert again.pixel_size_um == (0.13, 0.065)


@pytest.mark.parametrize("step", [1, 1000], ids=["ImageJ", "OME"])
@pytest.mark.parametrize(
    ("axes", "shape", "written"),
    [
        ("YX", (6, 7), "YX"),
        ("YXC", (6, 7, 3), "YX"),
        ("ZYX", (3, 6, 7), "ZYX"),
        ("TYX", (4, 6, 7), "TYX"),
        ("PYX", (3, 6, 7), "ZYX"),
        ("TZCYX", (2, 3, 2, 6, 7), "TZYX"),
        ("ZTYX", (2, 3, 6, 7), "ZTYX"),
        ("PZYX", (2, 3, 6, 7), "TZYX"),
        ("TPYX", (2, 3, 6, 7), "TZYX"),
        ("PTZYX", (2, 2, 2, 6, 7), "ZYX"),
    ],
)
def test_page_axes_of_labels_survive(
    tmp_path: Path, axes: str, shape: tuple[int, ...], written: str, step: int
) -> None:
    like = image(axes, shape)
    if axes == "YXC":
        like = Image(**{**vars(like), "pixels": np.zeros((1, 3, 6, 7))})
    labels = numbered(like, step)
    write_labels(tmp_path / "a.tif", labels, like=like)
    again = read_labels(tmp_path / "a.tif")
    assert again.axes == written
    assert np.array_equal(again.pixels[:, 0], labels)
    assert again.pixel_size_um == (0.13, 0.065)


@pytest.mark.parametrize("pages", [2, 3, 4])
def test_few_pages_of_labels_are_not_taken_for_colours(tmp_path: Path, pages: int) -> None:
    like = image("PYX", (pages, 6, 7))
    write_labels(tmp_path / "a.tif", numbered(like), like=like)
    assert read_labels(tmp_path / "a.tif").pages == pages


def test_an_unknown_pixel_size_stays_unknown(tmp_path: Path) -> None:
    for step in (1, 10000):
        like = image(pixel_size_um=None)
        write_labels(tmp_path / "a.tif", numbered(like, step), like=like)
        assert read_labels(tmp_path / "a.tif").pixel_size_um is None


def test_equal_results_are_equal_files(tmp_path: Path) -> None:
    for step in (1, 10000):
        for name in ("a.tif", "b.tif"):
            write_labels(tmp_path / name, numbered(image(), step), like=image())
        assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_labels_are_compressed(tmp_path: Path) -> None:
    like = image("YX", (512, 512))
    write_labels(tmp_path / "a.tif", np.zeros((1, 512, 512), np.uint32), like=like)
    assert (tmp_path / "a.tif").stat().st_size < 512 * 512 / 20


@settings(max_examples=40, deadline=None)
@given(
    labels=arrays(
        np.uint32,
        st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
        elements=st.integers(0, 300) | st.integers(0, 2**32 - 1),
    )
)
def test_any_labels_survive_writing_and_reading(
    labels: Labels, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("labels") / "a.tif"
    pages = labels.shape[0]
    like = image("ZYX" if pages > 1 else "YX", labels.shape[pages == 1 :])
    write_labels(path, labels, like=like)
    assert np.array_equal(read_labels(path).pixels[:, 0], labels)


def test_probabilities_are_channels_of_each_page(tmp_path: Path) -> None:
    like = image("TYX", (3, 6, 7))
    values = np.random.default_rng(0).random((3, 2, 6, 7), np.float32)
    write_probabilities(tmp_path / "a.tif", values, like=like)
    again = read_image(tmp_path / "a.tif")
    assert again.axes == "TCYX"
    assert again.pixels.dtype == np.float32
    assert np.array_equal(again.pixels, values)
    assert again.pixel_size_um == (0.13, 0.065)
    assert "ImageJ" in again.reading


def test_foreground_is_one_channel(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((1, 6, 7), np.float32)
    write_map(tmp_path / "a.tif", values, like=image())
    again = read_image(tmp_path / "a.tif")
    assert again.axes == "YX"
    assert np.array_equal(again.pixels[:, 0], values)


@pytest.mark.parametrize("shape", [(2, 6, 7), (1, 7, 6)])
def test_labels_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="but the image has 1 of 6x7"):
        write_labels(tmp_path / "a.tif", np.zeros(shape, np.uint32), like=image())
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_labels(tmp_path / "none" / "a.tif", numbered(image()), like=image())


@pytest.mark.parametrize(
    ("name", "kind", "suffix", "expected"),
    [
        ("in/a.png", "labels", None, "out/a_labels.tif"),
        ("in/a.ome.tif", "probabilities", None, "out/a_probabilities.tif"),
        ("in/a.b.tif", "overlay", None, "out/a.b_overlay.png"),
        ("in/a.png", "labels", "_cp_masks", "out/a_cp_masks.tif"),
    ],
)
def test_results_are_named_after_their_image(
    name: str, kind: str, suffix: str | None, expected: str
) -> None:
    assert result_path(Path("out"), Path(name), kind, suffix) == Path(expected)
