"""Label images that cannot mean what they should: each must be found by `overtile check`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from scipy import ndimage

from faults.place import (
    PAIRS,
    Array,
    Case,
    Cases,
    both,
    draw,
    draw_each,
    each,
    grey,
    one,
    pair,
    tif,
    write,
)

_NAME = "labels/cell1.tif"
_INTEGER = "save one integer per pixel"
_NEITHER = ("labels: values ", "neither objects nor classes", "not exchanged")


def _binary(labels: Array) -> Array:
    return np.where(labels > 0, 255, 0).astype(np.uint8)


def _jpeg(array: Array) -> Array:
    """Give what JPEG makes of values, as somebody saves it again without loss."""
    file = io.BytesIO()
    grey(array).save(file, "JPEG", quality=90)
    return np.asarray(Pillow.open(file))


def _coloured(colours: int) -> Callable[[Array], Pillow.Image]:
    table = np.random.default_rng(0).integers(1, 255, (colours + 1, 3)).astype(np.uint8)
    table[0] = 0
    return lambda labels: Pillow.fromarray(table[labels % (colours + 1)])


def _outlined(labels: Array) -> Pillow.Image:
    picture = np.dstack([pair(1)[0]] * 3)
    picture[ndimage.binary_erosion(labels > 0) ^ (labels > 0)] = (255, 255, 0)
    return Pillow.fromarray(picture)


def _smoothed(labels: Array) -> Array:
    """Resize to half and back with smoothing, as image programs do."""
    small = Pillow.fromarray(_binary(labels)).resize((20, 24), Pillow.Resampling.BICUBIC)
    return np.asarray(small.resize((40, 48), Pillow.Resampling.BICUBIC))


def class_map(labels: Array) -> Array:
    """Three kinds of specks, as a tissue classifier draws them."""
    coarse = np.random.default_rng(int(labels.sum())).choice(4, (16, 14), p=[0.4, 0.2, 0.2, 0.2])
    return np.kron(coarse, np.ones((3, 3), int))[:48, :40].astype(np.uint8)


def _exchanged(place: Path) -> None:
    (place / "images").rename(place / "other")
    (place / "labels").rename(place / "images")
    (place / "other").rename(place / "labels")


def _images_in_both(place: Path) -> None:
    for number in range(PAIRS):
        write(place / "labels" / f"cell{number}.tif", pair(number)[0])


FAULTS: Cases = {
    "no foreground at all": Case(
        spoil=each("labels", np.zeros_like),
        told=("labels: no label image has any foreground (3 looked at", "0 means background"),
    ),
    "foreground all over": Case(
        spoil=each("labels", np.ones_like),
        told=("cell0.tif: its labels, and those of all images, have no background", "0 means"),
    ),
    "255 all over": Case(
        spoil=each("labels", lambda a: np.full_like(a, 255)),
        told=("cell0.tif: its labels", "the lowest value is 255", "0 means background"),
    ),
    "classes that count from 1": Case(
        spoil=each("labels", lambda a: 1 + class_map(a)),
        told=("cell0.tif: its labels", "the lowest value is 1", "0 means background"),
    ),
    "background 1 and foreground 2, as ilastik writes": Case(
        spoil=each("labels", lambda a: 1 + (class_map(a) > 1).astype(np.uint8)),
        told=("cell0.tif: its labels", "the lowest value is 1", "0 means background"),
    ),
    "negative ids": Case(
        spoil=one(_NAME, lambda a: -a.astype(np.int16)),
        told=("labels/cell1.tif: holds ", "pixels that are negative", "positive ids"),
    ),
    "minus one for background": Case(
        spoil=each("labels", lambda a: a.astype(np.int16) - 1),
        told=("labels/cell0.tif: holds ", "are negative", "use 0 for background"),
    ),
    "negative ids of 8 bit": Case(
        spoil=one(_NAME, lambda a: np.where(a > 0, -1, 0).astype(np.int8)),
        told=("labels/cell1.tif: holds ", "are negative", "positive ids"),
    ),
    "probabilities": Case(
        spoil=one(_NAME, lambda a: ndimage.gaussian_filter((a > 0).astype(np.float32), 2)),
        told=("labels/cell1.tif: holds ", "are fractions", _INTEGER),
    ),
    "halves": Case(
        spoil=one(_NAME, lambda a: a / 2), told=("labels/cell1.tif: holds ", "fractions", _INTEGER)
    ),
    "NaN for background": Case(
        spoil=one(_NAME, lambda a: np.where(a > 0, a, np.nan).astype(np.float32)),
        told=("labels/cell1.tif: holds ", "are NaN or infinite", "replace them by 0"),
    ),
    "infinite id": Case(
        spoil=one(_NAME, lambda a: np.where(a > 1, np.inf, a).astype(np.float32)),
        told=("labels/cell1.tif: holds ", "are NaN or infinite", "replace them by 0"),
    ),
    "ids beyond 32 bit": Case(
        spoil=one(_NAME, lambda a: a.astype(np.uint64) << np.uint64(33)),
        told=("labels/cell1.tif: holds ", "exceed 4294967295", "renumber"),
    ),
    "float ids beyond 32 bit": Case(
        spoil=one(_NAME, lambda a: a.astype(np.float32) * 1e10),
        told=("labels/cell1.tif: holds ", "exceed 4294967295", "renumber"),
    ),
    "complex labels": Case(
        spoil=one(_NAME, lambda a: a.astype(np.complex64)),
        told=("labels/cell1.tif: holds complex64 pixels", "save real numbers"),
    ),
    "red and blue mask": Case(
        spoil=draw("labels/cell1.png", _coloured(2)),
        told=("labels/cell1.png: is a coloured mask with 3 colours", _INTEGER),
    ),
    "a colour for each object": Case(
        spoil=draw_each("labels", ".png", _coloured(30)),
        told=("labels/cell0.png: is a coloured mask with", _INTEGER),
    ),
    "red mask with alpha": Case(
        spoil=draw("labels/cell1.png", lambda a: _coloured(1)(a).convert("RGBA")),
        told=("labels/cell1.png: is a coloured mask with 2 colours", _INTEGER),
    ),
    "outlines drawn on the image": Case(
        spoil=draw("labels/cell1.png", _outlined),
        told=("labels/cell1.png: is a coloured mask with", _INTEGER),
    ),
    "two channels of labels": Case(
        spoil=one(_NAME, lambda a: np.stack([a, a]), imagej=True, metadata={"axes": "CYX"}),
        told=("labels/cell1.tif: has 2 channels where labels have one", "--axes ZYX"),
    ),
    "a page for each object": Case(
        spoil=one(_NAME, lambda a: np.stack([(a == i + 1).astype(np.uint8) for i in range(6)])),
        told=("cell1.tif: has 1 pages, its labels cell1.tif have 6", "as many label pages"),
    ),
    "labels saved as JPEG": Case(
        spoil=draw("labels/cell1.jpg", lambda a: grey(20 * a), quality=80),
        told=("labels/cell1.jpg: is a JPEG with", "as PNG or TIFF"),
    ),
    "black and white mask saved as JPEG": Case(
        spoil=draw("labels/cell1.jpg", lambda a: grey(_binary(a)), quality=80),
        told=("labels/cell1.jpg: is a JPEG with", "as PNG or TIFF"),
    ),
    "mask that once was a JPEG": Case(
        spoil=each("labels", lambda a: _jpeg(_binary(a))),
        told=("labels: values", "black-and-white mask that was smeared", "without loss"),
    ),
    "mask resized with smoothing": Case(
        spoil=each("labels", _smoothed), told=("labels: values ", "; ")
    ),
    "ids smeared by smoothing": Case(
        spoil=each("labels", lambda a: ndimage.uniform_filter(a * 20, 3)), told=_NEITHER
    ),
    "images and labels exchanged": Case(spoil=_exchanged, told=_NEITHER),
    "images in both places": Case(
        spoil=_images_in_both, told=("cell0.tif: its labels are the image itself", "label images")
    ),
    "one image among the labels": Case(
        spoil=tif(_NAME, pair(1)[0]), told=("cell1.tif: its labels are the image itself", "give")
    ),
    "images of 16 bit as labels": Case(
        spoil=each("labels", lambda a: np.random.default_rng(0).integers(0, 60_000, a.shape, "u2")),
        told=_NEITHER,
    ),
    "classes in grey levels 0, 127 and 255": Case(
        spoil=each("labels", lambda a: np.array([0, 127, 255, 255], np.uint8)[class_map(a)]),
        told=_NEITHER,
    ),
    "classes with 255 for what nobody knows": Case(
        spoil=each("labels", lambda a: np.array([0, 1, 2, 255], np.uint8)[class_map(a)]),
        told=_NEITHER,
    ),
    "black and white mask read as classes": Case(
        spoil=each("labels", _binary),
        options=("--labels", "classes"),
        told=("labels: values 255 as class indices would make 256 classes", "--labels binary"),
    ),
    "objects read as classes": Case(
        spoil=each("labels", lambda a: a.astype(np.uint16) * 1_000),
        options=("--labels", "classes"),
        told=("as class indices would make", "number the classes 0, 1, 2"),
    ),
    "the same labels for two images": Case(
        spoil=tif(_NAME, pair(0)[1]),
        told=("cell1.tif: is another image with the same labels as cell0.tif", "mend or remove"),
    ),
    "two labels for the same image": Case(
        spoil=tif("images/cell1.tif", pair(0)[0]),
        told=("cell1.tif: is the same image with other labels as cell0.tif", "mend or remove"),
    ),
    "labels turned by 90 degrees": Case(
        spoil=one(_NAME, np.rot90), told=("image is 48x40 px, its labels 40x48 px", "same size")
    ),
    "labels of one row less": Case(
        spoil=one(_NAME, lambda a: a[:-1]), told=("48x40 px, its labels 47x40 px", "same size")
    ),
    "labels of half the size": Case(
        spoil=each("labels", lambda a: a[::2, ::2]),
        told=("cell0.tif: the image is 48x40 px, its labels 24x20 px", "same size"),
    ),
    "two files spoilt in two ways": Case(
        spoil=both(tif("images/cell2.tif", np.zeros((48, 40))), one(_NAME, np.rot90)),
        told=("cell1.tif: the image is 48x40 px, its labels 40x48 px", "same size"),
    ),
}
