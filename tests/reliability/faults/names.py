"""Files that do not belong together, or are not where they are said to be: `check` must say so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from faults.place import PAIRS, Case, Cases, Spoil, both, nothing, put, remove, rename

_HOW = "an image pairs with the label file of the same name"


def _each(side: str, name: str) -> list[tuple[str, str]]:
    return [(f"{side}/cell{n}.tif", f"{side}/{name.format(n=n)}") for n in range(PAIRS)]


def _rename_each(side: str, name: str) -> Spoil:
    return both(*(rename(old, new) for old, new in _each(side, name)))


def _copy(old: str, new: str) -> Spoil:
    return lambda place: shutil.copy(place / old, place / new)


def _empty(side: str) -> Spoil:
    return both(*(remove(f"{side}/cell{number}.tif") for number in range(PAIRS)))


def _link(name: str, target: str) -> Spoil:
    def spoil(place: Path) -> None:
        (place / name).unlink(missing_ok=True)
        (place / name).symlink_to(target)

    return spoil


def _folder(name: str) -> Spoil:
    def spoil(place: Path) -> None:
        (place / name).unlink()
        (place / name).mkdir()

    return spoil


FAULTS: Cases = {
    "no such images": Case(
        spoil=nothing, places=("image", "labels"), told=("image: does not exist", "give an image")
    ),
    "no such labels": Case(
        spoil=nothing, places=("images", "label"), told=("label: does not exist", "give an image")
    ),
    "no name at all": Case(
        spoil=both(_copy("images/cell0.tif", "cell0.tif"), remove("cell0.tif")),
        places=("", "labels"),
        told=(".: holds no image", "inner folders are not searched"),
    ),
    "the folder above": Case(
        spoil=nothing, places=(".", "labels"), told=(".: holds no image", "inner folders")
    ),
    "images in a folder inside": Case(
        spoil=_rename_each("images", "inner/cell{n}.tif"),
        told=("images: holds no image", "inner folders are not searched"),
    ),
    "a pattern that matches nothing": Case(
        spoil=nothing,
        places=("images/*.png", "labels"),
        told=("images/*.png: matches no image", "give a place with .png"),
    ),
    "a pattern that matches folders": Case(
        spoil=nothing, places=("*", "labels"), told=("*: matches no image", "inner folders")
    ),
    "no images": Case(
        spoil=_empty("images"), told=("images: holds no image", "give a place with .png")
    ),
    "no labels": Case(
        spoil=_empty("labels"), told=("labels: holds no image", "give a place with .png")
    ),
    "labels of another kind of file": Case(
        spoil=both(_empty("labels"), put("labels/cell0.npy", b""), put("labels/cell0.json", b"")),
        told=("labels: holds no image", "give a place with .png"),
    ),
    "a pipe": Case(
        spoil=lambda place: os.mkfifo(place / "pipe.tif"),
        places=("pipe.tif", "labels"),
        told=("pipe.tif: is neither a file nor a folder", "give an image"),
    ),
    "a device": Case(
        spoil=nothing,
        places=("/dev/zero", "labels"),
        told=("/dev/zero: is neither a file nor a folder", "give an image"),
    ),
    "a link to nothing in the place of the images": Case(
        spoil=_link("link", "nowhere"),
        places=("link", "labels"),
        told=("link: does not exist", "give an image"),
    ),
    "a link to itself": Case(
        spoil=_link("link", "link"), places=("link", "labels"), told=("link: ", "; ")
    ),
    "a link to nothing among the labels": Case(
        spoil=_link("labels/cell1.tif", "nowhere"),
        told=("images: 1 of 3 images lack labels (cell1.tif)", _HOW),
    ),
    "a folder named as an image": Case(
        spoil=_folder("images/cell1.tif"),
        told=("images: 1 of 3 label files lack an image (cell1.tif)", _HOW),
    ),
    "one image without labels": Case(
        spoil=remove("labels/cell1.tif"),
        told=("images: 1 of 3 images lack labels (cell1.tif)", _HOW),
    ),
    "labels without an image": Case(
        spoil=remove("images/cell1.tif"),
        told=("images: 1 of 3 label files lack an image (cell1.tif)", _HOW),
    ),
    "names that differ": Case(
        spoil=_rename_each("labels", "truth{n}.tif"),
        told=("images: 3 of 3 images lack labels (cell0.tif, cell1.tif, cell2.tif) and", _HOW),
    ),
    "numbers that differ by one": Case(
        spoil=both(
            rename("labels/cell2.tif", "labels/cell3.tif"),
            rename("labels/cell1.tif", "labels/cell2.tif"),
        ),
        told=("1 of 3 images lack labels (cell1.tif) and 1 of 3 label files lack", "cell3.tif"),
    ),
    "numbers with zeros in front": Case(
        spoil=_rename_each("labels", "cell00{n}.tif"), told=("3 of 3 images lack labels", _HOW)
    ),
    "names that differ by case": Case(
        spoil=rename("labels/cell1.tif", "labels/Cell1.tif"),
        told=("1 of 3 images lack labels (cell1.tif)", "in the same case"),
    ),
    "names that differ by a blank": Case(
        spoil=rename("labels/cell1.tif", "labels/cell1 .tif"),
        told=("1 of 3 images lack labels (cell1.tif)", _HOW),
    ),
    "names with an unknown ending": Case(
        spoil=_rename_each("labels", "cell{n}_truth.tif"),
        told=("3 of 3 images lack labels", "may end in _cp_masks, _masks"),
    ),
    "two labels of one image": Case(
        spoil=_copy("labels/cell1.tif", "labels/cell1_mask.tif"),
        told=("cell1.tif: has two label files, cell1.tif and cell1_mask.tif", "keep one"),
    ),
    "labels in two formats": Case(
        spoil=_copy("labels/cell1.tif", "labels/cell1.png"),
        told=("cell1.tif: has two label files, cell1.png and cell1.tif", "keep one"),
    ),
    "images of one name in two formats": Case(
        spoil=_copy("images/cell1.tif", "images/cell1.png"),
        told=("cell1.tif: has the same name as cell1.png", "rename one of the images"),
    ),
    "one folder for both without endings": Case(
        spoil=nothing,
        places=("images", "images"),
        told=("images: there is no label file beside the images", _HOW),
    ),
    "one file for both": Case(
        spoil=nothing,
        places=("images/cell1.tif", "images/cell1.tif"),
        told=("there is no label file beside the images", _HOW),
    ),
    "only labels in the folder for both": Case(
        spoil=both(_rename_each("labels", "cell{n}_mask.tif")),
        places=("labels", "labels"),
        told=("labels: there is no image beside the labels", _HOW),
    ),
    "one image and the labels of all": Case(
        spoil=nothing,
        places=("images/cell1.tif", "labels"),
        told=("images/cell1.tif: 2 of 3 label files lack an image", "give a stack one stack"),
    ),
    "all images and the labels of one": Case(
        spoil=nothing,
        places=("images", "labels/cell1.tif"),
        told=("images: 2 of 3 images lack labels", "give a stack one stack"),
    ),
    "a name longer than a disk takes": Case(
        spoil=nothing, places=("a" * 300, "labels"), told=("aaa: ", "; ")
    ),
    "a pairing fault beside a bad file": Case(
        spoil=both(remove("labels/cell1.tif"), put("images/cell2.tif", b"")),
        told=("images/cell2.tif: is empty", "copy or download it again"),
    ),
}
