from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from overtile.arrays import Pixels
from overtile.errors import LabelError
from overtile.io import read_labels

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
