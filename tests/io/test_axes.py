from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from overtile.arrays import Pixels
from overtile.errors import ImageError
from overtile.io import read_image
from overtile.io.axes import fold, tidy

STACK = np.arange(5 * 6 * 7).reshape(5, 6, 7)


def tiff(folder: Path, array: Pixels, name: str = "a.tif", **options: Any) -> Path:  # noqa: ANN401 - as tifffile has them
    path = folder / name
    tifffile.imwrite(path, array, **{"photometric": "minisblack", **options})
    return path


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
