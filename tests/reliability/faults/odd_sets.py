"""Unusual labels, names and sets that are accepted; `check` must tell how they were understood."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from faults.labels import class_map
from faults.place import (
    PAIRS,
    Array,
    Case,
    Cases,
    Spoil,
    both,
    draw_each,
    each,
    grey,
    nothing,
    one,
    pair,
    put,
    remove,
    rename,
    tif,
)


def _mask(array: Array) -> Array:
    return np.where(array > 0, 255, 0).astype(np.uint8)


def _table(array: Array) -> Pillow.Image:
    picture = grey(array)
    picture.putpalette(np.random.default_rng(0).permutation(768).astype(np.uint8).tobytes())
    return picture


def _rename_each(side: str, name: str) -> Spoil:
    return both(
        *(rename(f"{side}/cell{n}.tif", f"{side}/{name.format(n=n)}") for n in range(PAIRS))
    )


def _one_folder(place: Path) -> None:
    for number in range(PAIRS):
        name = f"cell{number}_mask.tif"
        shutil.move(place / "labels" / f"cell{number}.tif", place / "images" / name)


def _keep_one_pair(place: Path) -> None:
    for number in (1, 2):
        remove(f"images/cell{number}.tif")(place)
        remove(f"labels/cell{number}.tif")(place)


def _touching(array: Array) -> Array:
    labels = np.zeros_like(array)
    labels[4:20, 4:20], labels[4:20, 20:36] = 1, 2
    return labels


def _copy_pair(place: Path) -> None:
    for side in ("images", "labels"):
        shutil.copy(place / side / "cell1.tif", place / side / "copy.tif")


def _link(place: Path) -> None:
    for side in ("images", "labels"):
        (place / side / "cell1.tif").rename(place / f"{side}-elsewhere")
        (place / side / "cell1.tif").symlink_to(place / f"{side}-elsewhere")


def _inner_folders(place: Path) -> None:
    for side in ("images", "labels"):
        (place / side / ".ipynb_checkpoints").mkdir()


_STRAYS = (".DS_Store", "._cell1.tif", "Thumbs.db", "desktop.ini", ".~lock.x#", "notes.txt", "no")

ODDITIES: Cases = {
    "labels 0 and 255": Case(
        spoil=each("labels", _mask),
        told=("labels binary: values 0, 255, because 0 and 255 are the only ones",),
    ),
    "labels 0 and 1": Case(
        spoil=each("labels", lambda a: (a > 0).astype(np.uint8)),
        told=("labels binary: values 0, 1, because",),
    ),
    "labels of 1 bit": Case(
        spoil=draw_each("labels", ".png", lambda a: grey(_mask(a)).convert("1")),
        told=("labels binary: values 0, 1, because",),
    ),
    "labels true and false": Case(
        spoil=each("labels", lambda a: a > 0), told=("labels binary: values 0, 1, because",)
    ),
    "labels 0.0 and 1.0": Case(
        spoil=each("labels", lambda a: (a > 0).astype(np.float32)),
        told=("labels binary: values 0, 1, because",),
    ),
    "ids as whole floats": Case(
        spoil=each("labels", lambda a: a.astype(np.float64)), told=("labels instances: ids up to",)
    ),
    "ids of signed 8 bit": Case(
        spoil=each("labels", lambda a: a.astype(np.int8)), told=("labels instances: ids up to",)
    ),
    "ids of 16-bit PNG": Case(
        spoil=draw_each("labels", ".png", lambda a: Pillow.fromarray(a * np.uint16(300))),
        told=("labels instances: ids up to",),
    ),
    "ids above 65 535": Case(
        spoil=each("labels", lambda a: a.astype(np.uint32) * 100_000),
        told=("labels instances: ids up to ", "00000"),
    ),
    "ids in a colour table": Case(
        spoil=draw_each("labels", ".png", _table), told=("labels instances: ids up to",)
    ),
    "grey labels saved as RGB": Case(
        spoil=draw_each("labels", ".png", lambda a: grey(a).convert("RGB")),
        told=("labels instances: ids up to",),
    ),
    "grey labels with alpha": Case(
        spoil=draw_each("labels", ".png", lambda a: grey(a).convert("RGBA")),
        told=("3 of the label files: its alpha channel is left out, in cell0.png",),
    ),
    "ids 0, 2, 3": Case(
        spoil=one("labels/cell1.tif", lambda a: np.where(a == 1, 77, a)),
        told=("1 of the images: ids are not 1…n without gaps, which is fine, in cell1.tif",),
    ),
    "an empty page": Case(
        spoil=one("labels/cell1.tif", np.zeros_like),
        told=("1 of the images: no foreground in the labels of cell1.tif",),
    ),
    "one object in all": Case(
        spoil=each("labels", lambda a: (a == 1).astype(np.uint8)), told=("objects ",)
    ),
    "objects that touch": Case(
        spoil=one("labels/cell1.tif", _touching),
        told=("1 of the images: 1 pairs of objects touch, kept apart by a pixel",),
    ),
    "objects that fill one image": Case(
        spoil=one("labels/cell1.tif", lambda a: np.where(a > 0, a, 99)), told=("instances",)
    ),
    "masks of 1 beside masks of 255": Case(
        spoil=both(each("labels", _mask), one("labels/cell1.tif", lambda a: _mask(a) // 255)),
        told=("labels binary: values 0, 1, 255, because no image shows two of them",),
    ),
    "a class map": Case(
        spoil=each("labels", class_map),
        told=("labels classes: indices 0…3, because", "classes 4"),
    ),
    "a class map said to be one": Case(
        spoil=each("labels", class_map),
        options=("--labels", "classes"),
        told=("labels classes: indices 0…3, as asked",),
    ),
    "a class map said to be a mask": Case(
        spoil=each("labels", class_map),
        options=("--labels", "binary"),
        told=("labels binary: values 0, 1, 2, 3, as asked",),
    ),
    "ids said to be a mask": Case(
        spoil=nothing, options=("--labels", "binary"), told=("labels binary: ", "as asked")
    ),
    "a mask said to be one": Case(
        spoil=each("labels", _mask),
        options=("--labels", "binary"),
        told=("labels binary: values 0, 255, as asked",),
    ),
    "a pair of files": Case(
        spoil=rename("labels/cell1.tif", "labels/whatever.tif"),
        places=("images/cell1.tif", "labels/whatever.tif"),
        told=("1 page in 1 file",),
    ),
    "one pair in all": Case(spoil=_keep_one_pair, told=("1 page in 1 file",)),
    "one folder for both": Case(
        spoil=_one_folder, places=("images", "images"), told=("3 pages in 3 files",)
    ),
    "patterns": Case(
        spoil=put("images/other.tif", b""),
        places=("images/cell?.tif", "labels/*.tif"),
        told=("3 pages in 3 files",),
    ),
    "labels with an ending": Case(
        spoil=_rename_each("labels", "cell{n}_cp_masks.tif"), told=("3 pages in 3 files",)
    ),
    "labels in another format": Case(
        spoil=draw_each("labels", ".png", grey), told=("3 pages in 3 files",)
    ),
    "endings in capitals": Case(
        spoil=_rename_each("images", "cell{n}.TIFF"), told=("3 pages in 3 files",)
    ),
    "names with dots": Case(
        spoil=both(
            _rename_each("images", "exp.1.{n}.ome.tif"), _rename_each("labels", "exp.1.{n}.tif")
        ),
        told=("3 pages in 3 files",),
    ),
    "names with blanks, quotes and signs": Case(
        spoil=both(
            _rename_each("images", "it's {n} % #[a] \U0001f52c.tif"),
            _rename_each("labels", "it's {n} % #[a] \U0001f52c.tif"),
        ),
        told=("3 pages in 3 files",),
    ),
    "accents taken apart on one side": Case(
        spoil=both(
            _rename_each("images", "Zell\u00e4{n}.tif"),
            _rename_each("labels", "Zella\u0308{n}.tif"),
        ),
        told=("3 pages in 3 files",),
    ),
    "names that differ by case within a folder": Case(
        spoil=both(*(rename(f"{s}/cell1.tif", f"{s}/CELL0.tif") for s in ("images", "labels"))),
        told=("3 pages in 3 files",),
    ),
    "links to files": Case(spoil=_link, told=("3 pages in 3 files",)),
    "a pair under two names": Case(
        spoil=_copy_pair,
        told=("1 of the images: same image and labels as another", "copy.tif"),
    ),
    "images of many sizes": Case(
        spoil=lambda place: [
            tif(f"{side}/cell{n}.tif", pair(n)[side == "labels"][n:, : 40 - n])(place)
            for side in ("images", "labels")
            for n in range(PAIRS)
        ],
        told=("size 46x38 px, 47x39 px, 48x40 px",),
    ),
    "stray files": Case(
        spoil=lambda place: [put(f"images/{name}", b"")(place) for name in _STRAYS],
        told=("ignored 7 other files",),
    ),
    "an inner folder": Case(
        spoil=_inner_folders,
        told=("ignored 2 inner folders",),
    ),
}
