"""Three good pairs of 48 x 40 pixels, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.data.synthetic import generate

Spoil = Callable[[Path], object]
Array = NDArray[Any]

SIZE = (48, 40)
PAIRS = 3


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing done to a good place, and what must come of it."""

    spoil: Spoil
    told: tuple[str, ...]
    """Words that must stand in the one line about a fault, or in what is told of an oddity."""

    options: tuple[str, ...] = ()
    """Of the command."""

    places: tuple[str, str] = ("images", "labels")
    """What the user gives."""


Cases = Mapping[str, Case]


def make(place: Path) -> None:
    """Write ``images/cell0.tif`` … and ``labels/cell0.tif`` …: grey values and instance ids."""
    for side in ("images", "labels"):
        (place / side).mkdir(parents=True)
    for number in range(PAIRS):
        pixels, labels = pair(number)
        write(place / "images" / f"cell{number}.tif", pixels)
        write(place / "labels" / f"cell{number}.tif", labels)


@cache
def pair(number: int) -> tuple[Array, Array]:
    """Give grey values of 8 bit and labels of 16 bit."""
    # Membranes keep objects apart, so that good labels raise no note.
    pixels, labels = generate("membranes", (64, 64), np.random.default_rng(number))
    height, width = SIZE
    _, ids = np.unique(labels[:height, :width], return_inverse=True)
    return pixels[:height, :width], ids.reshape(SIZE).astype(np.uint16)


def write(path: Path, array: Any, **options: Any) -> None:  # noqa: ANN401 - those of tifffile
    """Write an array as it is."""
    tifffile.imwrite(path, array, **{"photometric": "minisblack", **options})


def put(name: str, content: bytes) -> Spoil:
    """Write bytes in the place of a file."""
    return lambda place: (place / name).write_bytes(content)


def cut(name: str, size: int) -> Spoil:
    """Keep the first bytes of a file only."""
    return lambda place: (place / name).write_bytes((place / name).read_bytes()[:size])


def tif(name: str, array: Any, **options: Any) -> Spoil:  # noqa: ANN401 - those of tifffile
    """Write an array in the place of a file."""
    return lambda place: write(place / name, array, **options)


def each(side: str, change: Callable[[Array], Any], **options: Any) -> Spoil:  # noqa: ANN401
    """Change the values of all images or all labels."""

    def spoil(place: Path) -> None:
        for number in range(PAIRS):
            array = pair(number)[side == "labels"]
            write(place / side / f"cell{number}.tif", change(array), **options)

    return spoil


def one(name: str, change: Callable[[Array], Any], **options: Any) -> Spoil:  # noqa: ANN401
    """Change the values of one file, such as ``labels/cell1.tif``."""

    def spoil(place: Path) -> None:
        array = pair(int(name[-5]))[name.startswith("labels")]
        write(place / name, change(array), **options)

    return spoil


def draw(name: str, change: Callable[[Array], Pillow.Image], **options: Any) -> Spoil:  # noqa: ANN401
    """Save one file by Pillow, as the format that its new end says, and remove the TIFF."""

    def spoil(place: Path) -> None:
        array = pair(int(Path(name).stem[-1]))[name.startswith("labels")]
        (place / name).with_suffix(".tif").unlink()
        change(array).save(place / name, **options)

    return spoil


def draw_each(
    side: str,
    end: str,
    change: Callable[[Array], Pillow.Image],
    **options: Any,  # noqa: ANN401 - those of Pillow
) -> Spoil:
    """Save all images or labels by Pillow."""
    names = [f"{side}/cell{number}{end}" for number in range(PAIRS)]
    return both(*(draw(name, change, **options) for name in names))


def rename(old: str, new: str) -> Spoil:
    """Rename a file, within the place."""

    def spoil(place: Path) -> None:
        (place / new).parent.mkdir(exist_ok=True)
        (place / old).rename(place / new)

    return spoil


def remove(name: str) -> Spoil:
    """Remove a file."""
    return lambda place: (place / name).unlink()


def both(*spoils: Spoil) -> Spoil:
    """Do one after the other."""
    return lambda place: [spoil(place) for spoil in spoils]


def grey(array: Array) -> Pillow.Image:
    """Make a picture of values up to 255."""
    return Pillow.fromarray(array.astype(np.uint8))


def rgb(array: Array) -> Pillow.Image:
    """Make a coloured picture of grey values."""
    values = array.astype(np.uint8)
    return Pillow.fromarray(np.dstack([values, values // 2, 255 - values]))


def nothing(place: Path) -> None:
    """Leave the place as it is."""
