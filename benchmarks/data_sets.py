"""The data sets that accuracy is measured on, and which of their images are only scored."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from overtile.arrays import Pixels
from overtile.choices import LabelKind, Task
from overtile.io import match_files, read_image, read_labels


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Annotated images below the data folder."""

    title: str
    folder: str
    """Below the data folder, as are `images` and `labels` below it."""

    images: str = "images"
    labels: str = "labels"
    kind: LabelKind
    task: Task
    held_out: tuple[int, ...]
    """Numbers, from 0, of the pages that are only scored; of the files, where `every` is given."""

    every: int | None = None
    """Of the pages of a file only each so-many-th is taken, from the first that shows an object."""

    figures: tuple[str, ...]
    """By which methods are compared, the first first."""


DATA_SETS = {
    "isbi2012": DataSet(
        title="EM membranes (ISBI 2012)",
        folder="isbi2012",
        images="train-volume.tif",
        labels="train-labels.tif",
        kind="binary",
        task="isbi2012",
        held_out=(3, 9, 17, 22),
        figures=("rand_error", "v_rand", "pixel_error"),
    ),
    "dsb2018": DataSet(
        title="Fluorescence nuclei (DSB 2018)",
        folder="dsb2018-fluorescence",
        kind="instances",
        task="instances",
        held_out=tuple(range(0, 124, 5)),
        figures=("average_precision_50", "average_precision_75", "seg"),
    ),
    "t98g": DataSet(
        title="Cells in phase contrast (T98G)",
        folder="t98g-phase-contrast",
        kind="instances",
        task="instances",
        held_out=(2, 7, 12, 17),
        figures=("average_precision_50", "average_precision_75", "seg"),
    ),
    "hippocampus": DataSet(
        title="Hippocampus slices (MSD)",
        folder="msd-hippocampus-3d",
        kind="classes",
        task="classes",
        held_out=(2, 7, 12, 17),
        every=3,
        figures=("mean_dice",),
    ),
}


def put_aside(
    data_set: DataSet, data: Path, folder: Path, *, images: int | None = None, seed: int = 0
) -> int:
    """Write the pages that are only scored to ``test``, others to ``train``: each a file.

    Parameters
    ----------
    data_set : DataSet
    data : path
        The folder of the data sets.
    folder : path
        What was in it is deleted.
    images : int, optional
        How many of the others are kept, drawn by `seed` such that they show all classes; all of
        them if not given.
    seed : int

    Returns
    -------
    scored : int
        How many pages ``test`` has.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pages = list(_pages(data_set, data))
    others = [place for place, (number, *_) in enumerate(pages) if number not in data_set.held_out]
    scored = [place for place in range(len(pages)) if place not in others]
    if images is not None:
        of_classes = data_set.kind == "classes"
        shown = [
            set(np.unique(pages[place][3]).tolist()) if of_classes else set() for place in others
        ]
        others = [others[number] for number in draw(shown, images, seed)]
    for part, places in (("train", others), ("test", scored)):
        for place in places:
            _, name, pixels, labels = pages[place]
            _write(folder / part / "images" / name, pixels)
            _write(folder / part / "labels" / name, labels)
    return len(scored)


def draw(shown: list[set[int]], images: int, seed: int) -> list[int]:
    """Draw so many images, by number, that show together all classes that there are."""
    rng = np.random.default_rng(seed)
    while True:
        chosen: list[int] = rng.permutation(len(shown))[:images].tolist()
        if set().union(*(shown[number] for number in chosen)) == set().union(*shown):
            return sorted(chosen)


def _pages(data_set: DataSet, data: Path) -> Iterator[tuple[int, str, Pixels, Pixels]]:
    """Give what `held_out` counts, a file name, grey values (Y, X) or (Y, X, C), and labels."""
    home, number = data / data_set.folder, 0
    for pair in match_files(str(home / data_set.images), str(home / data_set.labels)).pairs:
        image, labels = read_image(pair.image).pixels, read_labels(pair.labels).pixels[:, 0]
        for page in _chosen(labels, data_set.every):
            pixels = np.squeeze(np.moveaxis(image[page], 0, -1))
            yield number, f"{pair.image.stem}_{page:03d}.tif", pixels, labels[page]
            number += data_set.every is None
        number += data_set.every is not None


def _chosen(labels: Pixels, every: int | None) -> list[int]:
    if every is None:
        return list(range(len(labels)))
    return np.flatnonzero(labels.any(axis=(1, 2)))[::every].tolist()


def _write(target: Path, pixels: Pixels) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if pixels.dtype == np.uint32:
        pixels = pixels.astype(np.uint16)
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    tifffile.imwrite(target, pixels, photometric=photometric)
