"""The pages that every baseline learns from and is scored on: ISBI 2012, 512×512 px each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from overtile.data.normalise import normalise
from overtile.data.sample import Annotated
from overtile.io import read_image, read_labels

HELD_OUT = (3, 9, 17, 22)
"""Only scored. Slices 0…14 are smooth and the others noisy: two of each."""

CHOOSING = (1, 18)
"""Pages of the training set on which learning rates are compared: one smooth, one noisy."""

CLASS_NAMES = ("membrane", "interior")
IMAGES = "isbi2012/train-volume.tif"
LABELS = "isbi2012/train-labels.tif"


@dataclass(frozen=True, kw_only=True)
class Split:
    """What is trained on, and what is looked at meanwhile."""

    training: Sequence[Annotated]
    watched: Sequence[Annotated]


def read_pages(data: Path) -> list[Annotated]:
    """Read all annotated pages.

    Parameters
    ----------
    data : path
        The folder of the data sets.

    Returns
    -------
    pages : list of Annotated
        Grey values (1, 512, 512) normalised as `overtile` does; labels are the classes 0, membrane,
        and 1, interior of a cell.
    """
    images, labels = read_image(data / IMAGES), read_labels(data / LABELS)
    return [
        Annotated(
            name=f"page {number}",
            pixels=normalise(pixels),
            labels=(classes[0] > 0).astype("uint32"),
        )
        for number, (pixels, classes) in enumerate(zip(images.pixels, labels.pixels, strict=True))
    ]


def final_split(pages: Sequence[Annotated]) -> Split:
    """Train on all but the held-out pages."""
    return Split(training=_without(pages, HELD_OUT), watched=[pages[i] for i in HELD_OUT])


def choosing_split(pages: Sequence[Annotated]) -> Split:
    """Compare learning rates without a look at the held-out pages."""
    return Split(
        training=_without(pages, HELD_OUT + CHOOSING), watched=[pages[i] for i in CHOOSING]
    )


def _without(pages: Sequence[Annotated], numbers: tuple[int, ...]) -> list[Annotated]:
    return [page for number, page in enumerate(pages) if number not in numbers]
